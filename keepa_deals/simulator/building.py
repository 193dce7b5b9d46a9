"""From seed and size to a living world: built by several processes, or read back from the cache."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from keepa_deals.simulator.cache import LookJournal, load_block, read_looks, save_block, world_digest
from keepa_deals.simulator.constants import WorldConstants
from keepa_deals.simulator.world import World, block_sizes, build_block, origin_for

CATCH_UP_DAYS = 45
"""A cached world that is older than this is built anew: that is quicker than living through the time."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BlockOrder:
    """What one process has to build, and where to leave it."""

    number: int
    size: int
    seed: int
    origin: int
    until: int
    world: WorldConstants
    folder: Path


def build_to_disk(order: BlockOrder) -> None:
    """Build one block and save it."""
    block = build_block(
        number=order.number,
        seed=order.seed,
        size=order.size,
        origin=order.origin,
        until=order.until,
        world=order.world,
    )
    save_block(block, folder=order.folder)


def build_in_memory(*, seed: int, size: int, now: int, world: WorldConstants) -> World:
    """A world built in this process and kept nowhere; for small ones."""
    origin = origin_for(now, world=world)
    blocks = [
        build_block(number=number, seed=seed, size=count, origin=origin, until=now, world=world)
        for number, count in enumerate(block_sizes(size, world=world))
    ]
    return World(world=world, seed=seed, size=size, origin=origin, blocks=blocks)


def open_world(*, seed: int, size: int, now: int, world: WorldConstants, cache: Path) -> tuple[World, LookJournal]:
    """The world at `now` (Keepa minutes) from `cache`, built first if it is not there or too old."""
    folder = cache / world_digest(seed=seed, size=size, world=world)
    folders = [folder / f"block-{number}" for number in range(len(block_sizes(size, world=world)))]
    loaded = _loaded(folders, seed=seed, size=size, world=world)
    if loaded is None or not _fits(loaded, now=now):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        _build_all(folders, seed=seed, size=size, now=now, world=world)
        loaded = _loaded(folders, seed=seed, size=size, world=world)
        assert loaded is not None
    loaded.replay(read_looks(folder / "looks.jsonl"))
    loaded.advance(now)
    return loaded, LookJournal(folder / "looks.jsonl")


def _loaded(folders: list[Path], *, seed: int, size: int, world: WorldConstants) -> World | None:
    try:
        blocks = [load_block(folder, world=world) for folder in folders]
    except (OSError, ValueError, KeyError) as problem:
        logger.info("no usable cached world: %s", problem)
        return None
    return World(world=world, seed=seed, size=size, origin=blocks[0].origin, blocks=blocks)


def _fits(world: World, *, now: int) -> bool:
    block = world.blocks[0]
    ahead = block.start_of(block.step) - now
    return -CATCH_UP_DAYS * 1440 < ahead <= 2 * world.world.step_minutes


def _build_all(folders: list[Path], *, seed: int, size: int, now: int, world: WorldConstants) -> None:
    origin = origin_for(now, world=world)
    orders = [
        BlockOrder(number=n, size=count, seed=seed, origin=origin, until=now, world=world, folder=folder)
        for n, (count, folder) in enumerate(zip(block_sizes(size, world=world), folders, strict=True))
    ]
    workers = min(len(orders), os.cpu_count() or 1)
    if workers == 1:
        for order in orders:
            build_to_disk(order)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(build_to_disk, orders))
