"""Whether database, API and page count the same deals, for no filter, for `margin_gte=5` and for random filters.

The database is counted here by SQL written by hand, on purpose not by the query builder that the other two share.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from sqlalchemy import Connection, text

from keepa_deals.clock import Clock
from keepa_deals.errors import KeepaDealsError
from keepa_deals.settings import Settings
from keepa_deals.store.columns import instant_text
from keepa_deals.store.engine import Database
from keepa_deals.store.history import count_with

TRIES = 6
"""The table moves while we count; a count holds only if the database says the same before and after."""
TIMEOUT_SECONDS = (3, 10)
CURRENCY_WITHOUT_CENTS = (5,)
"""Marketplaces by Keepa's number: Japan."""
SAMPLED_ROWS = 1000

STATES = {
    "live": "state = 'live' and promised_until > :now",
    "unverified": "state = 'unverified' or (state = 'live' and promised_until <= :now)",
    "gone": "state = 'gone'",
    "all": "1 = 1",
}
NOT_HIDDEN = (
    "not exists (select 1 from triage where triage.asin = deals.asin and triage.domain_id = deals.domain_id"
    " and triage.hidden_at is not null)"
)
"""what every surface leaves out unless asked for it: deals that a person has hidden"""
RANGES = {
    "margin": ("margin", "percent"),
    "roi": ("roi", "percent"),
    "percent_down": ("percent_down", "percent"),
    "profit": ("profit_cents", "money"),
    "price": ("price_now_cents", "money"),
    "sale_price": ("sale_price_cents", "money"),
    "rank": ("sales_rank", "count"),
    "drops": ("drops_30", "count"),
}
CONDITIONS = {"new": 1, "like_new": 2, "very_good": 3, "good": 4, "acceptable": 5}


class DashboardUnreachable(KeepaDealsError):
    """The dashboard gave no usable answer; the message says what it did."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Parameters of a request, and the condition in SQL that should mean the same."""

    parameters: tuple[tuple[str, str], ...]
    where: str
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        return "&".join(f"{name}={value}" for name, value in self.parameters) or "no filter"


@dataclass(frozen=True, slots=True)
class Counted:
    """One filter, counted three ways. `steady` False: the table moved too fast to compare."""

    filter: str
    database: int
    api: int | None
    page: int | None
    steady: bool

    @property
    def differs(self) -> bool:
        return self.steady and not self.database == self.api == self.page


class Dashboard:
    """The running web, asked like anybody would."""

    def __init__(self, session: requests.Session, settings: Settings) -> None:
        host = settings.web_host
        reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
        self._base = f"http://{reachable}:{settings.web_port}"
        self._session = session
        session.trust_env = False
        if settings.admin_api_key is not None:
            session.headers["X-Admin-Key"] = settings.admin_api_key.reveal()

    def api_count(self, parameters: Sequence[tuple[str, str]]) -> int:
        body = self._get("/api/deal-count", parameters)
        try:
            return int(body.json()["count"])
        except (ValueError, KeyError, TypeError):
            raise DashboardUnreachable("/api/deal-count answered without a count") from None

    def page_count(self, parameters: Sequence[tuple[str, str]]) -> int:
        found = re.search(r"""\bdata-count\s*=\s*["']?(\d+)""", self._get("/", parameters).text)
        if found is None:
            raise DashboardUnreachable("the page does not say how many deals it found (data-count)")
        return int(found.group(1))

    def _get(self, path: str, parameters: Sequence[tuple[str, str]]) -> requests.Response:
        try:
            answer = self._session.get(
                self._base + path, params=list(parameters), timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise DashboardUnreachable(
                f"the dashboard at {self._base} did not answer ({type(error).__name__})"
            ) from None
        if answer.status_code != 200:
            raise DashboardUnreachable(f"the dashboard answered {answer.status_code} to {path}")
        return answer


def compare_counts(
    filters: Sequence[Filter], *, database: Database, dashboard: Dashboard, clock: Clock
) -> list[Counted]:
    """Each filter counted three ways. Raises DashboardUnreachable."""
    return [_compare(one, database=database, dashboard=dashboard, clock=clock) for one in filters]


def filters_to_compare(connection: Connection, *, seed: int, how_many: int, domain_id: int) -> list[Filter]:
    """No filter, `margin_gte=5`, and random ones drawn around values that the table holds."""
    columns = ", ".join([*(column for column, _ in RANGES.values()), "condition", "category"])
    rows = connection.execute(text(f"select {columns} from deals limit {SAMPLED_ROWS}")).mappings().all()  # noqa: S608 - our own column names
    samples = [dict(row) for row in rows]
    drawing = _Drawing(random.Random(seed), samples, minor=1 if domain_id in CURRENCY_WITHOUT_CENTS else 100)  # noqa: S311 - reproducible, not secret
    margin = Filter((("margin_gte", "5"),), f"({STATES['live']}) and margin >= 5", {})
    return [Filter((), f"({STATES['live']})", {}), margin, *(drawing.draw() for _ in range(how_many))]


def count_by_hand(connection: Connection, one: Filter, *, now: datetime) -> int:
    """What the filter should show on every surface, by its own SQL."""
    values = {**one.values, "now": instant_text(now)}
    shown = text(f"({one.where}) and {NOT_HIDDEN}")
    return count_with(connection, shown, {name: values[name] for name in re.findall(r":(\w+)", one.where)})


def _compare(one: Filter, *, database: Database, dashboard: Dashboard, clock: Clock) -> Counted:
    counted = Counted(one.name, 0, None, None, steady=False)
    for _ in range(TRIES):
        before = _count(one, database, clock)
        api, page = dashboard.api_count(one.parameters), dashboard.page_count(one.parameters)
        steady = before == _count(one, database, clock)
        counted = Counted(one.name, before, api, page, steady)
        if steady and not counted.differs:
            break
    return counted


def _count(one: Filter, database: Database, clock: Clock) -> int:
    with database.read.begin() as connection:
        return count_by_hand(connection, one, now=clock.now())


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Draws filters around the values of sampled rows."""

    random: random.Random
    rows: Sequence[Mapping[str, Any]]
    minor: int
    """smallest units of the currency in one of it"""

    def draw(self) -> Filter:
        state = self.random.choice(["live", "live", "unverified", "gone", "all"])
        parameters = [] if state == "live" else [("state", state)]
        wheres, values = [f"({STATES[state]})"], {}
        for name in self.random.sample(list(RANGES), k=self.random.randint(1, 3)):
            parameter, given, kept = self._bound(name)
            parameters.append((parameter, given))
            if kept != 0:
                wheres.append(f"{RANGES[name][0]} {'>=' if parameter.endswith('gte') else '<='} :{name}")
                values[name] = kept
        if self.random.random() < 0.3:
            grade = self.random.choice(list(CONDITIONS))
            parameters.append(("condition", grade))
            wheres.append(f"condition = {CONDITIONS[grade]}")
        return Filter(tuple(parameters), " and ".join(wheres), values)

    def _bound(self, name: str) -> tuple[str, str, int | float]:
        """A parameter, its value as given, and the same value as kept in the table. 0 means Any."""
        column, kind = RANGES[name]
        parameter = f"{name}_{self.random.choice(['gte', 'lte'])}"
        known = [row[column] for row in self.rows if row[column] is not None] or [10]
        value = 0 if self.random.random() < 0.15 else self.random.choice(known)
        if kind == "percent":
            return parameter, f"{value:.2f}", float(f"{value:.2f}")
        if kind == "money" and self.minor > 1:
            sign = "-" if value < 0 else ""
            return parameter, f"{sign}{abs(value) // self.minor}.{abs(value) % self.minor:02d}", int(value)
        return parameter, str(int(value)), int(value)
