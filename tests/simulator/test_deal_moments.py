"""The moments that judging is scored by: what the service would see, and a truth that reaches beyond it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.moments import FALL_PERCENT, DealMoment, Playground, cached_moments, instant_of
from keepa_deals.units import to_keepa_minutes

SEED, PRODUCTS = 61, 60
Made = tuple[list[DealMoment], Playground]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("moments")


@pytest.fixture(scope="module")
def made(kept: Path) -> Made:
    moments, ground = cached_moments("A", SEED, products=PRODUCTS, cache=kept)
    assert len(moments) >= 2, "a world of this size has some moments"
    return moments, ground


def test_a_moment_is_a_price_far_below_its_mean_of_90_days(made: Made) -> None:
    for moment in made[0]:
        mean = moment.product.used_avg.d90
        assert mean is not None
        assert moment.product.used_cents is not None
        assert moment.product.used_cents <= mean * (1 - FALL_PERCENT / 100) + 1


def test_the_copy_to_buy_is_the_cheapest_used_one(made: Made) -> None:
    for moment in made[0]:
        landed = [
            offer.landed_cents
            for offer in moment.product.offers or ()
            if offer.condition.is_used and offer.is_shippable and offer.landed_cents is not None
        ]
        assert moment.copy in (moment.product.offers or ())
        assert moment.copy.landed_cents == min(landed)


def test_a_product_knows_nothing_of_what_comes_after_its_moment(made: Made) -> None:
    for moment in made[0]:
        now = to_keepa_minutes(moment.now)
        assert moment.product.history
        for series in moment.product.history.values():
            assert max(series.minutes, default=0) <= now
        minutes = [sale.minute for sale in moment.past]
        assert minutes == sorted(minutes)
        assert all(now - 731 * 1440 <= minute < now for minute in minutes)


def test_instants_of_neighbouring_seeds_are_spread_over_the_year() -> None:
    months = {instant_of(seed).month for seed in range(1, 21)}
    assert len(months) == 12


def test_playing_twice_gives_the_same_and_dearer_sells_less(made: Made) -> None:
    moments, ground = made
    moment = max(moments, key=lambda one: one.future_used_sales)
    fair = round(moment.future_landed_cents or 0)
    prices = [fair // 2, fair, fair * 5]
    first, second = (ground.play([moment] * 3, prices, replicates=60, seed=4) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.sold_days, other.sold_days)
    cheap, at_mean, dear = (one.sold_share(270) for one in first)
    assert cheap >= at_mean >= dear
    assert cheap - dear > 0.3
    assert first[2].salvage_cents == pytest.approx(fair / 2, rel=0.6)


def test_what_is_sold_comes_after_the_delay_and_within_the_days(made: Made) -> None:
    moments, ground = made
    for played in ground.play(moments, [500] * len(moments), replicates=10, inbound_days=30, days=90):
        sold = played.sold_days[np.isfinite(played.sold_days)]
        assert (sold >= 29).all()
        assert (sold <= 90).all()


def test_cached_moments_come_back_as_they_were(made: Made, kept: Path) -> None:
    moments, ground = made
    again, ground_again = cached_moments("A", SEED, products=PRODUCTS, cache=kept)
    assert len(list(kept.iterdir())) == 1
    assert again == moments
    first, second = (one.play(moments, [2_000] * len(moments), replicates=5) for one in (ground, ground_again))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.sold_days, other.sold_days)
        assert one.salvage_cents == other.salvage_cents
