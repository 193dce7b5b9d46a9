"""A whole installation from a bare checkout: time to the first deal, time to restart, memory and idle processor time.

Clones this checkout into a temporary folder, runs `./deploy_update.sh` there, and measures
- seconds from the command to the first deal on the page (packages are downloaded once before, into pip's cache);
- seconds from `./start_celery.sh` on the filled installation to the verdict *working* or *waiting for tokens*;
- proportional set size of all its processes but the simulator, summed, and their share of one core while idle.
Usage: python benchmarks/installation.py [--idle-seconds 60] [--products 10000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from keepa_deals.installation import installation_id, process_tag  # noqa: E402

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
FINE = ("working", "waiting")


def main(argv: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--idle-seconds", type=float, default=60)
    options.add_argument("--products", type=int, default=10_000)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="keepa-deals-") as folder:
        installation = Installation(Path(folder) / "checkout", products=asked.products)
        try:
            result = installation.measure(idle_seconds=asked.idle_seconds)
        finally:
            installation.run("./kill_everything_force.sh")
    print(json.dumps(result) if asked.json else "\n".join(f"{name}: {value}" for name, value in result.items()))
    return 0


class Installation:
    """A clone of this checkout on a free port, with an environment of its own."""

    def __init__(self, root: Path, *, products: int) -> None:
        subprocess.run(["git", "clone", "-q", str(ROOT), str(root)], check=True)
        self.root = root
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environ = {
            "HOME": os.environ["HOME"],
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "WEB_PORT": str(self.port),
            "SIMULATOR_PRODUCTS": str(products),
        }

    def measure(self, *, idle_seconds: float) -> dict[str, Any]:
        self.fill_the_package_cache()
        first_deal = self.seconds_until(self.has_a_deal, after="./deploy_update.sh", within=300)
        self.wait_for(self.is_fine, within=180)
        self.run("venv/bin/python", "-m", "keepa_deals.processes", "stop")
        restart = self.seconds_until(self.is_fine, after="./start_celery.sh", within=180)
        idle = self.idle(seconds=idle_seconds)
        return {
            "checkout_to_first_deal_s": round(first_deal, 1),
            "goal_checkout_to_first_deal_s": 90,
            "restart_to_working_s": round(restart, 1),
            "goal_restart_to_working_s": 20,
            **idle,
            "goal_pss_mb": 450,
            "goal_percent_of_a_core": 3,
        }

    def fill_the_package_cache(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            download = [sys.executable, "-m", "pip", "download", "-q", "-d", folder, "-r", "requirements.txt"]
            subprocess.run(download, cwd=self.root, check=True, stderr=subprocess.DEVNULL)

    def run(self, *command: str) -> None:
        subprocess.run(command, cwd=self.root, env=self.environ, check=False, stdout=subprocess.DEVNULL)

    def seconds_until(self, reached: Callable[[], bool], *, after: str, within: float) -> float:
        start = time.monotonic()
        with subprocess.Popen([after], cwd=self.root, env=self.environ, stdout=subprocess.DEVNULL) as command:
            self.wait_for(reached, within=within)
            taken = time.monotonic() - start
            command.wait(timeout=within)
        return taken

    def wait_for(self, reached: Callable[[], bool], *, within: float) -> None:
        deadline = time.monotonic() + within
        while not reached():
            if time.monotonic() > deadline:
                raise SystemExit(f"{reached.__name__} was not reached within {within:g} s")
            time.sleep(0.2)

    def has_a_deal(self) -> bool:
        answer = self.ask("/api/deal-count")
        return answer is not None and answer["count"] > 0

    def is_fine(self) -> bool:
        answer = self.ask("/readyz")
        return answer is not None and answer["verdict"].startswith(FINE)

    def ask(self, path: str) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return json.load(answer)  # type: ignore[no-any-return]
        except (OSError, ValueError):
            return None

    def idle(self, *, seconds: float) -> dict[str, Any]:
        before = self.processor_seconds()
        time.sleep(seconds)
        after = self.processor_seconds()
        used = sum(after[pid] - before.get(pid, 0.0) for pid in after)
        return {
            "pss_mb": round(sum(pss_mb(pid) for pid in after), 1),
            "processes": len(after),
            "percent_of_a_core": round(100 * used / seconds, 2),
        }

    def processor_seconds(self) -> dict[int, float]:
        """By pid, of every process with this installation's tag but the simulator's."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self.is_ours(entry):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
        return found

    def is_ours(self, entry: Path) -> bool:
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            return False
        tag = process_tag(installation_id(self.root / "var")).encode()
        return tag in environment.split(b"\0") and b"keepa_deals.simulator" not in command


def pss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
