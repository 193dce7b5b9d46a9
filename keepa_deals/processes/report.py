"""What start and deploy say at the end: the verdict, the address, how many deals, and the best of them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from keepa_deals.health import verdict_line
from keepa_deals.probes import current_verdict
from keepa_deals.processes.control import running_supervisor
from keepa_deals.processes.speech import say
from keepa_deals.processes.web_place import as_served
from keepa_deals.settings import Settings
from keepa_deals.store.columns import instant_text
from keepa_deals.store.engine import open_database
from keepa_deals.store.schema import check_database
from keepa_deals.whereabouts import clock_of

LIVE = "state = 'live' and promised_until > :now"
COUNT_LIVE = f"select count(*) from deals where {LIVE}"  # noqa: S608 - no text from outside
BEST_LIVE = f"""
    select asin, title, profit_cents, roi from deals
    where {LIVE} and profit_cents is not null order by profit_cents desc, asin limit 5
"""  # noqa: S608 - no text from outside


@dataclass(frozen=True, slots=True)
class BestDeal:
    asin: str
    title: str
    profit_cents: int
    roi_percent: float | None


@dataclass(frozen=True, slots=True)
class TableState:
    """The deals table as the dashboard shows it without filters."""

    live: int
    best: tuple[BestDeal, ...]


def read_table(settings: Settings) -> TableState | None:
    """How many deals are live, and the five with the highest profit; None if the database can't be read."""
    database = open_database(settings.database_address())
    now = instant_text(clock_of(settings).now())
    try:
        with database.read.connect() as connection:
            live = connection.execute(text(COUNT_LIVE), {"now": now}).scalar_one()
            rows = connection.execute(text(BEST_LIVE), {"now": now}).all()
    except SQLAlchemyError:
        return None
    finally:
        database.dispose()
    return TableState(live=live, best=tuple(BestDeal(*row) for row in rows))


def require_database(settings: Settings) -> None:
    """Raise StoreError, StoreTooNew or OriginMismatch for a database that the programs would refuse."""
    database = open_database(settings.database_address())
    try:
        check_database(database, origin=settings.origin)
    finally:
        database.dispose()


def dashboard_address(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.web_host, settings.web_host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.web_port}/"


def say_state(settings: Settings) -> None:
    say(verdict_line(current_verdict(settings)))
    served = as_served(settings)
    say(f"Dashboard: {dashboard_address(served)}{' (demo data)' if settings.is_demo else ''}")
    if served != settings:
        say(f"It moves to {dashboard_address(settings)}, as the settings ask, when everything is stopped and started.")
    say(f"Logs: {settings.log_dir}")


def say_table(table: TableState) -> None:
    say(f"Deals in it: {table.live}")
    for deal in table.best:
        title = deal.title if len(deal.title) <= 50 else deal.title[:49].rstrip() + "…"
        roi = "" if deal.roi_percent is None else f", ROI {deal.roi_percent:.0f} %"
        printable = "".join(mark if mark.isprintable() else " " for mark in title)
        say(f"  {deal.asin}  {printable:<50}  profit {deal.profit_cents / 100:.2f}{roi}")


def say_status(settings: Settings) -> int:
    """What runs, by supervisord's own words; 0 if everything runs, 1 otherwise."""
    supervisor = running_supervisor(settings)
    if supervisor is None:
        say("Nothing is running (no supervisord of this installation answers).")
        return 1
    states = supervisor.states()
    for state in states:
        say(f"{state.name:<16} {state.state:<9} {state.what}")
    say_state(settings)
    return 0 if all(state.state == "RUNNING" for state in states) else 1
