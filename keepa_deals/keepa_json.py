"""Keepa's JSON to records: with `keepa_shapes` the only home of Keepa's field names and indexes.

Pure. Nothing but MalformedReply is ever raised; a row or product that can't be read is set aside with the path of
what was wrong, and the rest goes on. Keepa's negative numbers for "nothing" become None here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from keepa_deals import keepa_shapes as shapes
from keepa_deals import keepa_values as values
from keepa_deals.errors import MalformedReply
from keepa_deals.keepa_product import read_product
from keepa_deals.keepa_shapes import Index
from keepa_deals.keepa_values import Numbers
from keepa_deals.records import (
    Condition,
    FeedPage,
    FeedRecord,
    LookAnswer,
    Product,
    Seller,
    SellerAnswer,
    SetAside,
    TokenStatus,
)
from keepa_deals.units import to_keepa_minutes


@dataclass(frozen=True, slots=True)
class Complaint:
    """What Keepa says is wrong with a request."""

    kind: str
    message: str


def read_envelope(body: bytes) -> TokenStatus | None:
    """The token meter of any answer, or None where there is none to read. Fractions are rounded down."""
    try:
        envelope = shapes.decode(body, shapes.Envelope)
    except shapes.Unreadable:
        return None
    balance = values.integer(values.number(envelope.tokensLeft))
    if balance is None:
        return None
    return TokenStatus(
        balance=balance,
        refill_rate=values.count(values.number(envelope.refillRate)) or 0,
        refill_in_ms=values.count(values.number(envelope.refillIn)) or 0,
        flow_reduction=_reduction(values.number(envelope.tokenFlowReduction)),
        consumed=values.count(values.number(envelope.tokensConsumed)) or 0,
        server_time=values.server_time(values.number(envelope.timestamp)),
    )


def read_complaint(body: bytes) -> Complaint | None:
    """Keepa's own words about a failure, shortened; None where it gave none."""
    try:
        error = shapes.decode(body, shapes.Failure).error
    except shapes.Unreadable:
        return None
    if error is None:
        return None
    return Complaint(kind=values.text(error.type, 60) or "", message=values.text(error.message, 300) or "")


def parse_feed(body: bytes, *, now: datetime) -> FeedPage:
    """One `/deal` answer. `now` (aware UTC) tells which instants are nonsense. Raises MalformedReply."""
    try:
        rows = shapes.decode(body, shapes.FeedBody).deals.dr
    except shapes.Unreadable as fault:
        raise MalformedReply(f"Keepa's /deal answer can't be read: {fault}; ask for the page again.") from None
    records: list[FeedRecord] = []
    unreadable: list[SetAside] = []
    for position, row in enumerate(rows):
        try:
            records.append(_feed_record(shapes.decode(row, shapes.DealRow), now=now))
        except shapes.Unreadable as fault:
            unreadable.append(_set_aside(row, f"deals.dr[{position}]", fault))
    return FeedPage(records=tuple(records), unreadable=tuple(unreadable), row_count=len(rows))


def parse_look(body: bytes, *, asked: Sequence[str], now: datetime) -> LookAnswer:
    """One `/product` answer to a call that asked for the ASINs `asked`. Raises MalformedReply.

    A body without products whose envelope is sound means that Keepa knows none of them. A product that was not
    asked for, or comes twice, is set aside: it must not be booked on somebody else's row.
    """
    try:
        rows = shapes.decode(body, shapes.LookBody).products
    except shapes.Unreadable as fault:
        raise MalformedReply(f"Keepa's /product answer can't be read: {fault}; ask again.") from None
    if rows is None and read_envelope(body) is None:
        raise MalformedReply("Keepa's /product answer has neither `$.products` nor `$.tokensLeft`; ask again.")
    products: dict[str, Product] = {}
    unreadable: list[SetAside] = []
    for position, row in enumerate(rows or ()):
        place = f"products[{position}]"
        try:
            product, bad_offers = read_product(shapes.decode(row, shapes.ProductRow), now=now)
            if product.asin not in asked or product.asin in products:
                raise shapes.Unreadable(f"{product.asin} was not asked for, or came twice - at `$.asin`")
        except shapes.Unreadable as fault:
            unreadable.append(_set_aside(row, place, fault))
        else:
            products[product.asin] = product
            unreadable.extend(bad_offers)
    named = {*products, *(aside.key for aside in unreadable)}
    missing = tuple(asin for asin in dict.fromkeys(asked) if asin not in named)
    return LookAnswer(products=tuple(products.values()), unreadable=tuple(unreadable), missing=missing)


def parse_sellers(body: bytes, *, asked: Sequence[str], now: datetime) -> SellerAnswer:
    """One `/seller` answer. Raises MalformedReply."""
    try:
        rows = shapes.decode(body, shapes.SellerBody).sellers
    except shapes.Unreadable as fault:
        raise MalformedReply(f"Keepa's /seller answer can't be read: {fault}; ask again.") from None
    if rows is None and read_envelope(body) is None:
        raise MalformedReply("Keepa's /seller answer has neither `$.sellers` nor `$.tokensLeft`; ask again.")
    sellers: list[Seller] = []
    unreadable: list[SetAside] = []
    for seller_id, row in (rows or {}).items():
        try:
            sellers.append(_seller(seller_id, shapes.decode(row, shapes.SellerRow), now=now))
        except shapes.Unreadable as fault:
            unreadable.append(SetAside(key=values.text(seller_id, 40) or "", error=f"sellers: {fault}"))
    named = {*(seller.seller_id for seller in sellers), *(aside.key for aside in unreadable)}
    missing = tuple(seller_id for seller_id in dict.fromkeys(asked) if seller_id not in named)
    return SellerAnswer(sellers=tuple(sellers), unreadable=tuple(unreadable), missing=missing)


def _reduction(tokens_per_minute: values.Number | None) -> float:
    known = values.count(tokens_per_minute)
    return float(tokens_per_minute) if known is not None and tokens_per_minute is not None else 0.0


def _set_aside(row: msgspec.Raw, place: str, fault: shapes.Unreadable) -> SetAside:
    try:
        name = values.text(shapes.decode(row, shapes.Named).asin, 20)
    except shapes.Unreadable:
        name = None
    return SetAside(key=name or place, error=f"{place}: {fault}")


def _feed_record(row: shapes.DealRow, *, now: datetime) -> FeedRecord:
    updated_at = values.instant(row.lastUpdate, now=now)
    if updated_at is None:
        raise shapes.Unreadable(f"{row.lastUpdate!r} is no possible time of an update - at `$.lastUpdate`")
    lightning_end = values.integer(row.lightningEnd)
    means = [values.price(values.at(_interval(row.avg, place), Index.USED)) for place in range(4)]
    return FeedRecord(
        asin=shapes.checked_asin(row.asin),
        title=values.title(row.title, shapes.LONGEST_TITLE) or "",
        root_category=values.natural(row.rootCat),
        categories=values.ids(row.categories),
        image=values.image_of_codes(row.image),
        updated_at=updated_at,
        used_cents=values.price(values.at(row.current, Index.USED)),
        used_since=values.instant(values.at(row.currentSince, Index.USED), now=now),
        landed_cents_by_grade=_landed_now(row.current),
        buy_box_used_landed_cents=values.price(values.at(row.current, Index.LANDED_BUY_BOX_USED)),
        new_cents=values.price(values.at(row.current, Index.NEW)),
        amazon_cents=values.price(values.at(row.current, Index.AMAZON)),
        list_price_cents=values.price(values.at(row.current, Index.LIST_PRICE)),
        sales_rank=values.natural(values.at(row.current, Index.SALES_RANK)),
        used_offers=values.count(values.at(row.current, Index.USED_OFFERS)),
        new_offers=values.count(values.at(row.current, Index.NEW_OFFERS)),
        used_avg_cents=(means[0], means[1], means[2], means[3]),
        sales_rank_avg90=values.natural(values.at(_interval(row.avg, 3), Index.SALES_RANK)),
        drops30=values.count(row.salesRankDrops30),
        drops90=values.count(row.salesRankDrops90),
        drops180=values.count(row.salesRankDrops180),
        drops365=values.count(row.salesRankDrops365),
        is_warehouse_deal=bool(values.natural(row.warehouseCondition)),
        is_lightning_deal=lightning_end is not None and lightning_end > to_keepa_minutes(now),
    )


def _seller(seller_id: str, row: shapes.SellerRow, *, now: datetime) -> Seller:
    if values.text(seller_id, 40) != seller_id:
        raise shapes.Unreadable("no possible seller id")
    rating = values.count(row.currentRating)
    return Seller(
        seller_id=seller_id,
        name=values.text(row.sellerName, shapes.LONGEST_TEXT),
        rating_percent=rating if rating is not None and rating <= 100 else None,
        rating_count=values.count(row.currentRatingCount),
        ships_from_china=row.shipsFromChina,
        has_fba=row.hasFBA,
        updated_at=values.instant(row.lastUpdate, now=now),
    )


def _interval(averages: list[Numbers | None] | None, place: int) -> Numbers | None:
    return averages[place] if averages is not None and place < len(averages) else None


def _landed_now(current: Numbers | None) -> dict[Condition, int]:
    found = {grade: values.price(values.at(current, index)) for grade, index in shapes.GRADE_INDEXES.items()}
    return {grade: cents for grade, cents in found.items() if cents is not None}
