"""The Redis scripts and the pure ledger give the same answers and keep the same state."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from keepa_deals import token_manager
from keepa_deals.token_ledger import (
    CLOCK_SET_BACK_MS,
    Answer,
    Denied,
    Granted,
    Ledger,
    Unaffordable,
    Unknown,
)

KEY = "keepa-deals:tokens:{parity}:ledger"
LUA = Path(token_manager.__file__).parent / "lua"
PURPOSES = ["live", "live", "sweep", "candidate_full", "verify_light"]


class InRedis:
    """The scripts, spoken to without the manager."""

    def __init__(self, redis: Redis) -> None:
        prelude = (LUA / "tokens_ledger.lua").read_text()
        self.redis = redis
        self.scripts = {
            name: redis.register_script(prelude + (LUA / f"tokens_{name}.lua").read_text())
            for name in ("request", "settle", "note")
        }

    def run(self, name: str, **asked: Any) -> dict[str, Any]:
        return dict(json.loads(self.scripts[name](keys=[KEY], args=[json.dumps(asked)])))

    def state(self) -> dict[str, Any]:
        state = json.loads(self.redis.get(KEY))
        del state["server"], state["format"]
        return dict(state)


def in_words(answer: Granted | Denied | Unaffordable | Unknown) -> dict[str, Any]:
    match answer:
        case Granted(at, lapses):
            return {"at": at, "permit": lapses}
        case Denied(at, until, reason):
            return {"at": at, "wait": until, "reason": reason}
        case Unaffordable(at, limit):
            return {"at": at, "limit": limit}
        case Unknown(at):
            return {"at": at, "unknown": True}


class Pair:
    """One random life, led twice."""

    def __init__(self, redis: Redis, seed: int) -> None:
        self.random = random.Random(seed)
        self.scripts, self.pure = InRedis(redis), Ledger()
        self.pure.doubt()
        self.now = 1_790_000_000_000
        self.ids: list[tuple[str, int]] = []
        self.steps = 0
        self.seen: set[str] = set()
        self.scripts.run("note", now=self.now, what="show")
        self.pure.advance(self.now)

    def move_clock(self) -> None:
        self.now += self.random.choice([0, 0, 40, 900, 7_000, 31_000, 61_000, 200_000, -800, -20_000])
        if self.random.random() < 0.02:
            self.now += self.random.choice([-7_200_000, 7_200_000, 1_900_000])

    @property
    def offset(self) -> int:
        behind = self.pure.now - self.now
        return behind if 0 < behind <= CLOCK_SET_BACK_MS else 0

    def step(self) -> None:
        self.steps += 1
        self.move_clock()
        kind = self.random.choice(["request"] * 6 + ["settle"] * 4 + ["note"])
        getattr(self, kind)()
        assert self.scripts.state() == asdict(self.pure)

    def request(self) -> None:
        id, purpose = f"id{self.steps}", self.random.choice(PURPOSES)
        cost = self.random.choice([1, 2, 5, 12, 60, 299, 340, 2_000]) if purpose != "live" else 5
        asked = {
            "id": id,
            "installation": self.random.choice(["a", "a", "b"]),
            "purpose": purpose,
            "cost": cost,
            "timeout": 120_000,
        }
        told = self.scripts.run("request", now=self.now, **asked)
        told.pop("offset")
        answer = self.pure.request(self.now, **asked)
        assert told == in_words(answer)
        self.seen |= told.keys()
        if isinstance(answer, (Granted, Unknown)):
            self.ids.append((id, self.now))

    def settle(self) -> None:
        if not self.ids:
            return
        id, sent = self.ids.pop(self.random.randrange(len(self.ids)))
        if self.random.random() < 0.1:
            id = "never-heard-of"
        received = self.now - self.random.choice([0, 0, 0, 5_000])
        rate = self.random.choice([5] * 6 + [20, 60])
        answer = Answer(
            balance=self.random.randint(-40, 320),
            rate=rate,
            refill_in=self.random.randint(0, 60_000),
            bill=self.random.choice([0, 1, 2, 5, 6, 12, 30]),
        )
        offset = self.offset
        self.scripts.run("settle", now=self.now, id=id, sent=sent, received=received, **asdict(answer))
        self.pure.settle(self.now, id=id, sent=sent + offset, received=received + offset, answer=answer)

    def note(self) -> None:
        installation = self.random.choice(["a", "b"])
        what = self.random.choice(["release", "plan", "plan", "begin", "end", "leave", "show"])
        match what:
            case "release" if self.ids:
                id, _ = self.ids.pop()
                self.scripts.run("note", now=self.now, what=what, id=id)
                self.pure.release(self.now, id=id)
            case "plan":
                due = self.now + self.random.randint(-60_000, 1_200_000)
                every, cost = self.random.choice([60_000, 90_500, 300_000, 1_200_000]), self.random.choice([5, 10, 20])
                offset = self.offset
                told = self.scripts.run(
                    "note", now=self.now, what=what, installation=installation, due=due, every=every, cost=cost
                )
                taken = self.pure.plan(self.now, installation=installation, due=due + offset, every=every, cost=cost)
                assert taken is not told.get("refused", False)
            case "begin":
                self.scripts.run("note", now=self.now, what=what, installation=installation, cost=10)
                self.pure.begin(self.now, installation=installation, cost=10)
            case "end":
                self.scripts.run("note", now=self.now, what=what, installation=installation)
                self.pure.end(self.now, installation=installation)
            case "leave":
                self.scripts.run("note", now=self.now, what=what, installation=installation, purpose="sweep")
                self.pure.leave(self.now, installation=installation, purpose="sweep")
            case _:
                self.scripts.run("note", now=self.now, what="show")
                self.pure.advance(self.now)


@pytest.mark.parametrize("seed", range(12))
def test_scripts_and_pure_ledger_never_differ(redis: Redis, seed: int) -> None:
    pair = Pair(redis, seed)
    for _ in range(250):
        pair.step()
    assert pair.seen >= {"permit", "wait", "limit", "unknown"}
