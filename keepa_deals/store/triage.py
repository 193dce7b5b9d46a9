"""What users make of deals: seen, hidden with a reason, watched, bought. Every act can be taken back.

There is one user until there are accounts; every row names its user already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Integer, case, delete, func, insert, literal_column, select, tuple_

from keepa_deals.store.columns import instant_from_text, instant_text
from keepa_deals.store.tables import deals, triage, triage_acts, triage_steps

OWNER = "owner"
ACTS_KEPT_FOR = timedelta(days=30)
"""as long as an act can be undone"""
LONGEST_REASON = 200

Key = tuple[str, int]
"""ASIN and marketplace"""
T = TypeVar("T")


class Action(StrEnum):
    """What can be done to a deal."""

    SEEN = "seen"
    UNSEEN = "unseen"
    WATCH = "watch"
    UNWATCH = "unwatch"
    HIDE = "hide"
    UNHIDE = "unhide"
    BOUGHT = "bought"
    UNBOUGHT = "unbought"


@dataclass(frozen=True, slots=True)
class Marked:
    """How many deals an act concerned, and the token that undoes it."""

    number: int
    token: str


@dataclass(frozen=True, slots=True)
class Undone:
    """How many deals are as they were before, and how many were left alone since somebody marked them since."""

    number: int
    left_alone: int
    token: str
    """undoes the undoing"""


_STATE = ("seen_at", "watched_at", "hidden_at", "hidden_reason", "bought_at", "bought_cents")
_INSTANTS = frozenset({"seen_at", "watched_at", "hidden_at", "bought_at"})
_NOTHING: dict[str, Any] = dict.fromkeys(_STATE)
_KEYS_AT_ONCE = 300

shown_triage = (
    select(
        case(
            (triage.c.hidden_at.is_not(None), "hidden"),
            (triage.c.bought_at.is_not(None), "bought"),
            (triage.c.watched_at.is_not(None), "watched"),
        )
    )
    .where(triage.c.user == OWNER, triage.c.asin == deals.c.asin, triage.c.domain_id == deals.c.domain_id)
    .scalar_subquery()
    .label("triage")
)
"""the one word that says most about a deal's triage"""
ROW_OF_MARKED = (
    select(literal_column("deals.rowid", Integer))
    .where(deals.c.asin == triage.c.asin, deals.c.domain_id == triage.c.domain_id)
    .correlate(triage)
    .scalar_subquery()
)
"""the number of the deal that a row of `triage` is about"""


def mark(
    connection: Connection,
    user: str,
    keys: Sequence[Key],
    action: Action,
    *,
    now: datetime,
    reason: str | None = None,
    bought_cents: int | None = None,
) -> Marked:
    """Do `action` to the deals of `keys`; keys that no deal has are passed over.

    `reason` is for hiding; `bought_cents` what one copy cost, of the deal's own price where it is None.
    """
    change = _changes(action, now, reason)

    def after(key: Key, before: dict[str, Any] | None) -> dict[str, Any]:
        state = (before or _NOTHING) | change
        if action is Action.BOUGHT:
            state["bought_cents"] = prices[key] if bought_cents is None else bought_cents
        return state

    prices = _prices(connection, keys)
    act = _write(connection, user, list(prices), action.value, after=after, now=now, reason=reason)
    return Marked(len(prices), str(act))


def undo(connection: Connection, user: str, token: str, *, now: datetime) -> Undone | None:
    """Make the deals of an act what they were before it, but for those marked again since; None for no such act."""
    if not (token.isascii() and token.isdecimal() and len(token) <= 15):
        return None
    act = connection.execute(
        select(triage_acts.c.id).where(triage_acts.c.id == int(token), triage_acts.c.user == user)
    ).scalar()
    if act is None:
        return None
    steps = connection.execute(select(triage_steps).where(triage_steps.c.act == act)).all()
    befores = {(step.asin, step.domain_id): _thawed(step.before) for step in steps}
    still = _written_by(connection, user, act)
    keys = [key for key in befores if key in still]
    undoing = _write(connection, user, keys, "undo", after=lambda key, _: befores[key], now=now)
    return Undone(len(keys), len(befores) - len(keys), str(undoing))


def forget_old_acts(connection: Connection, *, now: datetime) -> int:
    """Delete what can no longer be undone; what the deals are marked with stays."""
    old = select(triage_acts.c.id).where(triage_acts.c.at < now - ACTS_KEPT_FOR)
    steps = connection.execute(delete(triage_steps).where(triage_steps.c.act.in_(old))).rowcount
    newest = select(func.max(triage_acts.c.id)).scalar_subquery()
    acts = delete(triage_acts).where(triage_acts.c.at < now - ACTS_KEPT_FOR, triage_acts.c.id != newest)
    return steps + connection.execute(acts).rowcount


def _changes(action: Action, now: datetime, reason: str | None) -> dict[str, Any]:
    changes: dict[Action, dict[str, Any]] = {
        Action.SEEN: {"seen_at": now},
        Action.UNSEEN: {"seen_at": None},
        Action.WATCH: {"watched_at": now, "seen_at": now},
        Action.UNWATCH: {"watched_at": None},
        Action.HIDE: {"hidden_at": now, "hidden_reason": reason, "seen_at": now},
        Action.UNHIDE: {"hidden_at": None, "hidden_reason": None},
        Action.BOUGHT: {"bought_at": now, "seen_at": now},
        Action.UNBOUGHT: {"bought_at": None, "bought_cents": None},
    }
    return changes[action]


def _write(
    connection: Connection,
    user: str,
    keys: list[Key],
    action: str,
    *,
    after: Callable[[Key, dict[str, Any] | None], dict[str, Any] | None],
    now: datetime,
    reason: str | None = None,
) -> int:
    """One act: what each deal's triage was is kept, and `after` says what it becomes, None for none."""
    named = {"user": user, "at": now, "action": action, "reason": reason, "deals": len(keys)}
    act: int = connection.execute(insert(triage_acts).values(named).returning(triage_acts.c.id)).scalar_one()
    befores = _states(connection, user, keys)
    afters = {key: after(key, befores.get(key)) for key in keys}
    steps = [{"act": act, "asin": key[0], "domain_id": key[1], "before": _frozen(befores.get(key))} for key in keys]
    rows = [
        {"user": user, "asin": key[0], "domain_id": key[1], **state}
        for key, state in afters.items()
        if state is not None
    ]
    for some in _some(keys):
        connection.execute(delete(triage).where(triage.c.user == user, _one_of(triage, some)))
    if steps:
        connection.execute(insert(triage_steps), steps)
    if rows:
        connection.execute(insert(triage), rows)
    return act


def _states(connection: Connection, user: str, keys: list[Key]) -> dict[Key, dict[str, Any]]:
    found = {}
    for some in _some(keys):
        for row in connection.execute(select(triage).where(triage.c.user == user, _one_of(triage, some))):
            found[row.asin, row.domain_id] = {name: row._mapping[name] for name in _STATE}
    return found


def _prices(connection: Connection, keys: Sequence[Key]) -> dict[Key, int | None]:
    """The price of each of `keys` that is a deal's."""
    found = {}
    for some in _some(keys):
        statement = select(deals.c.asin, deals.c.domain_id, deals.c.price_now_cents).where(_one_of(deals, some))
        found.update({(row.asin, row.domain_id): row.price_now_cents for row in connection.execute(statement)})
    return found


def _written_by(connection: Connection, user: str, act: int) -> set[Key]:
    """The deals of `act` that no later act was about."""
    later = select(triage_steps.c.asin, triage_steps.c.domain_id).join(
        triage_acts, triage_acts.c.id == triage_steps.c.act
    )
    own = select(triage_steps.c.asin, triage_steps.c.domain_id).where(triage_steps.c.act == act)
    marked_again = later.where(triage_steps.c.act > act, triage_acts.c.user == user)
    return {(row.asin, row.domain_id) for row in connection.execute(own.except_(marked_again))}


def _one_of(table: Any, keys: list[Key]) -> Any:
    return tuple_(table.c.asin, table.c.domain_id).in_(keys)


def _some(keys: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(keys)
    while some := list(islice(rest, _KEYS_AT_ONCE)):
        yield some


def _frozen(state: dict[str, Any] | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {
        name: instant_text(value) if isinstance(value, datetime) else value
        for name, value in state.items()
        if value is not None
    }


def _thawed(kept: dict[str, Any] | None) -> dict[str, Any] | None:
    if kept is None:
        return None
    return _NOTHING | {name: instant_from_text(value) if name in _INSTANTS else value for name, value in kept.items()}
