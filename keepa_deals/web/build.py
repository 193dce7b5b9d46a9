"""The web as it really runs: its own doors to database, clock and verdict."""

from __future__ import annotations

from functools import partial

from flask import Flask

from keepa_deals.probes import current_verdict, gather_facts
from keepa_deals.settings import Settings
from keepa_deals.store.engine import open_database
from keepa_deals.web import create_app
from keepa_deals.whereabouts import clock_of


def build_application(settings: Settings) -> Flask:
    """The application of this installation. It connects nothing until it is asked something."""
    return create_app(
        settings,
        database=open_database(settings.database_address()),
        clock=clock_of(settings),
        verdict=partial(current_verdict, settings),
        facts=partial(gather_facts, settings),
    )
