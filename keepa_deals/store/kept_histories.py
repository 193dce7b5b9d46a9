"""Keeping the history that a full look brought, one row a deal, and reading it for its chart."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from keepa_deals.price_history import PriceHistory, packed, unpacked
from keepa_deals.store.tables import price_histories


def keep_history(connection: Connection, asin: str, domain_id: int, history: PriceHistory, *, now: datetime) -> None:
    """Put `history` in the place of the one kept before."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    values = {"at": now, "packed": packed(history)}
    connection.execute(
        dialect.insert(price_histories)
        .values(asin=asin, domain_id=domain_id, **values)
        .on_conflict_do_update(index_elements=["asin", "domain_id"], set_=values)
    )


def kept_history(connection: Connection, asin: str, domain_id: int) -> PriceHistory | None:
    """The history of the last full look that kept one; None before the first."""
    of_deal = (price_histories.c.asin == asin, price_histories.c.domain_id == domain_id)
    found = connection.execute(select(price_histories.c.packed).where(*of_deal)).scalar()
    return None if found is None else unpacked(found)
