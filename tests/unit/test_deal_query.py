"""Reading parameters into a query, writing a query as parameters, and cursors."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from keepa_deals.deal_cursor import Cursor, cursor_text, read_cursor
from keepa_deals.deal_fields import DEFAULT_SORT, FIELDS, GRADES, SORTS, Kind, NotRight, Sort
from keepa_deals.deal_query import PARAMETERS, DealQuery, parse_deal_query, read_deal_query
from keepa_deals.errors import BadParameter, BadQuery
from keepa_deals.isbn import book_numbers
from keepa_deals.records import Condition, DealState
from keepa_deals.search_language import is_searchable


def parsed(*pairs: tuple[str, str], minor_digits: int = 2) -> DealQuery:
    return parse_deal_query(MultiDict(pairs), minor_digits=minor_digits)


def kept(name: str, text: str, *, minor_digits: int = 2) -> int | float | None:
    bounds = parsed((name, text), minor_digits=minor_digits).bounds
    return bounds[0].value if bounds else None


def test_nothing_asked_shows_live_deals_by_profit() -> None:
    assert parsed() == DealQuery()
    assert DealQuery().states == (DealState.LIVE,)
    assert DealQuery().sort.name == "-profit"


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_both_ends(name: str) -> None:
    query = parsed((f"{name}_gte", "1"), (f"{name}_lte", "2"))
    assert [bound.parameter for bound in query.bounds] == [f"{name}_gte", f"{name}_lte"]


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12.5", 1250),
        ("12.50", 1250),
        ("12.", 1200),
        ("+3", 300),
        ("-5", -500),
        ("0.01", 1),
        ("0.29", 29),  # 0.29 * 100 is 28.999… in binary floating point
        ("1.15", 115),
        ("999999999.99", 99_999_999_999),
        ("  7  ", 700),
        ("0", None),
        ("0.00", None),
        ("-0", None),
        ("", None),
        ("   ", None),
    ],
)
def test_an_amount_is_kept_in_exact_cents_and_zero_is_any(text: str, cents: int | None) -> None:
    assert kept("profit_gte", text) == cents


def test_yen_have_no_decimals() -> None:
    assert kept("price_lte", "1500", minor_digits=0) == 1500
    with pytest.raises(BadParameter, match="without decimals"):
        parsed(("price_lte", "15.00"), minor_digits=0)


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "1e3",
        "1e999",
        "nan",
        "inf",
        "-inf",
        "0x1f",
        "1_000",
        "12,50",
        "1,00,000",
        ",500",
        "1k5",
        "k",
        "12.345",
        "$5",
        "--5",
        "٣",
        "５",
        "1 2",
        ".",
        "-",
    ],
)
@pytest.mark.parametrize("name", ["profit_gte", "margin_lte", "rank_lte", "verified_age_lte"])
def test_what_is_no_plain_number_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parsed((name, text))
    label = FIELDS[name[:-4]].label
    assert str(caught.value).startswith(f"{label}, at {'least' if name.endswith('gte') else 'most'} ({name}), is ")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rank_lte", "500,000", 500_000),
        ("rank_lte", "500k", 500_000),
        ("rank_lte", "1.5M", 1_500_000),
        ("rank_lte", "1,234,567", 1_234_567),
        ("profit_gte", "1,250.50", 125_050),
        ("profit_gte", "1.5k", 150_000),
        ("profit_gte", "0.0k", None),
        ("roi_gte", "1k", 1000.0),
    ],
)
def test_thousands_may_be_set_off_or_shortened(name: str, text: str, value: int | float | None) -> None:
    assert kept(name, text) == value


def test_a_decimal_comma_is_refused_with_what_to_write() -> None:
    with pytest.raises(
        BadParameter, match=r"Profit, at least \(profit_gte\), is '12,50'; a comma only .* as in 12\.50"
    ):
        parsed(("profit_gte", "12,50"))


@pytest.mark.parametrize("name", ["rank_gte", "drops_gte", "verified_age_lte"])
def test_a_count_or_an_age_is_never_negative(name: str) -> None:
    with pytest.raises(BadParameter):
        parsed((name, "-1"))


def test_the_page_is_told_all_problems_and_keeps_the_rest() -> None:
    query, problems = read_deal_query(MultiDict([("margn_gte", "1"), ("roi_gte", "x"), ("profit_gte", "5")]))
    assert [(problem.parameter, problem.is_unknown) for problem in problems] == [
        ("margn_gte", True),
        ("roi_gte", False),
    ]
    assert [bound.parameter for bound in query.bounds] == ["profit_gte"]


def test_conditions_categories_and_states_add_up_once_each() -> None:
    query = parsed(
        ("condition", "good"),
        ("condition", "NEW"),
        ("condition", "good"),
        ("category", "Books"),
        ("state", "gone"),
        ("state", "live"),
    )
    assert query.conditions == (Condition.GOOD, Condition.NEW)
    assert query.categories == ("Books",)
    assert query.states == (DealState.LIVE, DealState.GONE)


def test_all_is_every_state() -> None:
    assert parsed(("state", "all")).states == tuple(DealState)


def test_a_message_shows_foreign_text_quoted_and_short() -> None:
    with pytest.raises(BadParameter) as caught:
        parsed(("sort", "\x1b[31m\u202e" + "x" * 500))
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_taking_one_filter_away_leaves_the_others() -> None:
    query = parsed(
        ("profit_gte", "5"), ("roi_gte", "20"), ("condition", "good"), ("condition", "new"), ("q", "river"),
        ("season", "fall"), ("amazon", "no"), ("profitable", "1"), ("triage", "watched"), ("binding", "Paperback"),
    )  # fmt: skip
    assert [bound.parameter for bound in query.without("profit_gte").bounds] == ["roi_gte"]
    assert query.without("condition", "good").conditions == (Condition.NEW,)
    assert query.without("q").search.terms == ()
    assert query.without("season").seasons == ()
    assert query.without("amazon", "no").amazon == ()
    assert query.without("amazon", "yes").amazon == (False,)
    assert query.without("profitable").profitable == ()
    assert query.without("binding").bindings == ()
    assert query.without("triage").triage is None
    assert query.unfiltered() == DealQuery()


numbers = st.decimals(min_value=0, max_value=999_999, places=2).map(str)
bounds = {
    f"{field.name}_{end}": st.integers(0, 9999).map(str) if field.kind is Kind.COUNT else numbers
    for field in FIELDS.values()
    for end in ("gte", "lte")
}
pairs = st.fixed_dictionaries(
    {},
    optional=bounds
    | {
        "q": st.text("abc%_\\' é", max_size=20).filter(lambda text: not text.strip() or is_searchable(text)),
        "season": st.sampled_from(["fall", "textbook"]),
        "binding": st.sampled_from(["Paperback"]),
        "amazon": st.sampled_from(["yes", "no", "0", "1"]),
        "profitable": st.sampled_from(["yes", "no", "0", "1"]),
        "triage": st.sampled_from(["new", "hidden", "all"]),
        "condition": st.sampled_from(list(GRADES)),
        "category": st.sampled_from(["Books", "283155", "Ö & Ü", "100%"]),
        "state": st.sampled_from(["live", "unverified", "gone", "all"]),
        "sort": st.sampled_from([sign + name for sign in ("", "-") for name in SORTS]),
        "limit": st.integers(1, 250).map(str),
    },
)


@given(pairs)
def test_a_query_written_as_parameters_is_read_again_as_itself(given_pairs: dict[str, str]) -> None:
    query = parsed(*given_pairs.items())
    assert parsed(*query.parameters()) == query


anything = st.one_of(st.sampled_from(PARAMETERS), st.text(max_size=30))


@given(st.lists(st.tuples(anything, st.text(max_size=40)), max_size=8))
def test_no_parameters_whatever_raise_anything_but_a_bad_query(given_pairs: list[tuple[str, str]]) -> None:
    _, problems = read_deal_query(MultiDict(given_pairs))
    assert all(problem.message for problem in problems)


values = {
    Kind.MONEY: st.integers(-(10**9), 10**9),
    Kind.COUNT: st.integers(0, 10**9),
    Kind.PERCENT: st.floats(-1e6, 1e6),
    Kind.AGE: st.datetimes(datetime(2011, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    Kind.INSTANT: st.datetimes(datetime(2011, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    Kind.TEXT: st.text(max_size=30),
}


@given(st.data(), st.sampled_from(list(SORTS.values())), st.booleans())
def test_a_cursor_comes_back_as_it_was_and_only_to_its_own_order(data: st.DataObject, field, descending: bool) -> None:
    sort = Sort(field, descending)
    cursor = Cursor(data.draw(st.none() | values[field.kind]), "B000000001", 1)
    text = cursor_text(cursor, sort=sort)
    assert read_cursor(text, sort=sort) == cursor
    with pytest.raises(NotRight):
        read_cursor(text, sort=Sort(field, not descending))


@given(st.data())
def test_a_damaged_cursor_is_refused(data: st.DataObject) -> None:
    text = cursor_text(Cursor(1234, "B000000001", 1), sort=DEFAULT_SORT)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABCDwxyz0189-_"))
    if other != text[place]:
        with pytest.raises(NotRight):
            read_cursor(text[:place] + other + text[place + 1 :], sort=DEFAULT_SORT)


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda raw: raw.hex()))
def test_a_foreign_text_is_no_cursor(text: str) -> None:
    with pytest.raises(NotRight):
        read_cursor(text, sort=DEFAULT_SORT)


@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-11-22T13:00:00"])
def test_a_cursor_at_an_instant_that_no_clock_shows_is_refused(instant: str) -> None:
    sort = Sort(FIELDS["verified_age"], descending=False)
    body = msgspec.json.encode([sort.name, instant, "B000000001", 1])
    sealed = hashlib.blake2s(body, digest_size=6, person=b"cursor").digest() + body
    with pytest.raises(NotRight):
        read_cursor(base64.urlsafe_b64encode(sealed).decode().rstrip("="), sort=sort)


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("0-14-032872-6", ("0140328726", "9780140328721")),
        ("978-0-14-032872-1", ("9780140328721", "0140328726")),
        ("080442957X", ("080442957X", "9780804429573")),
        ("080442957x", ("080442957X", "9780804429573")),
        ("979-10-90636-07-1", ("9791090636071",)),  # 979 has no ISBN-10
        ("0140328725", ()),  # wrong check digit
        ("9780140328722", ()),
        ("B000000001", ()),
        ("", ()),
    ],
)
def test_a_book_number_is_known_in_all_its_forms(text: str, forms: tuple[str, ...]) -> None:
    assert book_numbers(text) == forms


def test_a_search_that_is_not_understood_tells_where() -> None:
    _, (problem,) = read_deal_query(MultiDict([("q", "river prfit>20")]))
    assert (problem.parameter, problem.start, problem.end) == ("q", 6, 14)
    assert problem.message == (
        "The search is not understood at 'prfit>20': there is nothing called 'prfit' to search in; did you mean profit?"
    )


def test_parameters_of_others_are_left_to_them() -> None:
    query, problems = read_deal_query(MultiDict([("columns", "profit"), ("roi_gte", "5")]), besides=("columns",))
    assert problems == ()
    assert [bound.parameter for bound in query.bounds] == ["roi_gte"]
