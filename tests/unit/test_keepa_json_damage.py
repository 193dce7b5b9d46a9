"""The real answers are read, and no damage to any answer raises anything but MalformedReply."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keepa_deals.errors import MalformedReply
from keepa_deals.judgement.judge import judge
from keepa_deals.keepa_json import parse_feed, parse_look, parse_sellers, read_complaint, read_envelope
from keepa_deals.records import CostSettings

DATA = Path(__file__).parent.parent / "data" / "keepa"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ASIN = "0131234566"
SAMPLES = ("B0D8W1YVBX", "B0F7XPYCSJ")


def packed(value: object) -> bytes:
    return json.dumps(value).encode()


def sample(asin: str) -> bytes:
    """A real answer of Keepa's, from the folder that the environment names."""
    folder = os.environ.get("KEEPA_SAMPLES")
    if not folder:
        pytest.skip("KEEPA_SAMPLES is not set: the real Keepa answers are not in this repository")
    return (Path(folder) / f"product-{asin}.json").read_bytes()


@pytest.mark.parametrize("asin", SAMPLES)
def test_the_real_answers_are_read_whole(asin):
    look = parse_look(sample(asin), asked=[asin], now=NOW)
    (product,) = look.products
    assert (look.unreadable, look.missing) == ((), ())
    assert product.title
    assert product.new_cents is not None
    assert product.used_cents is None
    assert product.fba_fee_cents is not None
    assert product.history["rank"].minutes


@pytest.mark.parametrize("asin", SAMPLES)
def test_the_real_answers_are_refused_with_a_sentence(asin):
    (product,) = parse_look(sample(asin), asked=[asin], now=NOW).products
    judgement = judge(product, costs=CostSettings(), now=NOW)
    assert judgement.refusal == "Keepa gave no offers, so no copy can be named"
    assert judgement.profit_cents is None


# nothing but MalformedReply

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-3, 40) | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["1", "-1", "inf", "nan", "null", "\ud800", 2**63, -(2**63), 10**30, 1e308, -1e308]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def paths(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found.extend(paths(inner, (*path, key)))
    elif isinstance(value, list):
        for place, inner in enumerate(value[:40]):
            found.extend(paths(inner, (*path, place)))
    return found


def with_change(value: Any, path: tuple[Any, ...], new: object) -> Any:
    """A copy of `value` with what stands at `path` replaced, or left out where `new` is `...`."""
    if not path:
        return None if new is ... else new
    key, rest = path[0], path[1:]
    copy = value.copy()
    if not rest and new is ...:
        del copy[key]
    else:
        copy[key] = with_change(value[key], rest, new)
    return copy


def read_everything(reply: bytes, asked: str) -> None:
    read_envelope(reply)
    read_complaint(reply)
    for parse in (
        lambda: parse_feed(reply, now=NOW),
        lambda: parse_sellers(reply, asked=["A1"], now=NOW),
        lambda: [
            judge(product, costs=CostSettings(), now=NOW)
            for product in parse_look(reply, asked=[asked], now=NOW).products
        ],
    ):
        try:
            parse()
        except MalformedReply as fault:
            assert str(fault)


QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@given(data=st.data(), name=st.sampled_from(["feed-page.json", "full-look.json", "light-look.json", "sellers.json"]))
@settings(QUICK, max_examples=300)
def test_no_change_of_an_answer_raises_anything_else(data, name):
    value = json.loads((DATA / name).read_text())
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(paths(value)))
        value = with_change(value, path, data.draw(JSON | st.just(...)))
    read_everything(packed(value), ASIN)


@given(data=st.data(), name=st.sampled_from(["feed-page.json", "full-look.json"]))
@settings(QUICK, max_examples=150)
def test_no_damage_to_the_bytes_raises_anything_else(data, name):
    reply = (DATA / name).read_bytes()
    start = data.draw(st.integers(0, len(reply)))
    end = data.draw(st.integers(start, min(len(reply), start + 20)))
    read_everything(reply[:start] + data.draw(st.binary(max_size=8)) + reply[end:], ASIN)
    read_everything(reply[:start], ASIN)


@pytest.mark.parametrize("asin", SAMPLES)
def test_no_change_of_a_real_answer_raises_anything_else(asin):
    value = json.loads(sample(asin))
    places = paths(value)

    @given(path=st.sampled_from(places), new=JSON | st.just(...))
    @settings(QUICK, max_examples=60)
    def run(path, new):
        read_everything(packed(with_change(value, path, new)), asin)

    run()
