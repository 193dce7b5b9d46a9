"""Keeping what Keepa says of sellers, and what a deal shows of the one who sells its copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from keepa_deals.judgement.trust import wilson_lower_percent
from keepa_deals.records import Seller
from keepa_deals.store.tables import deals, sellers


def save_sellers(
    connection: Connection, asked: Iterable[str], answered: Iterable[Seller], *, domain_id: int, now: datetime
) -> None:
    """Keep what was answered of the sellers asked for, and show it with their deals.

    One that Keepa does not know, or whose answer could not be read, is kept as unknown, so that nobody asks again
    before its time.
    """
    found: Mapping[str, Seller] = {seller.seller_id: seller for seller in answered}
    for seller_id in asked:
        _keep(connection, seller_id, found.get(seller_id), domain_id=domain_id, now=now)
        connection.execute(
            update(deals)
            .where(deals.c.seller_id == seller_id, deals.c.domain_id == domain_id)
            .values(**seller_columns(connection, seller_id, domain_id=domain_id))
        )


def seller_columns(connection: Connection, seller_id: str | None, *, domain_id: int) -> dict[str, Any]:
    """What a deal shows of its seller: the name and the quality in percent, None where unknown."""
    of_seller = (sellers.c.seller_id == seller_id, sellers.c.domain_id == domain_id)
    columns = (sellers.c.name, sellers.c.rating_percent, sellers.c.rating_count)
    known = connection.execute(select(*columns).where(*of_seller)).one_or_none()
    if known is None:
        return {"seller_name": None, "seller_quality": None}
    quality = wilson_lower_percent(known.rating_percent, known.rating_count)
    return {"seller_name": known.name, "seller_quality": quality}


def _keep(connection: Connection, seller_id: str, seller: Seller | None, *, domain_id: int, now: datetime) -> None:
    values: dict[str, Any] = {
        "name": seller.name if seller is not None else None,
        "rating_percent": seller.rating_percent if seller is not None else None,
        "rating_count": seller.rating_count if seller is not None else None,
        "seen_at": now,
    }
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(
        dialect.insert(sellers)
        .values(seller_id=seller_id, domain_id=domain_id, **values)
        .on_conflict_do_update(index_elements=["seller_id", "domain_id"], set_=values)
    )
