"""One product of a `/product` answer, with its offers and histories, to records: the longer half of `keepa_json`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from keepa_deals import keepa_shapes as shapes
from keepa_deals import keepa_values as values
from keepa_deals.keepa_shapes import Index
from keepa_deals.keepa_values import Number, Numbers
from keepa_deals.records import Averages, Condition, Offer, Product, Series, SetAside
from keepa_deals.units import KEEPA_EPOCH, to_keepa_minutes

Reader = Callable[[Number | None], int | None]

SAME_FETCH = timedelta(hours=1)
"""Keepa fetches all offers of a product in one go of 2 to 20 s, so an offer last seen more than this before the
latest fetch was not there any more (or lay beyond the offers asked for): it can't be promised to anybody"""

PRICE_SERIES = {"amazon": Index.AMAZON, "new": Index.NEW, "used": Index.USED}
COUNT_SERIES = {"used_offers": Index.USED_OFFERS, "new_offers": Index.NEW_OFFERS}
LANDED_SERIES = {
    "landed_like_new": Index.LANDED_LIKE_NEW,
    "landed_very_good": Index.LANDED_VERY_GOOD,
    "landed_good": Index.LANDED_GOOD,
    "landed_acceptable": Index.LANDED_ACCEPTABLE,
    "landed_buy_box_used": Index.LANDED_BUY_BOX_USED,
}


def read_product(row: shapes.ProductRow, *, now: datetime) -> tuple[Product, list[SetAside]]:
    """The product, and the offers of it that can't be read. Raises Unreadable."""
    stats = row.stats if row.stats is not None else shapes.Stats()
    current = _current(row, stats, now=now)
    updated_at = values.instant(row.lastUpdate, now=now) or KEEPA_EPOCH
    checked_at = values.instant(stats.lastOffersUpdate, now=now) or updated_at
    offers, bad_offers = _live_offers(row, checked_at=checked_at, now=now)
    tree = [node for node in row.categoryTree or () if node is not None]
    product = Product(
        asin=shapes.checked_asin(row.asin),
        domain_id=values.natural(row.domainId) or 0,
        product_type=values.count(row.productType) or 0,
        title=values.title(row.title, shapes.LONGEST_TITLE),
        author=values.text(row.author, shapes.LONGEST_TEXT),
        brand=values.text(row.brand, shapes.LONGEST_TEXT) or values.text(row.manufacturer, shapes.LONGEST_TEXT),
        binding=values.text(row.binding, shapes.LONGEST_TEXT),
        isbn13=values.isbn13(row.eanList),
        root_category=values.natural(row.rootCategory),
        root_category_name=values.text(tree[0].name, shapes.LONGEST_TEXT) if tree else None,
        categories=values.ids(row.categories),
        image=_first_image(row),
        published=values.date(row.publicationDate) or values.date(row.releaseDate),
        package_grams=values.natural(row.packageWeight),
        package_mm=_package_mm(row),
        updated_at=updated_at,
        used_cents=values.price(current[Index.USED]),
        used_since=_used_since(row, now=now),
        landed_cents_by_grade=_landed_grades(row, current, now=now),
        buy_box_used_landed_cents=_buy_box_used(stats, current),
        new_cents=values.price(current[Index.NEW]),
        amazon_cents=values.price(current[Index.AMAZON]),
        amazon_avg=_averages(stats, Index.AMAZON, values.price),
        list_price_cents=values.price(current[Index.LIST_PRICE]),
        sales_rank=values.natural(current[Index.SALES_RANK]),
        used_offers=values.count(current[Index.USED_OFFERS]),
        new_offers=values.count(current[Index.NEW_OFFERS]),
        used_avg=_averages(stats, Index.USED, values.price),
        new_avg=_averages(stats, Index.NEW, values.price),
        sales_rank_avg=_averages(stats, Index.SALES_RANK, values.natural),
        used_offers_avg=_averages(stats, Index.USED_OFFERS, values.count),
        drops30=values.count(stats.salesRankDrops30),
        drops90=values.count(stats.salesRankDrops90),
        drops180=values.count(stats.salesRankDrops180),
        drops365=values.count(stats.salesRankDrops365),
        fba_fee_cents=values.price(row.fbaFees.pickAndPackFee) if row.fbaFees is not None else None,
        referral_percent=values.percent(row.referralFeePercentage) or values.percent(row.referralFeePercent),
        closing_fee_cents=values.surcharge(row.variableClosingFee),
        offers=offers,
        offers_checked_at=checked_at if offers is not None else None,
        history=_history(row, now=now),
    )
    return product, bad_offers


def _current(row: shapes.ProductRow, stats: shapes.Stats, *, now: datetime) -> dict[Index, Number | None]:
    """The value in force by index: of the statistics where they were asked for, else the end of the history."""
    if stats.current is not None:
        return {index: values.at(stats.current, index) for index in Index}
    current: dict[Index, Number | None] = {}
    for index in Index:
        if index in LANDED_SERIES.values():
            series = values.landed_series(_csv(row, index), now=now)
        else:
            series = values.step_series(_csv(row, index), now=now, read=values.count)
        current[index] = series.values[-1] if series is not None else None
    return current


def _live_offers(
    row: shapes.ProductRow, *, checked_at: datetime, now: datetime
) -> tuple[tuple[Offer, ...] | None, list[SetAside]]:
    """The offers that Keepa's latest fetch of them saw, None where there was none, and those that can't be read."""
    if row.offersSuccessful is False or (row.offers is None and row.offersSuccessful is None):
        return None, []
    live: list[Offer] = []
    unreadable: list[SetAside] = []
    for position, raw in enumerate(row.offers or ()):
        place = f"{row.asin} offers[{position}]"
        try:
            offer = _offer(shapes.decode(raw, shapes.OfferRow), now=now)
        except shapes.Unreadable as fault:
            unreadable.append(SetAside(key=place, error=f"{place}: {fault}"))
            continue
        if offer is not None and offer.last_seen >= checked_at - SAME_FETCH:
            live.append(offer)
    return tuple(live), unreadable


def _offer(row: shapes.OfferRow, *, now: datetime) -> Offer | None:
    """One offer at its newest price point; None if Keepa does not say when it was seen."""
    seller_id = values.text(row.sellerId, 40)
    if seller_id is None:
        raise shapes.Unreadable("an offer without a seller can't be named - at `$.sellerId`")
    last_seen = values.instant(row.lastSeen, now=now)
    if last_seen is None:
        return None
    priced_at, item_cents, shipping_cents = _newest_point(row.offerCSV, now=now)
    return Offer(
        seller_id=seller_id,
        condition=_condition(row.condition),
        item_cents=item_cents,
        shipping_cents=shipping_cents,
        is_fba=bool(row.isFBA),
        is_amazon=bool(row.isAmazon),
        is_shippable=_ships_one_copy(row),
        last_seen=last_seen,
        priced_at=priced_at,
        comment=values.text(row.conditionComment, shapes.LONGEST_TITLE),
    )


def _ships_one_copy(row: shapes.OfferRow) -> bool:
    """Whether the offer sends one copy today; what Keepa does not say is no hindrance.

    One that Keepa takes for a scam, a preorder, or several copies at least, is neither to buy nor a rival.
    """
    least = values.count(row.minOrderQty)
    is_single = least is None or least <= 1
    return row.isShippable is not False and row.isScam is not True and row.isPreorder is not True and is_single


def _newest_point(points: Numbers | None, *, now: datetime) -> tuple[datetime | None, int | None, int | None]:
    """Time, item price and shipping of the latest point whose price was determined (-2 says it was not)."""
    latest = to_keepa_minutes(now)
    determined = [
        (minute, item, shipping)
        for at_minute, item, shipping in values.triples(points)
        if (minute := values.natural(at_minute)) is not None and minute <= latest and item != -2
    ]
    if not determined:
        return None, None, None
    minute, item, shipping = max(enumerate(determined), key=lambda point: (point[1][0], point[0]))[1]
    return values.instant(minute, now=now), values.price(item), values.surcharge(shipping)


def _condition(value: Number | None) -> Condition:
    number = values.count(value)
    return Condition(number) if number is not None and number in list(Condition) else Condition.UNKNOWN


def _csv(row: shapes.ProductRow, index: Index) -> Numbers | None:
    return row.csv[index] if row.csv is not None and index < len(row.csv) else None


def _landed_grades(
    row: shapes.ProductRow, current: dict[Index, Number | None], *, now: datetime
) -> dict[Condition, int]:
    """Landed price by used grade. Where the history is there its shipping must be known: the statistics count
    unknown shipping as free (Keepa's Java client, ProductAnalyzer)."""
    grades: dict[Condition, int] = {}
    for grade, index in shapes.GRADE_INDEXES.items():
        series = values.landed_series(_csv(row, index), now=now)
        cents = series.values[-1] if series is not None else values.price(current[index])
        if cents is not None:
            grades[grade] = cents
    return grades


def _buy_box_used(stats: shapes.Stats, current: dict[Index, Number | None]) -> int | None:
    item_cents = values.price(stats.buyBoxUsedPrice)
    if item_cents is None:
        return values.price(current[Index.LANDED_BUY_BOX_USED])
    shipping_cents = values.surcharge(stats.buyBoxUsedShipping)
    if shipping_cents is None and stats.buyBoxUsedIsFBA:
        return item_cents
    return item_cents + shipping_cents if shipping_cents is not None else None


def _averages(stats: shapes.Stats, index: Index, read: Reader) -> Averages:
    spans = (stats.avg30, stats.avg90, stats.avg180, stats.avg365)
    d30, d90, d180, d365 = (read(values.at(means, index)) for means in spans)
    return Averages(d30=d30, d90=d90, d180=d180, d365=d365)


def _used_since(row: shapes.ProductRow, *, now: datetime) -> datetime | None:
    series = values.step_series(_csv(row, Index.USED), now=now, read=values.price)
    return values.instant(series.minutes[-1], now=now) if series is not None else None


def _history(row: shapes.ProductRow, *, now: datetime) -> dict[str, Series]:
    def steps(index: Index, read: Reader) -> Series | None:
        return values.step_series(_csv(row, index), now=now, read=read)

    found = {"rank": steps(Index.SALES_RANK, values.natural)}
    for name, index in PRICE_SERIES.items():
        found[name] = steps(index, values.price)
    for name, index in COUNT_SERIES.items():
        found[name] = steps(index, values.count)
    for name, index in LANDED_SERIES.items():
        found[name] = values.landed_series(_csv(row, index), now=now)
    return {name: series for name, series in found.items() if series is not None}


def _package_mm(row: shapes.ProductRow) -> tuple[int, int, int] | None:
    length, width, height = (values.natural(side) for side in (row.packageLength, row.packageWidth, row.packageHeight))
    if length is None or width is None or height is None:
        return None
    return length, width, height


def _first_image(row: shapes.ProductRow) -> str | None:
    listed = [name for picture in row.images or () if picture is not None for name in (picture.l, picture.m)]
    for name in (*listed, *(row.imagesCSV or "").split(",")):
        if values.image(name) is not None:
            return name
    return None
