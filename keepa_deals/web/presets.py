"""Questions worth asking with one click: each is an ordinary query and its link an ordinary address. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from keepa_deals.deal_fields import DEFAULT_SORT, FIELDS, Bound, Sort
from keepa_deals.deal_query import DealQuery


@dataclass(frozen=True, slots=True)
class Preset:
    """A question with a name."""

    label: str
    meaning: str
    query: DealQuery

    def asked_like(self, query: DealQuery) -> DealQuery:
        """The preset for somebody who looks at pages and states as `query` does."""
        return replace(self.query, limit=query.limit, states=query.states)

    def is_asked_by(self, query: DealQuery) -> bool:
        """Whether `query` leaves out the same rows, in whatever order and from whichever page on."""
        return self.asked_like(query) == replace(query, sort=self.query.sort, after=None)


def _at_least(**values: float) -> tuple[Bound, ...]:
    return tuple(Bound(FIELDS[name], True, value) for name, value in values.items())


def _at_most(**values: float) -> tuple[Bound, ...]:
    return tuple(Bound(FIELDS[name], False, value) for name, value in values.items())


def _query(*bounds: Bound, sort: Sort = DEFAULT_SORT, **chosen: Any) -> DealQuery:
    """Bounds in the order in which a query read from parameters has them."""
    order = list(FIELDS)
    ordered = sorted(bounds, key=lambda bound: (order.index(bound.field.name), not bound.at_least))
    return DealQuery(bounds=tuple(ordered), sort=sort, **chosen)


PRESETS = (
    Preset(
        "Optimal",
        "A good profit on little money, on a title that sells, below its usual price, without Amazon as a rival",
        _query(
            *_at_least(profit=1500, roi=30, trust=70, drops=2, percent_down=10),
            *_at_most(rank=1_000_000),
            amazon=(False,),
        ),
    ),
    Preset(
        "Sure things",
        "A profit even at the lower bound, and trust of 85 % and more",
        _query(*_at_least(trust=85), profitable=(True,)),
    ),
    Preset(
        "Quick flips",
        "Sold within a month, with four chances in five",
        _query(
            *_at_least(roi=20, sold_chance=80), *_at_most(days_to_sell=30), sort=Sort(FIELDS["days_to_sell"], False)
        ),
    ),
    Preset(
        "Textbooks before the season",
        "Textbooks far below their usual price, to be sold when courses begin",
        _query(*_at_least(percent_down=30, trust=60), seasons=("textbook",)),
    ),
    Preset("Big tickets", "40 and more to be earned on one copy", _query(*_at_least(profit=4000, trust=60))),
    Preset(
        "Just dropped",
        "The price fell within six hours, to 40 % and more below the usual",
        _query(*_at_least(percent_down=40), *_at_most(price_age=6), sort=Sort(FIELDS["price_age"], False)),
    ),
    Preset("New here", "First seen within a day", _query(*_at_most(seen_age=24), sort=Sort(FIELDS["seen_age"], False))),
)
