"""The language of the search box: words, "phrases", `profit>20`, `rank<200k`, `title:"…"`, `season:fall`, `-` for not.

Here 0 is a number. A comparison, also a negated one, leaves out rows whose value is unknown: of them neither is
true. A negated word or choice keeps them: what is unknown is not that.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass

from keepa_deals.deal_fields import FIELDS, GRADES, Field, Kind, NotRight, read_value, shown
from keepa_deals.isbn import book_numbers
from keepa_deals.records import DealState

LONGEST_SEARCH = 300
MOST_TERMS = 20

TEXT_FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("title",),
    "author": ("author",),
    "brand": ("brand",),
    "publisher": ("brand",),
    "asin": ("asin",),
    "isbn": ("isbn13", "asin"),
    "seller": ("seller_id", "seller_name"),
}
"""where each of them looks; a word without a field looks everywhere"""

ALIASES = {
    "sales": "used_sales",
    "days": "days_to_sell",
    "chance": "sold_chance",
    "down": "percent_down",
    "list": "list_price",
    "low": "profit_low",
    "seller_trust": "seller_quality",
    "verified": "verified_age",
    "changed": "price_age",
    "seen": "seen_age",
}
"""shorter names of fields, for typing"""

_YES_NO = ("yes", "no")
_TIMES_OF_YEAR = {
    "winter": (12, 1, 2),
    "spring": (3, 4, 5),
    "summer": (6, 7, 8),
    "fall": (9, 10, 11),
    "autumn": (9, 10, 11),
}
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """Consecutive words, in one of `columns` or, if there are none, in any searched text."""

    text: str
    columns: tuple[str, ...] = ()
    is_start: bool = True
    """whether the last word may go on: `hydr` finds hydraulics"""
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field's value against a number in the unit the field is kept in (an age: hours)."""

    field: Field
    sign: str
    """<, <=, =, >= or >"""
    value: int | float
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a facet's values: condition, category, binding, season, state, amazon or profitable."""

    facet: str
    value: str
    is_negated: bool = False


Term = Words | Comparison | Choice


@dataclass(frozen=True, slots=True)
class Search:
    """What was typed, and the terms that must all be met."""

    text: str = ""
    terms: tuple[Term, ...] = ()

    @property
    def asks_for_state(self) -> bool:
        """Whether it names the states to show, so that the usual ones don't apply."""
        return any(isinstance(term, Choice) and term.facet == "state" and not term.is_negated for term in self.terms)


NO_SEARCH = Search()


class NotUnderstood(NotRight):
    """Why a search can't be read, and where: `start` and `end` are places in the text as typed."""

    def __init__(self, message: str, *, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


def read_search(text: str, *, minor_digits: int = 2) -> Search:
    """The search in `text`. Raises NotUnderstood with one sentence about the first thing that is wrong."""
    if len(text) > LONGEST_SEARCH:
        raise NotUnderstood(
            f"a search has at most {LONGEST_SEARCH} characters, this one has {len(text)}", start=0, end=len(text)
        )
    if book_numbers(text):
        return Search(text, (Words("".join(text.split())),))
    terms: list[Term] = []
    for token in _tokens(text):
        term = _term(token, minor_digits)
        if term is not None and term not in terms:
            terms.append(term)
    if len(terms) > MOST_TERMS:
        raise NotUnderstood(f"a search has at most {MOST_TERMS} terms, this one has {len(terms)}", start=0, end=0)
    if text and not terms:
        raise NotUnderstood("there is no letter or digit in it to search for", start=0, end=len(text))
    return Search(text, tuple(terms))


def is_searchable(text: str) -> bool:
    """Whether the full-text index keeps anything of `text`."""
    return any(unicodedata.category(character)[0] in "LN" for character in text)


def months_of(season: str) -> tuple[int, ...]:
    """The months that `season` names by a time of the year or a month's name; none for any other word."""
    word = season.lower()
    named = tuple(number for number, month in enumerate(_MONTHS, 1) if len(word) >= 3 and month.startswith(word))
    return _TIMES_OF_YEAR.get(word, named)


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of the search: `-name sign value`, `-"phrase"` or `-word`; value alone if there is no name."""

    start: int
    end: int
    is_negated: bool
    name: str
    sign: str
    value: str
    is_quoted: bool

    def wrong(self, message: str) -> NotUnderstood:
        return NotUnderstood(message, start=self.start, end=self.end)


_PIECE = re.compile(
    r"(?P<minus>-?)(?:"
    r"(?P<name>[A-Za-z_]\w*)(?:\s*(?P<sign><=|>=|=<|=>|<|>|=)\s*|(?P<colon>:)(?=\S))"
    r"(?:\"(?P<named_phrase>[^\"]*)(?P<named_end>\"?)|(?P<named_value>[^\s\"<>=]*))"
    r"|\"(?P<phrase>[^\"]*)(?P<end>\"?)"
    r"|(?P<word>[^\s\"]+)"
    r")"
)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = 0
    while True:
        place += len(text[place:]) - len(text[place:].lstrip())
        if place == len(text):
            return tokens
        found = _PIECE.match(text, place)
        assert found is not None, "a word is anything that is left"
        tokens.append(_token(found))
        place = found.end()


def _token(found: re.Match[str]) -> _Token:
    part = found.groupdict()
    if part["named_end"] == "" or part["end"] == "":
        raise NotUnderstood("the quotes opened here are not closed", start=found.start(), end=found.end())
    phrase = part["named_phrase"] if part["named_phrase"] is not None else part["phrase"]
    value = next(given for given in (phrase, part["named_value"], part["word"]) if given is not None)
    sign = {"=<": "<=", "=>": ">="}.get(part["sign"] or "", part["sign"] or part["colon"] or "")
    return _Token(
        found.start(), found.end(), part["minus"] == "-", part["name"] or "", sign, value, is_quoted=phrase is not None
    )


def _term(token: _Token, minor_digits: int) -> Term | None:
    if not token.name:
        return _words(token, (), token.value)
    name = token.name.lower()
    if token.sign not in (":", "=") or name in FIELDS or name in ALIASES:
        return _comparison(token, name, minor_digits)
    if not token.value:
        raise token.wrong(f"{token.name}{token.sign} needs something to look for right after it")
    if name in TEXT_FIELDS:
        words = _words(token, TEXT_FIELDS[name], token.value)
        if words is None:
            raise token.wrong(f"there is no letter or digit in {shown(token.value)} to search for")
        return words
    if name in CHOICES:
        return _choice(token, name)
    raise token.wrong(_unknown(token))


def _words(token: _Token, columns: tuple[str, ...], text: str) -> Words | None:
    """None where the index would keep nothing of it: a dash between two words is not a term."""
    if not is_searchable(text):
        return None
    if not token.is_quoted and text.endswith(":") and text[:-1].lower() in (*TEXT_FIELDS, *CHOICES, *FIELDS):
        raise token.wrong(f"{text} needs something to look for right after it")
    exact = token.is_quoted or columns in (TEXT_FIELDS["asin"], TEXT_FIELDS["isbn"])
    return Words(text, columns, is_start=not exact, is_negated=token.is_negated)


def _comparison(token: _Token, name: str, minor_digits: int) -> Comparison:
    field = FIELDS.get(ALIASES.get(name, name))
    if field is None:
        raise token.wrong(_unknown(token))
    if not token.value:
        raise token.wrong(f"{token.name}{token.sign} needs a number after it")
    sign = "=" if token.sign == ":" else token.sign
    try:
        value = _number(token.value, field, minor_digits)
    except NotRight as wrong:
        raise token.wrong(f"{field.label} ({token.name}) is {shown(token.value)}; {wrong}") from None
    return Comparison(field, sign, value, token.is_negated)


def _number(text: str, field: Field, minor_digits: int) -> int | float:
    """A number as in parameters; a percent may carry its sign, an age be given in days."""
    if field.kind is Kind.PERCENT:
        text = text.removesuffix("%")
    if field.kind is Kind.AGE and text[-1:] in "hd":
        return read_value(text[:-1], field.kind, minor_digits=minor_digits) * (24 if text.endswith("d") else 1)
    return read_value(text, field.kind, minor_digits=minor_digits)


def _choice(token: _Token, name: str) -> Choice:
    allowed, value = CHOICES[name], token.value.lower()
    if name == "condition":
        value = value.replace(" ", "_").replace("-", "_")
    if allowed is not None and value not in allowed:
        raise token.wrong(f"{token.name} is {shown(token.value)}; it must be one of {', '.join(allowed)}")
    return Choice(name, value, token.is_negated)


CHOICES: dict[str, tuple[str, ...] | None] = {
    "condition": tuple(GRADES),
    "category": None,
    "binding": None,
    "season": None,
    "state": tuple(state.value for state in DealState),
    "amazon": _YES_NO,
    "profitable": _YES_NO,
}
"""Facets that can be named, with their values; None where any text may be one."""


def _unknown(token: _Token) -> str:
    names = (*TEXT_FIELDS, *CHOICES, *FIELDS, *ALIASES)
    near = difflib.get_close_matches(token.name.lower(), names, n=1) if len(token.name) <= 40 else []
    guess = f"did you mean {near[0]}?" if near else "put it in quotes to search for it as text"
    return f"there is nothing called {shown(token.name)} to search in; {guess}"
