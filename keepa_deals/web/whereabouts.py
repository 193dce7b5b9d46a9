"""Where one ASIN is, and why it is not in the table: for any that somebody types. Pure but for its text of filters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from keepa_deals.deal_fields import Field
from keepa_deals.deal_query import DealQuery
from keepa_deals.isbn import book_numbers
from keepa_deals.records import DealState
from keepa_deals.store.find import Deal, DealDetails
from keepa_deals.store.traces import CandidateTrace, Traces
from keepa_deals.web.filters import as_text, exact_time
from keepa_deals.web.marketplaces import Marketplace
from keepa_deals.web.table import CHOICES, Table, choice_text

_ASIN = re.compile(r"[A-Z0-9]{10}")
LONGEST_TYPED = 40


class Where(StrEnum):
    """The places where an ASIN can be."""

    HERE = "here"
    HIDDEN = "hidden"
    OTHER_STATE = "other_state"
    GONE = "gone"
    WAITING = "waiting"
    DROPPED = "dropped"
    SET_ASIDE = "set_aside"
    NEVER_SEEN = "never_seen"


@dataclass(frozen=True, slots=True)
class Hiding:
    """One filter that leaves a deal out, by its parameter, in words."""

    parameter: str
    words: str


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The answer: a headline, what is known beyond it, and since when."""

    where: Where
    headline: str
    grounds: tuple[str, ...] = ()
    since: datetime | None = None
    hidden_by: tuple[Hiding, ...] = ()


def read_asin(text: str) -> str | None:
    """The ASIN in what somebody typed: itself, an ISBN in any form, or an address of a product page."""
    plain = text.strip().upper()
    in_address = re.search(r"/(?:DP|GP/PRODUCT|DEALS)/([A-Z0-9]{10})(?:[/?#]|$)", plain)
    if in_address:
        return in_address[1]
    if _ASIN.fullmatch(plain):
        return plain
    return next((number for number in book_numbers(plain[:LONGEST_TYPED]) if len(number) == 10), None)


def whereabouts(
    details: DealDetails | None, traces: Traces, *, table: Table, hidden_by: Sequence[str], now: datetime
) -> Whereabouts:
    """Where it is, as the table of this question sees it. `hidden_by`: the filters that leave it out."""
    if details is not None:
        return _of_deal(details, table, hidden_by, now)
    if traces.candidate is None:
        return Whereabouts(
            Where.NEVER_SEEN,
            "Never seen: no feed page has shown it to this service.",
            (
                "The feed shows only products whose used price moved and which meet the criteria of FEED_QUERY, and "
                "none that Keepa has not refreshed within 12 hours.",
                "A book has an ASIN of its own for each edition and binding: another one may be here.",
            ),
        )
    if traces.candidate.stage == "set_aside":
        return _set_aside(traces.candidate, traces.error)
    return _of_candidate(traces.candidate, traces, table.place)


def _of_deal(details: DealDetails, table: Table, hidden_by: Sequence[str], now: datetime) -> Whereabouts:
    deal = details.deal
    if deal.state is DealState.GONE and DealState.GONE not in table.query.states:
        grounds = () if details.gone_evidence is None else (f"Evidence: {as_text(details.gone_evidence)}.",)
        return Whereabouts(Where.GONE, f"Gone: {deal.gone_reason}.", grounds, deal.gone_at)
    hiding = tuple(Hiding(name, _hiding_words(name, deal, table, now)) for name in hidden_by)
    if deal.state not in table.query.states:
        headline = f"It is {deal.state.value}, and this table shows only {_states(table.query)}."
        grounds = ("Its price could not be looked at again within its promise.",) if _is_late(deal) else ()
        return Whereabouts(Where.OTHER_STATE, headline, grounds, deal.unverified_since, hiding)
    if hiding:
        count = "One filter leaves" if len(hiding) == 1 else f"{len(hiding)} filters leave"
        return Whereabouts(Where.HIDDEN, f"{count} it out.", tuple(one.words for one in hiding), None, hiding)
    return Whereabouts(Where.HERE, "It is in the table.", _why_here(details), deal.first_seen_at)


def _is_late(deal: Deal) -> bool:
    return deal.state is DealState.UNVERIFIED


def _states(query: DealQuery) -> str:
    return " and ".join(f"{state.value} deals" for state in query.states)


def _why_here(details: DealDetails) -> tuple[str, ...]:
    profit = details.deal.profit_cents
    told = "its profit is unknown" if profit is None else f"{'a profit' if profit > 0 else 'a loss'} is expected"
    return (f"A full look found a used copy to buy, and {told}; judged {exact_time(details.judged_at)}.",)


def why_here(details: DealDetails, traces: Traces, place: Marketplace) -> list[str]:
    """Why a deal is on show, in a few sentences."""
    found = traces.candidate
    told = [] if found is None else [f"The feed first showed it on {exact_time(found.first_seen_at)}."]
    if any(call.purpose == "candidate_light" for call in traces.calls):
        told.append("A light look found a profit within reach.")
    deal = details.deal
    price = "" if deal.price_now_cents is None else f" at {place.money(deal.price_now_cents)} with shipping"
    told.append(f"A full look found a used copy{price}.")
    if deal.profit_cents is None:
        told.append("Its profit is unknown, so it is shown without one.")
    else:
        told.append(f"The profit to expect is {place.money(deal.profit_cents)}, after fees and the risk not to sell.")
    return told


def _hiding_words(parameter: str, deal: Deal, table: Table, now: datetime) -> str:
    """`Profit ≥ $20.00, but it is $12.34 here`."""
    bound = next((bound for bound in table.query.bounds if bound.parameter == parameter), None)
    if bound is not None:
        value = _value_of(deal, bound.field, now)
        its = "it is unknown" if value is None else f"it is {table.amount(bound.field, value)}"
        return f"{table.bound_text(bound)}, but here {its}"
    if parameter in CHOICES and parameter != "triage":
        chosen = [choice_text(name, value) for name, value in table.parameters() if name == parameter]
        return f"{parameter.replace('_', ' ').capitalize()}: only {' or '.join(chosen)}"
    if parameter == "q":
        return f"The search “{table.query.search.text}” does not match it"
    return "You hid it" if table.query.triage is None else f"It is not among the {table.query.triage} ones"


def _value_of(deal: Deal, field: Field, now: datetime) -> float | None:
    """The deal's own value of a field, in the unit of its bounds: ages in hours."""
    value = getattr(deal, field.column, None)
    if isinstance(value, datetime):
        return round((now - value) / timedelta(hours=1), 1)
    return value if isinstance(value, int | float) else None


def _set_aside(candidate: CandidateTrace, error: str | None) -> Whereabouts:
    grounds = [] if (error or candidate.reason) is None else [f"The last error: {error or candidate.reason}"]
    grounds.append("A new price in the feed gives it another trial.")
    headline = "Set aside: it failed three times in a row."
    return Whereabouts(Where.SET_ASIDE, headline, tuple(grounds), candidate.stage_at)


def _of_candidate(candidate: CandidateTrace, traces: Traces, place: Marketplace) -> Whereabouts:
    first, last = exact_time(candidate.first_seen_at), exact_time(candidate.last_seen_at)
    seen = f"The feed showed it first on {first}, last on {last}."
    if candidate.stage in ("feed", "light_look"):
        step = "its first, light look" if candidate.stage == "feed" else "a full look: the light one found it promising"
        line = f"{candidate.before_it:,} candidates of its step are worth more and come before it."
        worth = "" if candidate.worth_cents is None else f" It may be worth {place.money(candidate.worth_cents)}."
        headline = f"It waits for {step}."
        return Whereabouts(Where.WAITING, headline, (line + worth, seen), candidate.stage_at)
    reason = candidate.reason or "no reason was kept"
    headline = f"Dropped {_step_of(traces)}: {reason}."
    back = "A new price in the feed sends it to the start again."
    return Whereabouts(Where.DROPPED, headline, (seen, back), candidate.stage_at)


def _step_of(traces: Traces) -> str:
    """At which step a candidate fell: what the last look at it was."""
    purposes = [call.purpose for call in traces.calls]
    if not purposes:
        return "at its feed record"
    return "after a full look" if purposes[-1].endswith("full") else "after a light look"
