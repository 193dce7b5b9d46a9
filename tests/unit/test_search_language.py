"""What the search box understands, and what it says about the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.deal_fields import FIELDS
from keepa_deals.search_language import (
    ALIASES,
    LONGEST_SEARCH,
    MOST_TERMS,
    Choice,
    Comparison,
    NotUnderstood,
    Search,
    Words,
    months_of,
    read_search,
)


def terms(text: str) -> tuple[object, ...]:
    return read_search(text).terms


def test_the_example_of_the_help_is_read_term_by_term() -> None:
    assert terms('profit>20 rank<200k title:"organic chemistry" -season:fall') == (
        Comparison(FIELDS["profit"], ">", 2000),
        Comparison(FIELDS["rank"], "<", 200_000),
        Words("organic chemistry", ("title",), is_start=False),
        Choice("season", "fall", is_negated=True),
    )


@pytest.mark.parametrize(
    ("text", "sign", "value"),
    [
        ("profit>20", ">", 2000),
        ("profit>=20.50", ">=", 2050),
        ("profit=>20", ">=", 2000),
        ("profit < 20", "<", 2000),
        ("PROFIT<=1.5k", "<=", 150_000),
        ("profit=0", "=", 0),
        ("profit:-5", "=", -500),
        ("roi>=20%", ">=", 20.0),
        ("rank<=1,234,567", "<=", 1_234_567),
        ("verified<90", "<", 90.0),
        ("seen_age<=2d", "<=", 48.0),
        ("changed>6h", ">", 6.0),
    ],
)
def test_a_comparison_takes_numbers_as_people_write_them(text: str, sign: str, value: float) -> None:
    (term,) = terms(text)
    assert isinstance(term, Comparison)
    assert (term.sign, term.value) == (sign, value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hydr", Words("hydr")),
        ('"river bank"', Words("river bank", is_start=False)),
        ('-"river bank"', Words("river bank", is_start=False, is_negated=True)),
        ("-river", Words("river", is_negated=True)),
        ("foo-bar", Words("foo-bar")),
        ("author:Lind", Words("Lind", ("author",))),
        ("isbn:0-14-032872-6", Words("0-14-032872-6", ("isbn13", "asin"), is_start=False)),
        ("asin:B000000001", Words("B000000001", ("asin",), is_start=False)),
        ("seller:A2EX", Words("A2EX", ("seller_id", "seller_name"))),
        ("978 0 14 032872 1", Words("9780140328721")),
        ("condition:like-new", Choice("condition", "like_new")),
        ('condition:"Very Good"', Choice("condition", "very_good")),
        ("amazon=no", Choice("amazon", "no")),
        ("-profitable:yes", Choice("profitable", "yes", is_negated=True)),
    ],
)
def test_a_term_is_a_word_a_phrase_or_a_choice(text: str, expected: object) -> None:
    assert terms(text) == (expected,)


def test_what_is_only_punctuation_between_words_is_no_term() -> None:
    assert terms("War & Peace - Leo") == (Words("War"), Words("Peace"), Words("Leo"))
    assert terms("Python: the") == (Words("Python:"), Words("the"))
    assert read_search("") == Search()


@pytest.mark.parametrize(
    ("text", "part", "words"),
    [
        ('river "bank', '"bank', "quotes opened here are not closed"),
        ('river title:"bank', 'title:"bank', "quotes opened here are not closed"),
        ("river prfit>3", "prfit>3", "did you mean profit?"),
        ("Dune:Messiah", "Dune:Messiah", "put it in quotes"),
        ("profit>", "profit>", "needs a number after it"),
        ("profit>cheap", "profit>cheap", "Profit (profit) is 'cheap'"),
        ("rank<12,5", "rank<12,5", "a comma only sets off thousands"),
        ("rank<1.5", "rank<1.5", "whole number"),
        ("title>5", "title>5", "nothing called 'title'"),
        ("title: x", "title:", "needs something to look for"),
        ("title:&&", "title:&&", "no letter or digit"),
        ("condition:mint", "condition:mint", "it must be one of new"),
        ("state:dead", "state:dead", "live, unverified, gone"),
        ("&&&", "&&&", "no letter or digit"),
    ],
)
def test_an_error_tells_where_and_in_one_sentence_what(text: str, part: str, words: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        read_search(text)
    assert text[caught.value.start : caught.value.end] == part
    assert words in str(caught.value)


def test_a_search_has_an_end() -> None:
    with pytest.raises(NotUnderstood, match=f"at most {LONGEST_SEARCH} characters"):
        read_search("x" * (LONGEST_SEARCH + 1))
    with pytest.raises(NotUnderstood, match=f"at most {MOST_TERMS} terms"):
        read_search(" ".join(f"word{number}" for number in range(MOST_TERMS + 1)))


def test_only_naming_a_state_lifts_the_usual_one() -> None:
    assert read_search("state:gone").asks_for_state
    assert not read_search("-state:gone river").asks_for_state


@pytest.mark.parametrize(
    ("season", "months"),
    [
        ("fall", (9, 10, 11)),
        ("Winter", (12, 1, 2)),
        ("aug", (8,)),
        ("August", (8,)),
        ("may", (5,)),
        ("ma", ()),
        ("textbook", ()),
    ],
)
def test_a_season_may_be_a_time_of_the_year(season: str, months: tuple[int, ...]) -> None:
    assert months_of(season) == months


@pytest.mark.parametrize("alias", ALIASES)
def test_every_short_name_leads_to_a_field(alias: str) -> None:
    (term,) = terms(f"{alias}>1")
    assert isinstance(term, Comparison)


pieces = st.sampled_from(["profit", "title", "rank", ">", "<=", ":", '"', "-", " ", "20", "1,5", "x", "é", "\\", "k"])


@given(st.lists(pieces, max_size=14).map("".join) | st.text(max_size=60))
def test_any_text_is_understood_or_refused_at_a_place_inside_it(text: str) -> None:
    try:
        found = read_search(text.strip())
    except NotUnderstood as wrong:
        assert 0 <= wrong.start <= wrong.end <= len(text.strip())
        assert str(wrong)
    else:
        assert found.terms or not text.strip()
