"""Blocks on disk: what takes seconds to live is read back in a moment."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from keepa_deals.simulator.block import Block, Moods
from keepa_deals.simulator.constants import WorldConstants
from keepa_deals.simulator.logs import Log
from keepa_deals.simulator.shelf import Shelf
from keepa_deals.simulator.titles import Titles
from keepa_deals.simulator.visits import Diary
from keepa_deals.simulator.world import Look

_PARTS = {"titles": Titles, "shelf": Shelf, "moods": Moods, "diary": Diary}
_LOGS = ("history", "asks", "departed", "sales")
_SCALARS = ("number", "seed", "origin", "step", "lived", "keep_offers_from")
_LIVING = (
    "block",
    "constants",
    "demand",
    "keepa_jobs",
    "logs",
    "market",
    "repricing",
    "series",
    "shelf",
    "titles",
    "visits",
    "world",
)


def world_digest(*, seed: int, size: int, world: WorldConstants) -> str:
    """A name for everything that decides how a world lives: its constants, seed, size, and the code itself."""
    told = hashlib.sha256(json.dumps([seed, size, asdict(world)], sort_keys=True).encode())
    for name in _LIVING:
        told.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return f"world-{world.name}-{size}-{seed}-{told.hexdigest()[:16]}"


def save_block(block: Block, *, folder: Path) -> None:
    """Write a block into `folder`, all or nothing."""
    making = folder.with_name(folder.name + ".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    state = {
        f"{part}.{f.name}": getattr(getattr(block, part), f.name) for part, kind in _PARTS.items() for f in fields(kind)
    }
    np.savez(making / "state.npz", **state)
    for name in _LOGS:
        log: Log = getattr(block, name)
        log.compact()
        np.save(making / f"{name}.offsets.npy", log.offsets)
        for column in log.names:
            np.save(making / f"{name}.{column}.npy", log.base[column])
    scalars = {name: getattr(block, name) for name in _SCALARS}
    (making / "block.json").write_text(json.dumps(scalars), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)


def load_block(folder: Path, *, world: WorldConstants) -> Block:
    """A block as it was saved; its long columns stay on disk until they are read."""
    scalars: dict[str, int] = json.loads((folder / "block.json").read_text(encoding="utf-8"))
    with np.load(folder / "state.npz") as state:
        parts: dict[str, Any] = {
            part: kind(**{f.name: state[f"{part}.{f.name}"] for f in fields(kind)}) for part, kind in _PARTS.items()
        }
    block = Block(
        number=scalars["number"],
        seed=scalars["seed"],
        origin=scalars["origin"],
        world=world,
        titles=parts["titles"],
        shelf=parts["shelf"],
        moods=parts["moods"],
        diary=parts["diary"],
        step=scalars["step"],
        lived=scalars["lived"],
        keep_offers_from=scalars["keep_offers_from"],
    )
    for name in _LOGS:
        log: Log = getattr(block, name)
        log.offsets = np.load(folder / f"{name}.offsets.npy")
        log.base = {column: np.load(folder / f"{name}.{column}.npy", mmap_mode="r") for column in log.names}
    return block


class LookJournal:
    """Every live look, one JSON line each, so that a restarted world knows what Keepa was made to see."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", encoding="utf-8")

    def write(self, look: Look) -> None:
        """Append one look."""
        values = {str(kind): value for kind, value in look.values.items()}
        line = {"product": look.product, "minute": look.minute, "step": look.step, "values": values}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def read_looks(path: Path) -> list[Look]:
    """All looks of a journal, in order; a last line cut off by a crash is left out."""
    if not path.exists():
        return []
    looks = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            told = json.loads(line)
            values = {int(kind): int(value) for kind, value in told["values"].items()}
            looks.append(Look(product=told["product"], minute=told["minute"], step=told["step"], values=values))
        except (ValueError, KeyError, TypeError):
            continue
    return looks
