"""The JSON API: deals, their count, and one deal. Amounts are currency units, instants ISO 8601 in UTC."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from operator import attrgetter
from typing import Any

from flask import Blueprint, Response, abort, request
from sqlalchemy import Connection

from keepa_deals.deal_cursor import cursor_text
from keepa_deals.deal_fields import FIELDS, Field, Kind
from keepa_deals.deal_query import DealQuery, parse_deal_query
from keepa_deals.errors import BadParameter
from keepa_deals.store import facets as narrowing
from keepa_deals.store import find
from keepa_deals.web.desk import desk
from keepa_deals.web.errors import json_response
from keepa_deals.web.marketplaces import MARKETPLACES, Marketplace

blueprint = Blueprint("api", __name__, url_prefix="/api")

AMOUNTS = {
    "item_price": "item_cents",
    "shipping": "shipping_cents",
    "price": "price_now_cents",
    "sale_price": "sale_price_cents",
    "referral_fee": "referral_fee_cents",
    "fba_fee": "fba_fee_cents",
    "closing_fee": "closing_fee_cents",
    "all_in": "all_in_cents",
    "profit": "profit_cents",
    "break_even": "break_even_cents",
    "minimum_list": "minimum_list_cents",
    "maximum_buy": "maximum_buy_cents",
    "list_price": "list_cents",
    "profit_if_sold": "profit_if_sold_cents",
    "profit_low": "profit_low_cents",
    "error_scale": "error_scale_cents",
    "sale_low": "sale_low_cents",
    "sale_high": "sale_high_cents",
    "one_year_average": "one_year_average_cents",
    "peak_price": "peak_cents",
    "trough_price": "trough_cents",
    "new_price": "new_cents",
    "amazon_price": "amazon_cents",
    "used_avg90": "used_avg90_cents",
    "used_avg365": "used_avg365_cents",
}


_cents_of = attrgetter(*AMOUNTS.values())
MOST_COUNTED = 10_000
COUNTS = ("capped", "exact", "none")


@blueprint.get("/deals")
def deals() -> Response:
    query, how, now = asked_query(besides=("count",)), _asked_count("capped"), desk().now()
    with desk().reading() as connection:
        page = find.find_deals(connection, query, now=now)
        counted = _count_json(connection, query, how, now)
    following = page.next_after
    body = {
        "deals": [deal_json(deal, now) for deal in page.deals],
        **counted,
        "next_cursor": None if following is None else cursor_text(following, sort=query.sort),
    }
    return json_response(body | circumstances(now))


@blueprint.get("/deal-count")
def deal_count() -> Response:
    query, how, now = asked_query(besides=("count",)), _asked_count("exact"), desk().now()
    with desk().reading() as connection:
        counted = _count_json(connection, query, how, now)
    return json_response(counted | circumstances(now))


@blueprint.get("/facets")
def facets() -> Response:
    query, fields, now = asked_query(besides=("histogram",)), _asked_histograms(), desk().now()
    with desk().reading() as connection:
        found = narrowing.facets(connection, query, now=now)
        drawn = {field.name: narrowing.histogram(connection, query, field, now=now) for field in fields}
    body = {
        "facets": {facet.name: [_choice_json(choice) for choice in facet.choices] for facet in found.facets},
        "is_complete": found.is_complete,
        "histograms": {name: [_bucket_json(one, FIELDS[name]) for one in buckets] for name, buckets in drawn.items()},
    }
    return json_response(body | circumstances(now))


def _asked_count(default: str) -> str:
    """How the request wants its deals counted. Raises BadParameter."""
    text = request.args.get("count", "").strip().lower() or default
    if text not in COUNTS:
        raise BadParameter(f"count is {text[:60]!r}; it must be one of {', '.join(COUNTS)}.", parameter="count")
    return text


def _asked_histograms() -> tuple[Field, ...]:
    """The fields whose values the request wants drawn. Raises BadParameter."""
    names = [name.strip() for text in request.args.getlist("histogram") for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FIELDS:
            known = ", ".join(FIELDS)
            raise BadParameter(f"histogram is {name[:60]!r}; it must be one of {known}.", parameter="histogram")
    return tuple(FIELDS[name] for name in dict.fromkeys(names))


def _count_json(connection: Connection, query: DealQuery, how: str, now: datetime) -> dict[str, Any]:
    """How many deals: up to 10,000 and whether there are more, or exactly, or not at all (null)."""
    if how == "none":
        return {"count": None, "count_is_capped": False}
    if how == "exact":
        return {"count": find.count_deals(connection, query, now=now), "count_is_capped": False}
    count = find.count_deals(connection, query, now=now, at_most=MOST_COUNTED)
    return {"count": count.number, "count_is_capped": count.is_capped}


def _choice_json(choice: narrowing.FacetChoice) -> dict[str, Any]:
    return {"value": choice.value, "count": choice.count, "is_chosen": choice.is_chosen}


def _bucket_json(bucket: narrowing.Bucket, field: Field) -> dict[str, Any]:
    """A bucket with its edges as the field's parameters take them."""
    is_money = field.kind is Kind.MONEY
    low, high = (
        desk().marketplace.amount(round(edge)) if is_money else round(edge, 2) for edge in (bucket.low, bucket.high)
    )
    return {"from": low, "to": high, "count": bucket.count}


@blueprint.get("/deals/<asin>")
def deal(asin: str) -> Response:
    now = desk().now()
    details = asked_deal(asin, now)
    grounds = {
        "explanation": explanation_json(details.explanation, desk().marketplace_of(details.deal)),
        "refusal": details.refusal,
        "gone_evidence": details.gone_evidence,
        "judged_at": details.judged_at,
        "keepa_updated_at": details.keepa_updated_at,
        "look_due_since": details.look_due_since,
        "look_due_reason": details.look_due_reason,
        "offers_seen": [offer_json(offer, details.deal) for offer in details.offers],
    }
    return json_response({"deal": deal_json(details.deal, now) | grounds} | circumstances(now))


def asked_query(besides: Collection[str] = ()) -> DealQuery:
    """The query of this request, but for the parameters `besides`. Raises BadParameter."""
    return parse_deal_query(request.args, minor_digits=desk().marketplace.minor_digits, besides=besides)


def asked_deal(asin: str, now: datetime, besides: Collection[str] = ()) -> find.DealDetails:
    """The deal of this request, in the marketplace `domain` or else in the configured one; 404 for none.

    `besides`: parameters that somebody else reads.
    """
    for name in request.args:
        if name != "domain" and name not in besides:
            raise BadParameter(f"There is no parameter {name[:60]!r} here; only domain.", parameter=name)
    text = request.args.get("domain", str(desk().settings.keepa_domain))
    if text not in {str(number) for number in MARKETPLACES}:
        raise BadParameter(
            f"domain is {text[:60]!r}; it must be a marketplace's number, such as 1.", parameter="domain"
        )
    with desk().reading() as connection:
        details = find.deal(connection, asin.upper(), int(text), now=now)
    if details is None:
        abort(404, f"No deal {asin[:20]!r} is known in this marketplace; an ASIN has ten letters and digits.")
    return details


def offer_json(offer: find.SeenOffer, deal: find.Deal) -> dict[str, Any]:
    """One used offer of a deal, money in currency units."""
    place = desk().marketplace_of(deal)
    return {
        "condition": offer.condition.name.lower(),
        "item": place.amount(offer.item_cents),
        "shipping": place.amount(offer.shipping_cents),
        "landed": place.amount(offer.landed_cents),
        "is_fba": offer.is_fba,
        "seller_id": offer.seller_id,
        "last_seen": offer.last_seen,
    }


def deal_json(deal: find.Deal, now: datetime) -> dict[str, Any]:
    """One deal, with the names that filters and sorting use."""
    place = desk().marketplace_of(deal)
    amounts = dict(zip(AMOUNTS, map(place.amount, _cents_of(deal)), strict=True))
    return {
        "asin": deal.asin,
        "domain": deal.domain_id,
        "url": place.product_page(deal.asin),
        "currency": place.currency,
        "title": deal.title,
        "author": deal.author,
        "brand": deal.brand,
        "binding": deal.binding,
        "isbn13": deal.isbn13,
        "published": deal.published,
        "category": deal.category,
        "category_id": deal.category_id,
        "condition": None if deal.condition is None else deal.condition.name.lower(),
        "seller_id": deal.seller_id,
        "is_fba": deal.is_fba,
        **amounts,
        "sale_price_is_estimate": deal.sale_price_is_estimate,
        "margin": deal.margin,
        "roi": deal.roi,
        "percent_down": deal.percent_down,
        "trust": deal.trust,
        "is_profitable": deal.is_profitable,
        "sold_chance": deal.sold_chance,
        "days_to_sell": deal.days_to_sell,
        "used_sales": deal.used_sales_a_year,
        "season": deal.season,
        "peak_month": deal.peak_month,
        "trough_month": deal.trough_month,
        "trend": deal.trend,
        "seller_quality": deal.seller_quality,
        "seller_name": deal.seller_name,
        "rank": deal.sales_rank,
        "drops": deal.drops_30,
        "drops_90": deal.drops_90,
        "drops_365": deal.drops_365,
        "offers": deal.used_offers,
        "triage": deal.triage,
        "new_offers": deal.new_offers,
        **_state_json(deal, now),
    }


def explanation_json(explanation: Any, place: Marketplace) -> Any:
    """The judgement's steps with their amounts in currency units, as everywhere in an answer."""
    if not isinstance(explanation, list):
        return explanation
    return [_step_json(step, place) for step in explanation]


def _step_json(step: Any, place: Marketplace) -> Any:
    is_amount = isinstance(step, dict) and step.get("unit") == "cents" and isinstance(step.get("value"), int)
    return step | {"value": place.amount(step["value"]), "unit": place.currency} if is_amount else step


def _state_json(deal: find.Deal, now: datetime) -> dict[str, Any]:
    return {
        "state": deal.state.value,
        "first_seen_at": deal.first_seen_at,
        "price_changed_at": deal.price_changed_at,
        "verified_at": deal.verified_at,
        "verified_by": deal.verified_by,
        "promised_until": deal.promised_until,
        "unverified_since": deal.unverified_since,
        "gone_at": deal.gone_at,
        "gone_reason": deal.gone_reason,
        "ages": {
            "seen_age": _hours(deal.first_seen_at, now),
            "price_age": _hours(deal.price_changed_at, now),
            "verified_age": _hours(deal.verified_at, now),
        },
    }


def _hours(instant: datetime | None, now: datetime) -> float | None:
    """Hours since, as the age filters count them."""
    return None if instant is None else round((now - instant).total_seconds() / 3600, 2)


def circumstances(now: datetime) -> dict[str, Any]:
    return {"as_of": now, "verdict": desk().verdict().state.value, "demo": desk().settings.is_demo}
