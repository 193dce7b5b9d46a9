"""Two statements that every saver needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, select, update


def rows_by_asin(
    connection: Connection, table: Table, columns: Sequence[Any], asins: Iterable[str], domain_id: int
) -> dict[str, Row[Any]]:
    """The rows of `asins` that exist, by ASIN."""
    rows = connection.execute(select(*columns).where(table.c.domain_id == domain_id, table.c.asin.in_(list(asins))))
    return {row.asin: row for row in rows}


def update_each(connection: Connection, table: Table, rows: list[dict[str, Any]], domain_id: int) -> None:
    """One prepared UPDATE run over `rows`; each names its ASIN as `b_asin` and all name the same columns."""
    if not rows:
        return
    columns = [name for name in rows[0] if name != "b_asin"]
    statement = (
        update(table)
        .where(table.c.asin == bindparam("b_asin"), table.c.domain_id == domain_id)
        .values({name: bindparam(name) for name in columns})
    )
    connection.execute(statement, rows)
