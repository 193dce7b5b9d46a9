"""The full-text index of deals: SQLite's FTS5, kept by triggers so that no writer can forget it.

The index holds no text of its own: it refers to rows of `deals`. A trigger renews it only where a searched text
really changed, so that confirming a price costs it nothing. The same triggers note every touched row in
`deal_touches`, from which a process that keeps the deals' numbers in memory learns what to read again.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from keepa_deals.errors import StoreError
from keepa_deals.isbn import book_numbers
from keepa_deals.search_language import Words

SEARCHED = ("title", "author", "brand", "isbn13", "asin", "seller_id", "seller_name")
TOUCHES_KEPT = 50_000
"""Who is further behind reads everything anew."""

_COLUMNS = ", ".join(SEARCHED)
_OLD = ", ".join(f"old.{column}" for column in SEARCHED)
_NEW = ", ".join(f"new.{column}" for column in SEARCHED)
_MOVED = " or ".join(f"old.{column} is not new.{column}" for column in SEARCHED)
_FORGET = f"insert into deal_search (deal_search, rowid, {_COLUMNS}) values ('delete', old.rowid, {_OLD});"  # noqa: S608 - our own names
_LEARN = f"insert into deal_search (rowid, {_COLUMNS}) values (new.rowid, {_NEW});"  # noqa: S608
_TRIM = f"delete from deal_touches where seq <= (select max(seq) from deal_touches) - {TOUCHES_KEPT};"  # noqa: S608
_NOTE = "insert into deal_touches (deal) values ({row}.rowid); " + _TRIM  # noqa: S608

STATEMENTS_OF_0003 = (
    f"create virtual table deal_search using fts5 ({_COLUMNS}, content='deals', content_rowid='rowid', "
    "tokenize='unicode61 remove_diacritics 2', prefix='2 3')",
    f"create trigger deals_inserted after insert on deals begin {_LEARN} {_NOTE.format(row='new')} end",
    f"create trigger deals_deleted after delete on deals begin {_FORGET} {_NOTE.format(row='old')} end",
    f"create trigger deals_updated after update on deals begin {_NOTE.format(row='new')} end",
    f"create trigger deals_renamed after update of {_COLUMNS} on deals when {_MOVED} begin {_FORGET} {_LEARN} end",
    "insert into deal_search (deal_search) values ('rebuild')",
)
"""What migration 0003 runs. Never change it: a later migration drops and makes anew."""


def rebuild(connection: Connection) -> None:
    """Read every deal's text into the index again; after rows came in by another way than through SQL."""
    connection.execute(text("insert into deal_search (deal_search) values ('rebuild')"))


def matching_rows(connection: Connection, words: Sequence[Words]) -> list[int]:
    """The numbers of the deals in which all of `words` are found, in no order. Raises StoreError without an index."""
    if connection.dialect.name != "sqlite":
        raise StoreError("The search by words is made for SQLite only so far; leave the words out of the search.")
    expression = " AND ".join(_expression(one) for one in words)
    found = connection.exec_driver_sql("select rowid from deal_search where deal_search match ?", (expression,))
    return list(found.scalars())


def _expression(words: Words) -> str:
    """`words` in FTS5's language; a book number in any of its forms."""
    forms = [words.text, *(form for form in book_numbers(words.text) if form != words.text)]
    star = "*" if words.is_start else ""
    either = " OR ".join('"' + form.replace('"', '""') + f'"{star}' for form in forms)
    return f"({{{' '.join(words.columns)}}} : ({either}))" if words.columns else f"({either})"
