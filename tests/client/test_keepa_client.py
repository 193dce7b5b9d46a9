"""The client against a real HTTP server: every answer becomes a Reply or a typed error that can be settled."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from keepa_deals import keepa_client
from keepa_deals.clock import ManualClock
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
from keepa_deals.feed_query import FeedQuery
from keepa_deals.keepa_client import KeepaClient, Timeouts, open_session, redacted

DATA = Path(__file__).parent.parent / "data" / "keepa"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
KEY = "secret+key/with=odd&letters%41"
SHORT = Timeouts(connect=0.5, token=0.3, deal=0.3, product=0.3)
ASIN = "0131234566"

Respond = Callable[[BaseHTTPRequestHandler], None]


def data(name: str) -> bytes:
    return (DATA / name).read_bytes()


class Keepa:
    """A server that gives out prepared answers in order, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Respond] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.released = threading.Event()

    def will(self, *answers: Respond) -> None:
        self.answers.extend(answers)

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        address = urlsplit(handler.path)
        self.asked.append((address.path, {name: value[0] for name, value in parse_qs(address.query).items()}))
        self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        self.answers.pop(0)(handler)


def says(body: bytes, *, code: int = 200, headers: dict[str, str] | None = None, length: int | None = None) -> Respond:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        if length is not None:
            handler.close_connection = True

    return respond


def zipped(body: bytes, *, cut: int = 0, code: int = 200) -> Respond:
    packed = gzip.compress(body)
    return says(packed[: len(packed) - cut], code=code, headers={"Content-Encoding": "gzip"})


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


@pytest.fixture
def keepa() -> Iterator[Keepa]:
    keepa = Keepa()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            keepa.take(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    keepa.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield keepa
    finally:
        keepa.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
    assert keepa.answers == [], "an answer was prepared that nobody asked for"


@contextmanager
def client_of(url: str, **options: Any) -> Iterator[KeepaClient]:
    with open_session() as session:
        yield KeepaClient(
            session, base_url=url, key=KEY, domain_id=1, clock=ManualClock(NOW), **{"timeouts": SHORT, **options}
        )


@pytest.fixture
def client(keepa: Keepa) -> Iterator[KeepaClient]:
    with client_of(keepa.url) as client:
        yield client


def spellings() -> set[str]:
    return {KEY, quote(KEY), quote(KEY, safe=""), "odd&letters", "with%3Dodd", "secret%2Bkey"}


def assert_settles_and_hides_the_key(fault: KeepaError) -> None:
    assert (fault.sent_at, fault.received_at) == (NOW, NOW)
    told = "".join(traceback.format_exception(fault)) + repr(fault) + repr(vars(fault))
    seen: BaseException | None = fault
    while seen is not None:
        told += str(seen) + repr(seen)
        seen = seen.__cause__ or seen.__context__
    assert not [spelling for spelling in spellings() if spelling in told]


# what is asked


def test_token_asks_for_the_meter_alone(keepa, client):
    keepa.will(says(data("token.json")))
    assert client.token().balance == 287
    assert keepa.asked == [("/token", {"key": KEY})]
    assert keepa.headers[0]["accept-encoding"] == "gzip"


def test_deals_sends_the_selection_with_its_page(keepa, client):
    keepa.will(zipped(data("feed-page.json")))
    reply = client.deals(FeedQuery().selection(0, newest_first=True), 4)
    (path, asked) = keepa.asked[0]
    assert (path, set(asked)) == ("/deal", {"key", "selection"})
    assert json.loads(asked["selection"]) == {**FeedQuery().selection(4, newest_first=True), "domainId": 1}
    assert reply.payload.row_count == 3
    assert (reply.status.balance, reply.status.consumed) == (212, 5)
    assert (reply.sent_at, reply.received_at) == (NOW, NOW)


def test_a_light_look_asks_for_statistics_and_history_without_offers(keepa, client):
    keepa.will(says(data("light-look.json")))
    reply = client.light_look([ASIN, "B000000001", ASIN])
    assert keepa.asked[0] == (
        "/product",
        {"key": KEY, "domain": "1", "asin": f"{ASIN},B000000001", "stats": "365", "history": "1", "days": "30"},
    )
    assert reply.payload.products[0].offers is None
    assert reply.payload.products[0].used_since is not None
    assert reply.payload.missing == ("B000000001",)


def test_a_light_look_can_ask_for_the_whole_history(keepa, client):
    keepa.will(says(data("light-look.json")))
    client.light_look([ASIN], stats_days=90, history_days=None)
    assert keepa.asked[0][1] == {"key": KEY, "domain": "1", "asin": ASIN, "stats": "90", "history": "1"}


def test_a_full_look_asks_for_live_offers(keepa, client):
    keepa.will(zipped(data("full-look.json")))
    reply = client.full_look([ASIN])
    assert keepa.asked[0][1] == {
        "key": KEY,
        "domain": "1",
        "asin": ASIN,
        "offers": "20",
        "only-live-offers": "1",
        "rating": "0",
        "stats": "365",
        "history": "1",
        "days": "730",
    }
    assert reply.payload.products[0].offers is not None


def test_sellers_are_asked_for_together(keepa, client):
    keepa.will(says(data("sellers.json")))
    reply = client.seller(["A1MADEUP0CHEAP", "A9"])
    assert keepa.asked[0] == ("/seller", {"key": KEY, "domain": "1", "seller": "A1MADEUP0CHEAP,A9"})
    assert reply.payload.missing == ("A9",)


def test_one_connection_serves_many_calls(keepa, client):
    ports = []

    def remember(handler: BaseHTTPRequestHandler) -> None:
        ports.append(handler.client_address[1])
        says(data("token.json"))(handler)

    keepa.will(remember, remember)
    client.token()
    client.token()
    assert ports[0] == ports[1]


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_is_1_to_100(client, count):
    with pytest.raises(ValueError, match="1 to 100"):
        client.light_look([f"B{number:09}" for number in range(count)])


@pytest.mark.parametrize("offers", [0, 19, 101])
def test_offers_are_20_to_100(client, offers):
    with pytest.raises(ValueError, match="20 to 100"):
        client.full_look([ASIN], offers=offers)


# what comes back


METER = json.dumps({"tokensLeft": 0, "refillRate": 5, "refillIn": 100, "tokensConsumed": 3}).encode()


@pytest.mark.parametrize(
    ("code", "body", "kind", "balance"),
    [
        (400, data("bad-key.json"), KeyRejected, 0),
        (400, b'{"error": {"message": "Unknown access key"}}', KeyRejected, None),
        (400, data("bad-parameter.json"), RequestRejected, 0),
        (400, b'{"error": {"type": "invalidParameter", "message": "no such key"}}', RequestRejected, None),
        (400, b"", RequestRejected, None),
        (402, METER, SubscriptionEnded, 0),
        (402, b"", SubscriptionEnded, None),
        (404, b"<html>not found</html>", RequestRejected, None),
        (405, METER, RequestRejected, 0),
        (429, data("out-of-tokens.json"), KeepaRefused, -31),
        (429, b"", KeepaRefused, None),
        (500, METER, KeepaServerFault, 0),
        (500, b"oops", KeepaServerFault, None),
        (502, b"<html>bad gateway</html>", KeepaServerFault, None),
        (503, b"", KeepaServerFault, None),
        (301, b"", MalformedReply, None),
        (302, METER, MalformedReply, 0),
        (204, b"", MalformedReply, None),
        (403, b"<html>who are you</html>", MalformedReply, None),
        (200, b"", MalformedReply, None),
        (200, b"{}", MalformedReply, None),
        (200, b'{"deals": {"dr": []}}', MalformedReply, None),
        (200, METER, MalformedReply, 0),
        (200, METER[:20], MalformedReply, None),
        (200, b"<html>maintenance</html>", MalformedReply, None),
        (200, b"\x00\xff\xfe", MalformedReply, None),
    ],
)
def test_a_status_becomes_a_type_and_the_meter_comes_along(keepa, client, code, body, kind, balance):
    keepa.will(says(body, code=code, headers={"Location": f"{keepa.url}/elsewhere?key={quote(KEY)}"}))
    with pytest.raises(KeepaError) as failure:
        client.deals({}, 0)
    fault = failure.value
    assert type(fault) is kind
    assert (fault.status.balance if fault.status is not None else None) == balance
    assert len(keepa.asked) == 1, "nothing is repeated, no redirect is followed"
    assert_settles_and_hides_the_key(fault)


def test_the_envelope_of_a_parameter_error_says_that_it_does_not_count(keepa, client):
    keepa.will(zipped(data("bad-parameter.json"), code=400))
    with pytest.raises(RequestRejected, match="invalidParameter") as failure:
        client.token()
    assert failure.value.status.refill_rate == 0


def test_an_empty_body_said_to_be_packed_is_empty(keepa, client):
    keepa.will(says(b"", code=429, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(KeepaRefused):
        client.token()


def test_a_refusal_says_when_to_ask_again(keepa, client):
    keepa.will(says(data("out-of-tokens.json"), code=429))
    with pytest.raises(KeepaRefused, match=r"balance -31, next refill in 22\.8 s.*nothing was charged"):
        client.light_look([ASIN])


def test_a_look_that_finds_nothing_is_an_answer(keepa, client):
    keepa.will(says(data("token.json")))
    assert client.light_look([ASIN]).payload.missing == (ASIN,)


def test_keepas_words_are_quoted_without_the_key(keepa, client):
    body = json.dumps({"error": {"type": "odd", "message": f"Bad call /deal?key={quote(KEY, safe='')} {KEY}"}})
    keepa.will(says(body.encode(), code=404))
    with pytest.raises(RequestRejected, match=r"\[key\]") as failure:
        client.token()
    assert_settles_and_hides_the_key(failure.value)


def trickles(handler: BaseHTTPRequestHandler, *, keepa: Keepa) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        while not keepa.released.wait(0.05):
            handler.wfile.write(b" ")
    except OSError:
        pass
    handler.close_connection = True


def says_nothing(handler: BaseHTTPRequestHandler, *, keepa: Keepa) -> None:
    keepa.released.wait(20)
    handler.close_connection = True


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (hangs_up, "refused or broke"),
        (says(METER, length=len(METER) + 10), "broke"),
        (zipped(data("feed-page.json"), cut=40), "cut off"),
        (zipped(data("feed-page.json"), cut=4), "cut off"),
        (says(b"\x1f\x8bnonsense", headers={"Content-Encoding": "gzip"}), "damaged"),
        (says(data("token.json"), headers={"Content-Encoding": "gzip"}), "damaged"),
        (says(data("token.json"), headers={"Content-Encoding": "br"}), "not offered"),
        (says(b" " * 50_001), "larger than 50,000 bytes"),
        (says(b" " * 50_001, code=302, headers={"Location": "/"}), "larger than 50,000 bytes"),
        (zipped(b" " * 50_001), "larger than 50,000 bytes unpacked"),
    ],
)
def test_an_answer_that_does_not_arrive_whole_is_no_answer(keepa, answer, words):
    keepa.will(answer)
    with client_of(keepa.url, largest_body=50_000) as client, pytest.raises(KeepaUnreachable, match=words) as failure:
        client.deals({}, 0)
    assert failure.value.status is None
    assert len(keepa.asked) == 1
    assert_settles_and_hides_the_key(failure.value)


@pytest.mark.parametrize(("answer", "words"), [(says_nothing, "no answer in time"), (trickles, "too slowly")])
def test_a_silent_or_trickling_server_is_left(keepa, client, answer, words):
    keepa.will(lambda handler: answer(handler, keepa=keepa))
    with pytest.raises(KeepaUnreachable, match=words) as failure:
        client.token()
    assert_settles_and_hides_the_key(failure.value)


def test_an_answer_in_chunks_is_read_whole(keepa, client):
    def in_chunks(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        body = data("token.json")
        for piece in (body[:7], body[7:]):
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    keepa.will(in_chunks, says(data("token.json")))
    assert client.token().balance == 287
    assert client.token().balance == 287


def test_nobody_listening_is_no_answer():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with (
            client_of(f"http://127.0.0.1:{free.getsockname()[1]}") as client,
            pytest.raises(KeepaUnreachable, match="refused") as failure,
        ):
            client.token()
    assert_settles_and_hides_the_key(failure.value)


@pytest.mark.parametrize("url", ["http://nowhere.invalid", "http://[::1", "nonsense", "ftp://127.0.0.1"])
def test_an_impossible_address_is_no_answer(url):
    with client_of(url) as client, pytest.raises(KeepaUnreachable) as failure:
        client.token()
    assert_settles_and_hides_the_key(failure.value)


def test_a_failure_does_not_spoil_the_next_call(keepa, client):
    keepa.will(zipped(data("feed-page.json"), cut=40), hangs_up, says(data("token.json")))
    for _ in range(2):
        with pytest.raises(KeepaUnreachable):
            client.token()
    assert client.token().balance == 287


def test_the_instants_are_those_of_the_products_clock(keepa):
    clock = ManualClock(NOW)

    def takes_a_while(handler: BaseHTTPRequestHandler) -> None:
        clock.advance(seconds=4)
        says(data("feed-page.json"))(handler)

    keepa.will(takes_a_while)
    with open_session() as session:
        client = KeepaClient(session, base_url=keepa.url, key=KEY, domain_id=1, clock=clock, timeouts=SHORT)
        reply = client.deals({}, 0)
    assert (reply.sent_at, reply.received_at) == (NOW, NOW + timedelta(seconds=4))


# the key


def test_the_key_is_in_no_log_line(keepa, client, caplog):
    caplog.set_level(logging.DEBUG)
    keepa.will(says(data("token.json")), says(b"", code=500), hangs_up)
    client.token()
    for _ in range(2):
        with pytest.raises(KeepaError):
            client.token()
    assert "/token?key=[key]" in caplog.text
    assert not [spelling for spelling in spellings() if spelling in caplog.text]


def test_the_key_is_in_no_repr(client):
    told = repr(client) + repr(logging.getLogger("urllib3.connectionpool").filters)
    assert KEY not in told


def test_a_second_client_of_the_same_key_adds_no_second_filter(keepa):
    with client_of(keepa.url):
        before = len(logging.getLogger("urllib3.connectionpool").filters)
        with client_of(keepa.url):
            assert len(logging.getLogger("urllib3.connectionpool").filters) == before


def test_every_spelling_of_a_key_is_redacted():
    for spelling in (KEY, quote(KEY), quote(KEY, safe=""), keepa_client.quote_plus(KEY)):
        assert redacted(f"a{spelling}b", key=KEY) == "a[key]b"
    assert redacted("abc", key="") == "abc"
