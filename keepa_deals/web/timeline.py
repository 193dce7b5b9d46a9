"""What the service did with one deal, in order, and what that cost. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keepa_deals.store.call_ledger import CallOutcome
from keepa_deals.store.find import DealDetails
from keepa_deals.store.traces import Event, LookCall, Traces
from keepa_deals.web.marketplaces import Marketplace

SOURCES = {"feed": "the feed", "light_look": "a light look", "full_look": "a full look"}
_LOOKS = {
    "candidate_light": "Light look at the candidate",
    "candidate_full": "Full look at the candidate",
    "verify_light": "Light look to verify it",
    "verify_full": "Full look to verify it",
}
_KINDS = {
    "new": "Became a deal",
    "cheaper": "Became cheaper",
    "dearer": "Became dearer",
    "judged": "Judged again",
    "verified_again": "Verified again",
    "unverified": "Past its promise: unverified",
    "gone": "Gone",
    "back": "Back again",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the story. `tokens` is this deal's share of a call's bill, None where nothing was billed or known."""

    at: datetime
    what: str
    detail: str = ""
    tokens: float | None = None
    tone: str = ""
    """good, bad or nothing"""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The story, the latest first."""

    entries: tuple[Entry, ...]
    looks: int
    tokens: float
    is_partial: bool
    """some calls did not say how many they were shared with"""


def timeline_of(details: DealDetails, traces: Traces, place: Marketplace) -> Timeline:
    """Found, judged, verified, changed, gone: whatever is remembered."""
    entries = sorted(_entries(details, traces, place), key=lambda entry: entry.at, reverse=True)
    shares = [share_of(call) for call in traces.calls]
    return Timeline(
        entries=tuple(entries),
        looks=len(traces.calls),
        tokens=round(sum(share for share in shares if share is not None), 1),
        is_partial=any(call.asked is None for call in traces.calls),
    )


def share_of(call: LookCall) -> float | None:
    """What of a call's bill falls to one of the products asked for."""
    if call.billed_tokens is None or call.asked is None:
        return None
    return round(call.billed_tokens / call.asked, 1)


def _entries(details: DealDetails, traces: Traces, place: Marketplace) -> Iterator[Entry]:
    if traces.candidate is not None:
        yield Entry(traces.candidate.first_seen_at, "Found in the feed")
    if not any(event.kind == "new" for event in traces.events):
        yield Entry(details.deal.first_seen_at, _KINDS["new"], tone="good")
    yield Entry(
        details.deal.verified_at,
        "Last verified",
        f"by {SOURCES.get(details.deal.verified_by, details.deal.verified_by)}",
    )
    if details.look_due_since is not None:
        yield Entry(details.look_due_since, "Due for a look", details.look_due_reason or "")
    for call in traces.calls:
        yield _of_call(call)
    for event in traces.events:
        yield _of_event(event, place)


def _of_call(call: LookCall) -> Entry:
    parts = []
    if call.asked is not None and call.asked > 1:
        parts.append(f"with {call.asked - 1} {'other' if call.asked == 2 else 'others'}")
    if call.outcome != CallOutcome.ANSWERED:
        parts.append("no answer yet" if call.outcome == CallOutcome.SENT else f"it came to nothing: {call.outcome}")
    return Entry(call.at, _LOOKS.get(call.purpose, call.purpose), ", ".join(parts), share_of(call))


def _of_event(event: Event, place: Marketplace) -> Entry:
    tone = {"new": "good", "back": "good", "cheaper": "good", "gone": "bad", "dearer": "bad"}.get(event.kind, "")
    return Entry(event.at, _KINDS.get(event.kind, event.kind), _told(event.detail, place), tone=tone)


def _told(detail: dict[str, Any], place: Marketplace) -> str:
    before, after = detail.get("from_cents"), detail.get("to_cents")
    parts = []
    if isinstance(before, int) and isinstance(after, int):
        parts.append(f"used item price {place.money(before)} → {place.money(after)}")
    if isinstance(detail.get("profit_cents"), int):
        parts.append(f"profit {place.money(detail['profit_cents'])}")
    if detail.get("reason"):
        parts.append(str(detail["reason"]))
    if detail.get("by") in SOURCES:
        parts.append(f"by {SOURCES[detail['by']]}")
    return ", ".join(parts)
