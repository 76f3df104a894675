"""What a training run sees: simulated worlds, cached or drawn live, and photographs."""

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import torch

from hydra_mono.core.config.training import TrainingConfig
from hydra_mono.core.errors import DataError
from hydra_mono.core.label_map import load_label_map
from hydra_mono.perception.tasks import INDOOR, Task
from hydra_mono.training.data.batches import BatchMaker, BatchSource
from hydra_mono.training.data.device_batches import DeviceBatches, stack_shots
from hydra_mono.training.data.shots import CachedWorlds, Photographs
from hydra_mono.training.data.worlds.cache import ViewSize, cache_world
from hydra_mono.training.data.worlds.live_worlds import LiveSettings, LiveWorlds
from hydra_mono.training.data.worlds.view_pool import ViewPool
from hydra_mono.training.render.texture_bank import TextureBank
from hydra_mono.training.samples import Sample, SampleSource
from hydra_mono.training.trainer import TrainingError, world_rank

logger = logging.getLogger(__name__)

PHOTOGRAPH_WIDTH = 512  # pixels that photographs are held at; crops of half of them stay sharp
RIM_PX = 2  # pixels at the edge of a photograph that are left out
HELD_SEED = 900_000  # of live worlds that only validation sees
HELD_CHUNKS = 2


@dataclass(frozen=True)
class Data:
    """What is trained on, by name what only validation sees, and the tasks whose truth it has."""

    training: BatchSource
    held_back: Mapping[str, BatchSource] = field(default_factory=dict)
    tasks: tuple[Task, ...] = INDOOR


def load_worlds(
    cache: Path,
    config: TrainingConfig,
    on_world: Callable[[int], object] = lambda count: None,
    *,
    pairs: bool = False,
) -> tuple[CachedWorlds, CachedWorlds]:
    """Training worlds and those held back; what the cache lacks is drawn.

    ``pairs``: with the truth of another camera beside each view. Seeds count from 0; the few whose
    furniture would block a room make no world.
    """
    mapping = load_label_map("apartment", "nyu40")
    folders: list[Path] = []
    for seed in itertools.count():
        if len(folders) == config.worlds + config.held_back:
            break
        try:
            folders.append(
                cache_world(cache, seed, mapping.source, config.views, ViewSize(), pairs=pairs)
            )
        except DataError as error:
            logger.info("training world %d: %s", seed, error)
        on_world(len(folders))
    held, shown = folders[: config.held_back], folders[config.held_back :]
    return CachedWorlds(shown, mapping.table), CachedWorlds(held, mapping.table)


def load_photographs(samples: Iterable[Sample]) -> Photographs:
    """Photographs whole, as they are scored, but for a rim of ``RIM_PX``."""
    return Photographs(samples, PHOTOGRAPH_WIDTH, RIM_PX)


def read_samples(source: SampleSource, workers: int) -> Iterator[Sample]:
    """All samples in order, read by ``workers`` processes (0: by this one)."""
    if not workers:
        yield from (source[index] for index in range(len(source)))
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as executor:
        yield from executor.map(source.__getitem__, range(len(source)), chunksize=8)


def cached_batches(worlds: CachedWorlds | None, photographs: Photographs | None) -> BatchSource:
    """Batches made image by image.

    Raises:
        TrainingError: there are no images.
    """
    if not worlds and not photographs:
        raise TrainingError("nothing to train on: neither worlds nor photographs")
    return BatchMaker(worlds, photographs)


def live_batches(
    config: TrainingConfig,
    device: torch.device,
    photographs: Photographs | None,
    bank: TextureBank | None,
) -> BatchSource:
    """Batches of views drawn on the device as it trains; surfaces may bear the bank's patches."""
    seed = config.seed * 1000 + world_rank()[0]
    pool = _pool(config, seed, device, config.live.chunks, config.live.plain_share, bank)
    return DeviceBatches(pool, stack_shots(photographs.shots, device) if photographs else None)


def live_held_back(config: TrainingConfig, device: torch.device) -> BatchSource:
    """Views of worlds that no training sees, as the simulator renders them."""
    return DeviceBatches(_pool(config, HELD_SEED, device, HELD_CHUNKS, 1.0, None), None)


def _pool(
    config: TrainingConfig,
    seed: int,
    device: torch.device,
    chunks: int,
    plain_share: float,
    bank: TextureBank | None,
) -> ViewPool:
    live, size = config.live, ViewSize()
    settings = LiveSettings(
        size=size,
        batch=live.chunk,
        views_at_once=live.chunk if device.type == "cuda" else 16,
        pool=live.worlds,
        replace_every=1,
        views=2 * live.chunk,
        plain_share=plain_share,
    )
    worlds = LiveWorlds(seed, device, settings, bank, workers=live.workers)
    table = load_label_map("apartment", "nyu40").table
    return ViewPool(worlds, size, table, chunks, live.replace_every)
