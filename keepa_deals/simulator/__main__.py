"""`python -m keepa_deals.simulator`: the simulator as a process of its own."""

from __future__ import annotations

import argparse
import ipaddress
import json
import logging
import os
import random
import signal
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path

from keepa_deals.clock import Clock, make_clock
from keepa_deals.simulator.building import open_world
from keepa_deals.simulator.constants import world_named
from keepa_deals.simulator.errors import SimulatorMisconfigured
from keepa_deals.simulator.faults import Control, ControlFile, parse_faults
from keepa_deals.simulator.server import Desk, create_simulator, open_meter
from keepa_deals.simulator.truth import RequestLog, write_sales
from keepa_deals.simulator.web_server import Server, listen
from keepa_deals.units import epoch_ms, to_keepa_minutes

DEMO_KEY = "demo" + "0" * 60
KEY_NAME = "KEEPA_SIMULATOR_KEY"
LIVE_SECONDS = 2.0
TRUTH_SECONDS = 60.0

logger = logging.getLogger("keepa_deals.simulator")


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns 0, or 2 with one sentence for a bad switch."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    options = _parser().parse_args(argv)
    try:
        return serve(options)
    except (SimulatorMisconfigured, ValueError, OSError) as problem:
        print(f"The simulator cannot start: {problem}", file=sys.stderr)  # noqa: T201 - the way a command speaks
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m keepa_deals.simulator", description="A local stand-in for Keepa.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--world", default="A", help="which set of market constants")
    parser.add_argument("--rate", type=int, default=20, help="tokens a minute")
    parser.add_argument("--clock-speed", type=float, default=1.0)
    parser.add_argument("--clock-anchor", help="instant (ISO, with offset) at which an accelerated clock equals ours")
    parser.add_argument("--cache-dir", type=Path, help="where built worlds and the meter are kept")
    parser.add_argument("--info-file", type=Path, help="written once listening: url, key, pid")
    parser.add_argument(
        "--key",
        default=os.environ.get(KEY_NAME, DEMO_KEY),
        help=f"the only key that works; everybody here can read a command line, {KEY_NAME} in the environment only we",
    )
    parser.add_argument("--expired-key", help="a key whose subscription has ended")
    parser.add_argument("--truth-dir", type=Path, help="sales and request log, for scoring")
    parser.add_argument("--faults", default="[]", help="JSON list of faults in force from the start")
    parser.add_argument("--control-file", type=Path, help="JSON file with rate and faults, read when it changes")
    parser.add_argument("--latency", choices=("none", "realistic"), default="none")
    return parser


def serve(options: argparse.Namespace) -> int:
    """Build the world, listen, live, and end on a signal."""
    _check(options)
    anchor = None if options.clock_anchor is None else datetime.fromisoformat(options.clock_anchor)
    clock = make_clock(speed=options.clock_speed, anchor=anchor)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="keepa-simulator-") as scratch:
        desk = _desk(options, clock=clock, cache=options.cache_dir or Path(scratch))
        server = listen(create_simulator(desk), host=options.host, port=options.port)
        listener = threading.Thread(target=server.serve_forever, name="listener", daemon=True)
        listener.start()
        _announce(options, server=server)
        _live(desk, truth=options.truth_dir, stop=stop)
        server.shutdown()
        desk.log.close()
        if options.info_file is not None:
            options.info_file.unlink(missing_ok=True)
    return 0


def _check(options: argparse.Namespace) -> None:
    if not 1 <= options.products <= 200_000:
        raise SimulatorMisconfigured(f"--products must be 1 to 200000, got {options.products}.")
    if not 1 <= options.rate <= 100_000:
        raise SimulatorMisconfigured(f"--rate must be 1 to 100000 tokens a minute, got {options.rate}.")
    if options.clock_speed <= 0:
        raise SimulatorMisconfigured(f"--clock-speed must be above 0, got {options.clock_speed}.")
    if options.host != "localhost":
        ipaddress.ip_address(options.host)


def _desk(options: argparse.Namespace, *, clock: Clock, cache: Path) -> Desk:
    constants = world_named(options.world)
    try:
        faults = parse_faults(json.loads(options.faults))
    except ValueError as broken:
        raise SimulatorMisconfigured(f"--faults is not JSON: {broken}.") from broken
    for folder in (cache, options.truth_dir):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    minute = to_keepa_minutes(clock.now())
    world, journal = open_world(seed=options.seed, size=options.products, now=minute, world=constants, cache=cache)
    world.journal = journal.write
    meter_file = cache / "meter.json"
    phase = random.Random(options.seed).randrange(60_000)
    return Desk(
        world=world,
        clock=clock,
        key=options.key,
        expired_key=options.expired_key,
        control=ControlFile(options.control_file, first=Control(faults=faults)),
        meter=open_meter(meter_file, rate=options.rate, phase_ms=phase, now_ms=epoch_ms(clock.now())),
        log=RequestLog(None if options.truth_dir is None else options.truth_dir / "requests.jsonl"),
        meter_file=meter_file,
        realistic_latency=options.latency == "realistic",
    )


def _announce(options: argparse.Namespace, *, server: Server) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{host}:{server.server_port}"
    if options.info_file is not None:
        making = options.info_file.with_name(options.info_file.name + ".making")
        making.unlink(missing_ok=True)
        handle = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"url": url, "key": options.key, "pid": os.getpid()}, file)
        making.replace(options.info_file)
    print(f"Keepa simulator listening on {url}", flush=True)  # noqa: T201 - the way a command speaks


def _live(desk: Desk, *, truth: Path | None, stop: threading.Event) -> None:
    """Let the world live with the clock until `stop`; write the truth now and then, and at the end."""
    since_truth = TRUTH_SECONDS
    changed = True
    while True:
        stopping = stop.wait(LIVE_SECONDS)
        minute = to_keepa_minutes(desk.clock.now())
        with desk.lock:
            changed = desk.world.advance(minute) or changed
            since_truth += LIVE_SECONDS
            if truth is not None and changed and (stopping or since_truth >= TRUTH_SECONDS):
                write_sales(desk.world, folder=truth, until=minute)
                since_truth, changed = 0.0, False
        if stopping:
            return


if __name__ == "__main__":
    sys.exit(main())
