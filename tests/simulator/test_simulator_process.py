"""The simulator as its own process: it says where it is, survives being killed, and ends when told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

START_DEADLINE = 90


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], dict[str, Any]]]]:
    processes: list[subprocess.Popen[bytes]] = []
    info = tmp_path / "info.json"

    def run(*more: str) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
        info.unlink(missing_ok=True)
        command = [sys.executable, "-m", "keepa_deals.simulator", "--products", "20", "--info-file", str(info)]
        command += ["--cache-dir", str(tmp_path / "cache"), "--truth-dir", str(tmp_path / "truth"), "--key", "k", *more]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        processes.append(process)
        deadline = time.monotonic() + START_DEADLINE
        while not info.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"no start: {process.communicate()[1].decode()}")
            os.sched_yield()
        return process, json.loads(info.read_text())

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_killed_simulator_comes_back_with_its_debts_and_log(
    start: Callable[..., tuple[subprocess.Popen[bytes], dict[str, Any]]], tmp_path: Path
) -> None:
    first, info = start("--rate", "1")
    assert info["pid"] == first.pid
    assert (tmp_path / "info.json").stat().st_mode & 0o777 == 0o600
    asins = []
    selection = json.dumps({"domainId": 1, "priceTypes": [2]})
    for _ in range(8):
        body = requests.get(f"{info['url']}/deal", params={"key": "k", "selection": selection}, timeout=20).json()
        asins = [deal["asin"] for deal in body["deals"]["dr"]]
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    port = info["url"].rsplit(":", 1)[1]
    second, again = start("--rate", "1", "--port", port)
    assert again["url"] == info["url"]
    assert requests.get(f"{again['url']}/token", params={"key": "k"}, timeout=5).json()["tokensLeft"] < 60 - 8 * 5 + 10
    body = requests.get(f"{again['url']}/deal", params={"key": "k", "selection": selection}, timeout=20).json()
    assert asins == [deal["asin"] for deal in body["deals"]["dr"]]
    assert len((tmp_path / "truth" / "requests.jsonl").read_text().splitlines()) == 10
    second.terminate()
    assert second.wait(20) == 0
    assert not (tmp_path / "info.json").exists()
    with np.load(tmp_path / "truth" / "sales.npz") as sales:
        assert len(sales["asins"]) == 20
        assert len(sales["t"]) == len(sales["price"]) > 100


@pytest.mark.parametrize(
    ("switches", "sentence"),
    [
        (["--products", "0"], "--products must be 1 to 200000"),
        (["--rate", "0"], "--rate must be 1 to 100000"),
        (["--faults", "{"], "--faults is not JSON"),
        (["--world", "Z", "--products", "5"], "There is no world 'Z'"),
        (["--clock-speed", "60"], "needs an anchor"),
    ],
)
def test_a_wrong_switch_is_one_sentence(switches: list[str], sentence: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "keepa_deals.simulator", *switches], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert sentence in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
