"""The door to Keepa: one request in, one Reply out, every failure a type of `errors`. Never decides, never waits,
never repeats.

The key travels in the address, so no error of the HTTP library leaves this module: its text, its cause and its
frames may hold the address. Sources: Keepa documentation and its Java client (paths, statuses, meter).
"""

from __future__ import annotations

import json
import logging
import re
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from urllib.parse import quote, quote_plus

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from keepa_deals.clock import Clock
from keepa_deals.errors import (
    KeepaError,
    KeepaRefused,
    KeepaServerFault,
    KeepaUnreachable,
    KeyRejected,
    MalformedReply,
    RequestRejected,
    SubscriptionEnded,
)
from keepa_deals.keepa_costs import LARGEST_BATCH
from keepa_deals.keepa_json import (
    Complaint,
    parse_feed,
    parse_look,
    parse_sellers,
    read_complaint,
    read_envelope,
)
from keepa_deals.records import FeedPage, LookAnswer, SellerAnswer, TokenStatus

T = TypeVar("T")

LARGEST_BODY = 64 * 1024 * 1024
"""bytes, packed or unpacked; 100 products with their whole histories are under 20 MB"""
LOUD_LOGGERS = ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry")
"""these write the address of a request"""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of real time. A read timeout is for each wait on the network; the whole answer may take twice that."""

    connect: float = 5
    token: float = 30
    deal: float = 60
    product: float = 120
    """a full look takes 2 to 20 s for each ASIN that Keepa has to fetch"""


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A usable answer, with the meter it carried and the instants (aware UTC, by the product's clock) around it."""

    payload: T
    status: TokenStatus
    sent_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _NoAnswer:
    reason: str


@dataclass(frozen=True)
class HideKey(logging.Filter):
    """Takes the Keepa key out of what the HTTP library logs."""

    key: str

    def __repr__(self) -> str:
        return "HideKey(…)"

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage(), key=self.key), None
        return True


class _StraightSession(requests.Session):
    # Where a redirect leads is nobody's business here; asking makes requests read the whole body first.
    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def open_session() -> requests.Session:
    """An HTTP session that never repeats a request and never follows a redirect."""
    session = _StraightSession()
    adapter = HTTPAdapter(max_retries=Retry(total=0, read=False, redirect=False), pool_maxsize=8)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def redacted(text: str, *, key: str) -> str:
    """`text` without the key, however it is spelled there."""
    for spelling in sorted({key, quote(key), quote(key, safe=""), quote_plus(key)}, key=len, reverse=True):
        text = text.replace(spelling, "[key]") if spelling else text
    return text


class KeepaClient:
    """Keepa's endpoints. Every KeepaError raised carries `status` (the meter, where it could be read), `sent_at` and
    `received_at`, so that the call can be settled whatever became of it."""

    def __init__(
        self,
        session: requests.Session,
        *,
        base_url: str,
        key: str,
        domain_id: int,
        clock: Clock,
        timeouts: Timeouts = Timeouts(),
        largest_body: int = LARGEST_BODY,
    ) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._domain_id = domain_id
        self._clock = clock
        self._timeouts = timeouts
        self._largest_body = largest_body
        for name in LOUD_LOGGERS:
            logging.getLogger(name).addFilter(HideKey(key))

    def token(self) -> TokenStatus:
        """The meter alone: free, and answered with a negative balance too."""
        return self._ask("/token", {}, timeout=self._timeouts.token, read=_nothing).status

    def deals(self, selection: Mapping[str, object], page: int) -> Reply[FeedPage]:
        """One feed page, counted from 0, of the deals that `selection` (see `feed_query`) describes: 5 tokens."""
        wanted = json.dumps({**selection, "page": page, "domainId": self._domain_id}, separators=(",", ":"))
        return self._ask(
            "/deal",
            {"selection": wanted},
            timeout=self._timeouts.deal,
            read=lambda body, now: parse_feed(body, now=now),
        )

    def light_look(
        self, asins: Sequence[str], *, stats_days: int = 365, history_days: int | None = 30
    ) -> Reply[LookAnswer]:
        """Statistics and history of up to 100 products, without offers: 1 token each.

        `history_days` None asks for the whole history; the point in force when the window opens always comes too.
        """
        options: dict[str, str | int] = {"stats": stats_days, "history": 1, **_days(history_days)}
        return self._look(asins, options)

    def full_look(
        self, asins: Sequence[str], *, offers: int = 20, stats_days: int = 365, history_days: int | None = 730
    ) -> Reply[LookAnswer]:
        """Offers, statistics and history of up to 100 products: at most 6 tokens per 10 `offers` (20 to 100) each."""
        if not 20 <= offers <= 100:
            raise ValueError(f"Keepa fetches 20 to 100 offers, not {offers}")
        options: dict[str, str | int] = {
            "offers": offers,
            "only-live-offers": 1,
            "rating": 0,
            "stats": stats_days,
            "history": 1,
            **_days(history_days),
        }
        return self._look(asins, options)

    def seller(self, ids: Sequence[str]) -> Reply[SellerAnswer]:
        """Up to 100 sellers: 1 token for each that Keepa knows."""
        asked = _batch(ids)
        return self._ask(
            "/seller",
            {"domain": self._domain_id, "seller": ",".join(asked)},
            timeout=self._timeouts.deal,
            read=lambda body, now: parse_sellers(body, asked=asked, now=now),
        )

    def _look(self, asins: Sequence[str], options: Mapping[str, str | int]) -> Reply[LookAnswer]:
        asked = _batch(asins)
        return self._ask(
            "/product",
            {"domain": self._domain_id, "asin": ",".join(asked), **options},
            timeout=self._timeouts.product,
            read=lambda body, now: parse_look(body, asked=asked, now=now),
        )

    def _ask(
        self,
        path: str,
        parameters: Mapping[str, str | int],
        *,
        timeout: float,
        read: Callable[[bytes, datetime], T],
    ) -> Reply[T]:
        """Send, read the meter, only then judge the status, then read the rest."""
        sent_at = self._clock.now()
        answer = self._exchange(path, parameters, timeout=timeout)
        received_at = self._clock.now()
        if isinstance(answer, _NoAnswer):
            raise KeepaUnreachable(
                f"Keepa gave no answer to {path}: {answer.reason}; what it cost is unknown, ask again later.",
                sent_at=sent_at,
                received_at=received_at,
            )
        status = read_envelope(answer.body)
        try:
            _judge_status(path, answer.code, status=status, complaint=self._complaint(answer.body))
            if status is None:
                raise MalformedReply(f"Keepa's answer to {path} has no readable `$.tokensLeft`; ask again later.")
            payload = read(answer.body, received_at)
        except KeepaError as fault:
            fault.args = (redacted(str(fault), key=self._key),)
            fault.status, fault.sent_at, fault.received_at = status, sent_at, received_at
            raise
        return Reply(payload=payload, status=status, sent_at=sent_at, received_at=received_at)

    def _exchange(self, path: str, parameters: Mapping[str, str | int], *, timeout: float) -> _Answer | _NoAnswer:
        deadline = time.monotonic() + self._timeouts.connect + 2 * timeout
        try:
            with self._session.get(
                self._base_url + path,
                params={"key": self._key, **parameters},
                headers={"Accept-Encoding": "gzip"},
                timeout=(self._timeouts.connect, timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                packed = _read_body(response, deadline=deadline, largest=self._largest_body)
        except (requests.RequestException, HTTPError, OSError) as fault:
            return _NoAnswer(_plain_reason(fault))
        if isinstance(packed, _NoAnswer):
            return packed
        body = _unpacked(packed, response.headers.get("Content-Encoding", ""), largest=self._largest_body)
        return body if isinstance(body, _NoAnswer) else _Answer(code=response.status_code, body=body)

    def _complaint(self, body: bytes) -> Complaint | None:
        said = read_complaint(body)
        if said is None:
            return None
        return Complaint(kind=redacted(said.kind, key=self._key), message=redacted(said.message, key=self._key))


def _judge_status(path: str, code: int, *, status: TokenStatus | None, complaint: Complaint | None) -> None:
    """The one place where an HTTP status becomes a type. Returns for 200 (an `error` beside it concerns a part of a
    batch) and raises a KeepaError for every other."""
    if code == 200:
        return
    said = f' and says "{complaint.kind}: {complaint.message}"' if complaint is not None else ""
    where = f"Keepa answered {path} with HTTP {code}{said}"
    if code == 429:
        raise KeepaRefused(f"{where}: no tokens left{_until(status)}; nothing was charged, ask again after that.")
    if code == 402:
        raise SubscriptionEnded(f"{where}: the key's subscription has ended; renew it at Keepa.")
    if code == 400 and _blames_the_key(complaint):
        raise KeyRejected(f"{where}: it does not know the key; check KEEPA_API_KEY.")
    if code in (400, 404, 405):
        raise RequestRejected(f"{where}: the request itself is wrong, and repeating it can't help.")
    if code >= 500:
        raise KeepaServerFault(f"{where}: a fault at Keepa; ask again later.")
    raise MalformedReply(f"{where}, which Keepa never does; check KEEPA_BASE_URL and the way to it.")


def _blames_the_key(complaint: Complaint | None) -> bool:
    """Keepa's texts for a bad key are not published: any mention of a key counts, but for a parameter's."""
    if complaint is None:
        return False
    if "key" in complaint.kind.lower():
        return True
    return complaint.kind != "invalidParameter" and re.search(r"\bkey\b", complaint.message, re.I) is not None


def _until(status: TokenStatus | None) -> str:
    if status is None:
        return ""
    return f" (balance {status.balance}, next refill in {status.refill_in_ms / 1000:.1f} s)"


def _read_body(response: requests.Response, *, deadline: float, largest: int) -> bytes | _NoAnswer:
    """The body as it came, packed. `read1` hands out what is there, so that a trickle can't outlast the deadline."""
    pieces: list[bytes] = []
    size = 0
    while piece := response.raw.read1(65_536, decode_content=False):
        pieces.append(piece)
        size += len(piece)
        if size > largest:
            return _NoAnswer(f"the body is larger than {largest:,} bytes")
        if time.monotonic() > deadline:
            return _NoAnswer("the body came too slowly")
    return b"".join(pieces)


def _unpacked(packed: bytes, encoding: str, *, largest: int) -> bytes | _NoAnswer:
    if not packed or encoding.strip().lower() in ("", "identity"):
        return packed
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        return _NoAnswer("the body is packed in a way that was not offered")
    unzip = zlib.decompressobj(wbits=31)
    try:
        body = unzip.decompress(packed, largest + 1)
    except zlib.error:
        return _NoAnswer("the packed body is damaged")
    if len(body) > largest:
        return _NoAnswer(f"the body is larger than {largest:,} bytes unpacked")
    return body if unzip.eof else _NoAnswer("the packed body was cut off")


def _plain_reason(fault: Exception) -> str:
    """What went wrong on the way, in words of our own: the library's may hold the address, and in it the key."""
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (requests.exceptions.SSLError, "no safe connection (TLS) could be made"),
        (requests.exceptions.ProxyError, "the proxy did not let the request through"),
        (requests.exceptions.ConnectTimeout, "no connection in time"),
        (requests.exceptions.ReadTimeout, "no answer in time"),
        (requests.exceptions.ConnectionError, "the connection was refused or broke"),
    )
    for kind, words in kinds:
        if isinstance(fault, kind):
            return words
    return f"the connection broke ({type(fault).__name__})"


def _nothing(_body: bytes, _now: datetime) -> None:
    pass


def _days(history_days: int | None) -> dict[str, str | int]:
    return {"days": history_days} if history_days is not None else {}


def _batch(ids: Sequence[str]) -> tuple[str, ...]:
    batch = tuple(dict.fromkeys(ids))
    if not 1 <= len(batch) <= LARGEST_BATCH:
        raise ValueError(f"one call asks for 1 to {LARGEST_BATCH} different ids, not {len(batch)}")
    return batch
