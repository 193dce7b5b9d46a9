"""The simulator over HTTP: key, parameters, admission, work, charge, answer, in Keepa's order."""

from __future__ import annotations

import gzip
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from keepa_deals.clock import Clock
from keepa_deals.simulator.endpoints import Answer, Call, Keepa
from keepa_deals.simulator.faults import Control, ControlFile, Fault
from keepa_deals.simulator.meter import Meter, brought_to, charged, full_meter, may_run, on_plan, refill_in_ms
from keepa_deals.simulator.parameters import BadParameter
from keepa_deals.simulator.truth import RequestLog
from keepa_deals.simulator.web_server import CUT_OFF
from keepa_deals.simulator.world import World
from keepa_deals.units import epoch_ms, to_keepa_minutes

POSTABLE = frozenset({"deal", "query", "tracking"})
COSTLY = frozenset({"product", "deal", "seller", "category", "query", "bestsellers", "search"})
HTML_PAGE = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"


@dataclass(slots=True)
class Desk:
    """What the HTTP layer works with. `lock` guards world, meter and files."""

    world: World
    clock: Clock
    key: str
    expired_key: str | None
    control: ControlFile
    meter: Meter
    log: RequestLog
    meter_file: Path | None = None
    realistic_latency: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    keepa: Keepa = field(init=False)

    def __post_init__(self) -> None:
        self.keepa = Keepa(self.world)

    def now_ms(self) -> int:
        """Simulated Unix milliseconds."""
        return epoch_ms(self.clock.now())

    def keep_meter(self) -> None:
        """Write the meter down, so that a killed simulator is no free refill."""
        if self.meter_file is not None:
            making = self.meter_file.with_name(self.meter_file.name + ".making")
            making.write_text(json.dumps(asdict(self.meter)), encoding="utf-8")
            making.replace(self.meter_file)


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, body and price of one request."""

    status: int
    body: dict[str, Any]
    cost: int = 0


def open_meter(path: Path | None, *, rate: int, phase_ms: int, now_ms: int) -> Meter:
    """The meter as it was left, or a full one."""
    if path is not None and path.exists():
        try:
            return on_plan(Meter(**json.loads(path.read_text(encoding="utf-8"))), rate=rate)
        except (ValueError, TypeError):
            pass
    return full_meter(rate=rate, phase_ms=phase_ms, now_ms=now_ms)


def create_simulator(desk: Desk) -> Flask:
    """The web application over a desk."""
    app = Flask("keepa_simulator", static_folder=None)
    app.url_map.strict_slashes = False

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def answer(path: str) -> Response:
        return _answer(desk, path=path.strip("/"))

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        status = error.code if error.code is not None else 500
        return _respond(Reply(status=status, body=_refusal_body(desk, kind="methodNotAllowed", message="")))

    return app


def _answer(desk: Desk, *, path: str) -> Response:
    received = desk.now_ms()
    with desk.lock:
        control = desk.control.read()
        if control.rate is not None and control.rate != desk.meter.rate:
            desk.meter = on_plan(brought_to(desk.meter, now_ms=received), rate=control.rate)
        hit = [f for f in control.faults if f.hits(path=path, now_ms=received, dice=desk.dice)]
    faults = {fault.kind: fault for fault in hit}
    if "slow" in faults:
        time.sleep(faults["slow"].seconds)
    spoiled = _spoiled(faults)
    if spoiled is not None:
        _note(desk, path=path, received=received, reply=Reply(status=spoiled.status_code, body={}))
        return spoiled
    reply = _run(desk, path=path, faults=faults)
    _note(desk, path=path, received=received, reply=reply)
    if desk.realistic_latency and path == "product" and "offers" in request.args:
        time.sleep(desk.dice.uniform(2, 8))
    if "lost_answer" in faults:
        return _cut_off()
    return _respond(reply)


def _spoiled(faults: dict[str, Fault]) -> Response | None:
    """Answers that never reach Keepa's own code, and therefore never charge."""
    if "reset" in faults:
        return _cut_off()
    if "status" in faults:
        return Response("", status=faults["status"].status, content_type="application/json")
    if "html" in faults:
        return Response(HTML_PAGE, content_type="text/html; charset=utf-8")
    if "garbage_json" in faults:
        return Response('{"timestamp": 17, "tokensLeft": ]', content_type="application/json")
    if "truncated_gzip" in faults:
        whole = gzip.compress(json.dumps({"products": ["x" * 4000 + str(n) for n in range(200)]}).encode())
        return Response(whole[: len(whole) // 2], content_type="application/json", headers={"Content-Encoding": "gzip"})
    return None


def _cut_off() -> Response:
    """Close the connection without an answer."""
    cut_off = request.environ.get(CUT_OFF)
    if cut_off is not None:
        cut_off()
    return Response("", status=500)


def _run(desk: Desk, *, path: str, faults: dict[str, Fault]) -> Reply:
    started = time.monotonic()
    skew = int(faults["clock_skew"].seconds * 1000) if "clock_skew" in faults else 0
    with desk.lock:
        now_ms = desk.now_ms()
        reply = _decide(desk, path=path, faults=faults, now_ms=now_ms)
        if reply.cost:
            desk.meter = charged(desk.meter, cost=reply.cost)
        desk.keep_meter()
        body = dict(reply.body)
        if "refillRate" not in body:
            body |= _envelope(desk.meter, cost=reply.cost, now_ms=now_ms)
        body["timestamp"] = now_ms + skew
        body["processingTimeInMs"] = int(1000 * (time.monotonic() - started))
        return Reply(status=reply.status, body=body, cost=reply.cost)


def _decide(desk: Desk, *, path: str, faults: dict[str, Fault], now_ms: int) -> Reply:
    """Key, then parameters, then admission, then the work: the order in which Keepa refuses."""
    refused = _refuse_key(desk, faults=faults) or _refuse_path(desk, path=path)
    if refused is not None:
        return refused
    desk.meter = brought_to(desk.meter, now_ms=now_ms)
    if path == "token":
        return Reply(status=200, body={})
    minute = to_keepa_minutes(desk.clock.now())
    body = request.get_data() if request.method == "POST" else b""
    call = Call(args=request.args.to_dict(), body=body, now=minute, offers_fail="offers_failed" in faults)
    run: Callable[..., Answer | None] = getattr(desk.keepa, path)
    try:
        run(call, dry=True)
    except BadParameter as bad:
        message = f"{bad} Please check the API documentation."
        return Reply(status=bad.status, body=_refusal_body(desk, kind="invalidParameter", message=message))
    if not may_run(desk.meter):
        return Reply(status=429, body={})
    desk.world.advance(minute)
    answer = run(call, dry=False)
    assert answer is not None
    return Reply(status=200, body=answer.fields, cost=answer.cost)


def _refuse_key(desk: Desk, *, faults: dict[str, Fault]) -> Reply | None:
    key = request.args.get("key", "")
    if key == desk.expired_key or (key == desk.key and "key_expired" in faults):
        return Reply(status=402, body=_refusal_body(desk, kind="paymentRequired", message="subscription ended"))
    if key != desk.key or "key_invalid" in faults:
        return Reply(status=400, body=_refusal_body(desk, kind="apiKeyInvalid", message="unknown API key"))
    return None


def _refuse_path(desk: Desk, *, path: str) -> Reply | None:
    if path not in COSTLY and path != "token":
        return Reply(status=404, body=_refusal_body(desk, kind="notFound", message="unknown path"))
    if request.method == "POST" and path not in POSTABLE:
        return Reply(status=405, body=_refusal_body(desk, kind="methodNotAllowed", message="use GET"))
    return None


def _envelope(meter: Meter, *, cost: int, now_ms: int) -> dict[str, Any]:
    return {
        "tokensLeft": meter.balance,
        "refillIn": refill_in_ms(meter, now_ms=now_ms),
        "refillRate": meter.rate,
        "tokenFlowReduction": 0.0,
        "tokensConsumed": cost,
    }


def _refusal_body(desk: Desk, *, kind: str, message: str) -> dict[str, Any]:
    """An error envelope: Keepa sends zero token fields with it."""
    return {
        "timestamp": desk.now_ms(),
        "tokensLeft": 0,
        "refillIn": 0,
        "refillRate": 0,
        "tokenFlowReduction": 0.0,
        "tokensConsumed": 0,
        "processingTimeInMs": 0,
        "error": {"type": kind, "message": message, "details": ""},
    }


def _respond(reply: Reply) -> Response:
    raw = msgspec.json.encode(reply.body, order="sorted")
    response = Response(raw, status=reply.status, content_type="application/json;charset=UTF-8")
    response.headers["Vary"] = "Accept-Encoding"
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response.set_data(gzip.compress(raw, 1))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _note(desk: Desk, *, path: str, received: int, reply: Reply) -> None:
    args = {name: value for name, value in request.args.items() if name != "key"}
    if request.method == "POST":
        args["body"] = request.get_data(as_text=True)
    with desk.lock:
        desk.log.write(
            {
                "received_at": received,
                "sent_at": desk.now_ms(),
                "path": f"/{path}",
                "params": args,
                "cost": reply.cost,
                "balance": reply.body.get("tokensLeft") if reply.status in (200, 429) else desk.meter.balance,
                "status": reply.status,
            }
        )


def no_control() -> ControlFile:
    """A control without a file and without faults."""
    return ControlFile(None, first=Control())
