"""Sales are found where the rank speaks of one, dated by its curve, and nowhere else."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.judgement.inferred_sales import SalesHistory, infer_sales
from keepa_deals.judgement.rank_falls import rank_falls
from keepa_deals.keepa_json import parse_look
from keepa_deals.records import Averages, Product, Series
from keepa_deals.units import to_keepa_minutes
from tests.keepa_builders import a_product

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW_MINUTE = to_keepa_minutes(NOW)
HOUR, DAY = 60, 1440
START = NOW_MINUTE - 700 * DAY


def a_rank(sold: Sequence[int], *, visits: Iterable[int], level: float = 250_000.0) -> list[tuple[int, int | None]]:
    """Ranks at `visits` of a title that sold at the minutes `sold`: the curve measured on real histories."""
    shown: list[tuple[int, int | None]] = []
    for minute in visits:
        since = [minute - sale for sale in sold if sale <= minute]
        hours = min(since) / 60 if since else 365 * 24
        shown.append((minute, round(level * (1 + hours / 6) ** 0.58)))
    return shown


def a_series(steps: Sequence[tuple[int, int | None]]) -> Series:
    return Series(tuple(minute for minute, _ in steps), tuple(value for _, value in steps))


def a_title(rank: Sequence[tuple[int, int | None]] = (), **others: Sequence[tuple[int, int | None]]) -> Product:
    """A product with this history, whose statistics say nothing of a rank."""
    series = {name: a_series(steps) for name, steps in {"rank": rank, **others}.items() if steps}
    return a_product(at=NOW, history=series, sales_rank=None, sales_rank_avg=Averages())


def every(hours: float, *, first: int = START, last: int = NOW_MINUTE) -> range:
    return range(first, last, round(hours * HOUR))


def seen_by_rank(history: SalesHistory) -> list[int]:
    return [sale.minute for sale in history.sales if sale.by_rank]


# where the rank speaks


def test_each_sale_of_a_slow_title_is_found_and_dated_within_hours():
    sold = [START + day * DAY + 7 * HOUR for day in (20, 90, 95, 260, 431, 600)]
    found = seen_by_rank(infer_sales(a_title(a_rank(sold, visits=every(31))), now=NOW))
    assert len(found) == len(sold)
    assert max(abs(told - true) for told, true in zip(found, sold, strict=True)) <= 16 * HOUR


@pytest.mark.parametrize("level", [120_000.0, 250_000.0, 500_000.0])
def test_a_titles_own_level_is_learned_from_its_falls(level):
    sold = [START + day * DAY for day in range(15, 690, 25)]
    found = seen_by_rank(infer_sales(a_title(a_rank(sold, visits=every(41), level=level)), now=NOW))
    assert len(found) == len(sold)
    assert max(abs(told - true) for told, true in zip(found, sold, strict=True)) <= 20 * HOUR


def test_a_rank_that_only_climbs_shows_no_sale():
    assert not seen_by_rank(infer_sales(a_title(a_rank([START], visits=every(20, first=START + DAY))), now=NOW))


def test_jitter_of_a_slow_title_is_no_sale():
    rank = [(minute, 2_500_000 - 9_000 * (place % 2)) for place, minute in enumerate(every(24))]
    assert not infer_sales(a_title(rank), now=NOW).sales


@pytest.mark.parametrize("part", [0.94, 0.9, 0.8])
def test_a_shift_of_the_whole_list_is_no_sale(part):
    before = [(minute, 3_000_000) for minute in every(24, last=START + 300 * DAY)]
    after = [(minute, round(3_000_000 * part)) for minute in every(24, first=START + 300 * DAY)]
    assert not infer_sales(a_title([*before, *after]), now=NOW).sales


def test_two_steps_of_one_update_are_one_sale():
    at = START + 100 * DAY
    rank = [(at - 3 * DAY, 2_400_000), (at - DAY, 2_500_000), (at, 700_000), (at + 2 * HOUR, 260_000)]
    assert len(seen_by_rank(infer_sales(a_title(rank), now=NOW))) == 1


def test_a_rank_that_appears_from_nothing_has_not_fallen():
    rank = [(START, 2_000_000), (START + DAY, None), (START + 2 * DAY, 200_000), (START + 3 * DAY, 480_000)]
    assert not infer_sales(a_title(rank), now=NOW).sales


def test_an_outage_is_not_bridged():
    steady = a_rank([START - DAY], visits=every(24, last=START + 60 * DAY))
    back = a_rank([START + 80 * DAY - HOUR], visits=every(24, first=START + 80 * DAY, last=START + 90 * DAY))
    assert not seen_by_rank(infer_sales(a_title([*steady, *back]), now=NOW))


def test_several_sales_in_one_gap_add_up_to_what_the_rate_lets_expect():
    chance = random.Random(4)
    sold = sorted(chance.randrange(START, NOW_MINUTE) for _ in range(250))
    history = infer_sales(a_title(a_rank(sold, visits=every(40))), now=NOW)
    counted = sum(sale.expected_count for sale in history.sales)
    assert counted == pytest.approx(len(sold), rel=0.25)
    assert len(history.sales) == pytest.approx(counted, rel=0.15)


# how often


@pytest.mark.parametrize("days_between", [5, 20, 60])
def test_sales_a_year_are_those_that_were(days_between):
    sold = list(every(days_between * 24))
    told = infer_sales(a_title(a_rank(sold, visits=every(29))), now=NOW).all_a_year
    assert told == pytest.approx(365.25 / days_between, rel=0.3)


def test_time_without_a_rank_changes_no_rate():
    sold = list(every(12 * 24))
    whole = a_rank(sold, visits=every(29))
    dark = range(START + 200 * DAY, START + 480 * DAY)
    parted = [(minute, None if minute in dark else rank) for minute, rank in whole]
    full, half = (infer_sales(a_title(rank), now=NOW) for rank in (whole, parted))
    assert half.observed_days < full.observed_days - 270
    assert half.all_a_year == pytest.approx(full.all_a_year, rel=0.15)


def test_no_rank_anywhere_gives_no_rate():
    history = infer_sales(a_title(used_offers=[(START, 5), (START + DAY, 4)]), now=NOW)
    assert (history.used_a_year, history.all_a_year, history.observed_days) == (None, None, 0.0)


def test_a_mean_rank_alone_gives_a_rate():
    product = a_product(at=NOW, history={}, sales_rank_avg=Averages(d90=900_000))
    history = infer_sales(product, now=NOW)
    assert history.sales == ()
    assert history.all_a_year is not None
    assert 5 < history.all_a_year < 200
    assert history.used_a_year is not None
    assert 0 < history.used_a_year < history.all_a_year


# which copies


def sold_with(**market: Sequence[tuple[int, int | None]]) -> SalesHistory:
    """One title that sold every 30 days, in this market."""
    return infer_sales(a_title(a_rank(SOLD, visits=every(24)), **market), now=NOW)


SOLD = [START + day * DAY + 5 * HOUR for day in range(10, 690, 30)]
"""When the title of the tests below sold."""


def dropping(at: Iterable[int], *, high: int = 6) -> list[tuple[int, int | None]]:
    """Offers that are one fewer for ten days from each of `at` on."""
    return [(START, high), *(step for minute in at for step in ((minute, high - 1), (minute + 10 * DAY, high)))]


def mean_probability(history: SalesHistory) -> float:
    return sum(sale.used_probability for sale in history.sales) / len(history.sales)


def test_used_offers_that_leave_with_each_sale_speak_for_used_copies():
    late = [minute + 8 * HOUR for minute in SOLD]
    steady = [(START, 6)]
    as_used = sold_with(used_offers=dropping(late), new_offers=steady)
    as_new = sold_with(used_offers=steady, new_offers=dropping(late))
    assert mean_probability(as_used) > 0.7
    assert mean_probability(as_new) < 0.3
    assert as_used.used_a_year > 2 * as_new.used_a_year


def test_no_used_copy_on_offer_speaks_against_used():
    none = [(START, None)]
    assert mean_probability(sold_with(used=none, new=[(START, 4000)])) < mean_probability(
        sold_with(used=[(START, 1500)], new=[(START, 4000)])
    )


# at what price


def test_a_used_copy_went_for_the_price_before_it_was_gone_with_shipping():
    used = [(START, 2000), *(step for minute in SOLD for step in ((minute + HOUR, 2900), (minute + 5 * DAY, 2000)))]
    for sale in sold_with(used=used).sales:
        assert sale.landed_cents == pytest.approx(2399, rel=0.05)
        assert sale.log_sd is not None
        assert 0 < sale.log_sd < 0.5


def test_a_titles_own_shipping_is_learned_from_its_grades():
    used = [(START + day * DAY, 2000 + day % 2) for day in range(0, 690, 10)]
    good = [(minute, item + 650) for minute, item in used]
    assert all(sale.landed_cents > 2560 for sale in sold_with(used=used, landed_good=good).sales)


@pytest.mark.parametrize("absurd", [5_000_000, 1])
def test_an_absurd_price_before_a_sale_is_no_price(absurd):
    used = [(START, 2000), (START + 5 * DAY, 2100), (SOLD[5] - DAY, absurd), (SOLD[5] + DAY, 2050)]
    sale = sold_with(used=used).sales[5]
    assert (sale.landed_cents, sale.log_sd) == (None, None)


# without a rank


def test_an_offer_that_leaves_without_a_rank_is_a_sale_perhaps():
    offers = [(START + day * DAY, 5 - place % 2) for place, day in enumerate(range(0, 60, 3))]
    history = infer_sales(a_title(used_offers=offers, used=[(START, 2000)]), now=NOW)
    assert history.sales
    for sale in history.sales:
        assert not sale.by_rank
        assert 0 < sale.expected_count <= 0.3


def test_a_lone_misreading_of_the_offers_is_no_drop():
    offers = [(START, 6), (START + 30 * DAY, 6), (START + 33 * DAY, 2), (START + 36 * DAY, 6)]
    assert not infer_sales(a_title(used_offers=offers), now=NOW).sales


def test_an_offer_that_leaves_under_a_watched_rank_adds_nothing():
    calm = a_rank([START - DAY], visits=every(24))
    offers = [(START + day * DAY, 5 - place % 2) for place, day in enumerate(range(10, 600, 3))]
    assert not infer_sales(a_title(calm, used_offers=offers), now=NOW).sales


# whatever comes in

minutes = st.integers(-10, NOW_MINUTE + 40 * DAY) | st.integers(NOW_MINUTE - 40 * DAY, NOW_MINUTE)
numbers = st.none() | st.sampled_from([-2, -1, 0, 1, 5_000_000]) | st.integers(1, 20_000_000)
NAMES = ("rank", "used", "new", "amazon", "used_offers", "new_offers", "landed_good", "landed_buy_box_used")


@st.composite
def damaged_series(draw: st.DrawFn) -> Series:
    steps = draw(st.lists(st.tuples(minutes, numbers), max_size=40))
    spare = draw(st.lists(numbers, max_size=2))
    return Series(tuple(minute for minute, _ in steps), (*(value for _, value in steps), *spare))


histories = st.dictionaries(st.sampled_from(NAMES), damaged_series(), max_size=len(NAMES))


@given(history=histories)
def test_no_history_is_too_damaged_to_be_read(history: dict[str, Series]):
    product = a_product(at=NOW, history=history)
    told = infer_sales(product, now=NOW)
    assert 0 <= told.observed_days <= 731
    assert list(told.sales) == sorted(told.sales, key=lambda sale: sale.minute)
    for sale in told.sales:
        assert sale.after <= sale.minute <= sale.before <= NOW_MINUTE
        assert sale.before > NOW_MINUTE - 730 * DAY
        assert sale.expected_count > 0
        assert 0.03 <= sale.used_probability <= 0.97
        assert (sale.landed_cents is None) == (sale.log_sd is None)
        assert sale.landed_cents is None or sale.landed_cents > 0
        assert sale.by_rank or sale.expected_count <= 0.3


@given(history=histories)
def test_no_sale_bridges_time_in_which_nothing_was_known(history: dict[str, Series]):
    for sale in infer_sales(a_product(at=NOW, history=history), now=NOW).sales:
        series = history["rank" if sale.by_rank else "used_offers"]
        least = 1 if sale.by_rank else 0
        steps = dict(sorted(zip(series.minutes, series.values, strict=False), key=lambda step: step[0]))
        inside = [value for minute, value in steps.items() if sale.after <= minute <= sale.before]
        assert all(value is not None and value >= least for value in inside)
        seen = [minute for minute in steps if minute <= NOW_MINUTE and minute > NOW_MINUTE - 730 * DAY]
        gaps = sorted(b - a for a, b in pairwise(seen))
        usual = gaps[(len(gaps) - 1) // 2]
        assert sale.before - sale.after <= max(7 * DAY, 5 * usual) + 6 * HOUR


@given(history=histories, later=st.integers(-3000, 3000))
def test_the_same_history_at_another_time_tells_the_same(history: dict[str, Series], later: int):
    moved = {
        name: Series(tuple(minute + later * 2 for minute in series.minutes), series.values)
        for name, series in history.items()
        if min(series.minutes, default=0) > 10_000
    }
    kept = {name: history[name] for name in moved}
    first = infer_sales(a_product(at=NOW, history=kept), now=NOW)
    second = infer_sales(a_product(at=NOW, history=moved), now=NOW + timedelta(minutes=later * 2))
    assert [sale.minute + later * 2 for sale in first.sales] == [sale.minute for sale in second.sales]
    assert first.used_a_year == pytest.approx(second.used_a_year)


@given(history=histories, data=st.data())
def test_the_order_of_points_does_not_matter(history: dict[str, Series], data: st.DataObject):
    shuffled = {}
    for name, series in history.items():
        steps = dict(zip(series.minutes, series.values, strict=False))
        order = data.draw(st.permutations(list(steps)))
        history[name] = a_series(list(steps.items()))
        shuffled[name] = a_series([(minute, steps[minute]) for minute in order])
    assert infer_sales(a_product(at=NOW, history=history), now=NOW) == infer_sales(
        a_product(at=NOW, history=shuffled), now=NOW
    )


def test_points_of_the_future_tell_nothing():
    sold = [START + 100 * DAY]
    past = a_rank(sold, visits=every(30))
    future = [(NOW_MINUTE + 10 * DAY, 40_000), (NOW_MINUTE + 20 * DAY, 4_000_000)]
    assert infer_sales(a_title([*past, *future]), now=NOW) == infer_sales(a_title(past), now=NOW)


# real histories


def real_products() -> list[Any]:
    folder = os.environ.get("KEEPA_SAMPLES")
    if folder is None:
        reason = "KEEPA_SAMPLES is not set: the real Keepa answers are not in this repository"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(path, id=path.stem) for path in sorted(Path(folder).glob("*.json"))]


@pytest.mark.parametrize("path", real_products())
def test_real_histories_are_read_without_complaint(path: Path):
    body = json.loads(path.read_text())
    asins = [row["asin"] for row in body["products"]]
    read_at = datetime(2026, 6, 1, tzinfo=UTC)
    for product in parse_look(json.dumps(body).encode(), asked=asins, now=read_at).products:
        now = product.updated_at
        history = infer_sales(product, now=now)
        assert history.all_a_year is not None
        falls = rank_falls(product, now=now)
        assert {(fall.after, fall.before) for fall in falls} == {
            (s.after, s.before) for s in history.sales if s.by_rank
        }
