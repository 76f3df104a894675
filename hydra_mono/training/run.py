"""One training run in a folder: data, trainer, log, weights."""

import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hydra_mono.core.config_training import StageConfig, TrainingConfig
from hydra_mono.core.errors import DataError
from hydra_mono.core.label_map import load_label_map
from hydra_mono.perception.checkpoint import load_m2h
from hydra_mono.perception.m2h import M2H, M2HConfig
from hydra_mono.training.batches import (
    Batch,
    BatchMaker,
    BatchRule,
    CachedWorlds,
    Photographs,
    ShotSource,
)
from hydra_mono.training.cache import ViewSize, cache_world
from hydra_mono.training.live_views import LiveViews
from hydra_mono.training.live_worlds import LiveSettings, LiveWorlds
from hydra_mono.training.nyuv2 import FRAME_PX
from hydra_mono.training.objective import Objective, balanced_class_weight
from hydra_mono.training.samples import SampleSource
from hydra_mono.training.texture_bank import cut_patches
from hydra_mono.training.trainer import Trainer, TrainingError, world_rank
from hydra_mono.training.watch import Watcher

logger = logging.getLogger(__name__)

PHOTOGRAPH_WIDTH = 384  # pixels that photographs are held at
COUNTED_SHOTS = 400  # that class frequencies are counted on
VALIDATION_BATCHES = 4
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Data:
    """What is trained on and what is held back; either photographs may be None."""

    worlds: ShotSource | None
    photographs: Photographs | None
    held_worlds: CachedWorlds | None
    held_photographs: Photographs | None

    @property
    def training(self) -> BatchMaker:
        return BatchMaker(self.worlds, self.photographs)


def load_worlds(
    cache: Path, config: TrainingConfig, on_world: Callable[[int], object] = lambda count: None
) -> tuple[CachedWorlds, CachedWorlds]:
    """Training worlds and those held back; what the cache lacks is drawn.

    Seeds count from 0; the few whose furniture would block a room make no world.
    """
    mapping = load_label_map("apartment", "nyu40")
    folders: list[Path] = []
    for seed in itertools.count():
        if len(folders) == config.worlds + config.held_back:
            break
        try:
            folders.append(cache_world(cache, seed, mapping.source, config.views, ViewSize()))
        except DataError as error:
            logger.info("training world %d: %s", seed, error)
        on_world(len(folders))
    held, shown = folders[: config.held_back], folders[config.held_back :]
    return CachedWorlds(shown, mapping.table), CachedWorlds(held, mapping.table)


def live_views(
    config: TrainingConfig, device: torch.device, samples: SampleSource | None
) -> LiveViews:
    """Views drawn on the device while it trains; surfaces may bear patches cut from samples."""
    size = ViewSize()
    settings = LiveSettings(size=size, batch=max(stage.batch for stage in config.stages))
    bank = None
    if samples is not None:
        bank = cut_patches((samples[i] for i in range(len(samples))), config.seed)
    live = LiveWorlds(config.seed * 1000 + world_rank()[0], device, settings, bank)
    return LiveViews(live, size, load_label_map("apartment", "nyu40").table)


def load_photographs(source: SampleSource) -> Photographs:
    return Photographs(source, PHOTOGRAPH_WIDTH, FRAME_PX + 2)


def create_trainer(
    network: M2HConfig,
    config: TrainingConfig,
    data: Data,
    folder: Path,
    device: torch.device,
    colors: tuple[Triple, Triple],
    start_from: Path | None = None,
) -> Trainer:
    """A trainer at its first step, or where the folder's last run stopped.

    ``colors``: mean and deviation that images are normalised by. ``start_from``: weights of the
    same network to begin with, in place of random numbers.

    Raises:
        TrainingError: there is nothing to train on, or the folder is of another training.
        CheckpointError: the weights to begin with are of another network.
    """
    if data.worlds is None and data.photographs is None:
        raise TrainingError("nothing to train on: neither worlds nor photographs")
    torch.manual_seed(config.seed)
    maker = data.training
    weight = balanced_class_weight(class_counts(maker, network.classes), config.loss.class_balance)
    first = M2H(network) if start_from is None else load_m2h(start_from, network).float()
    objective = Objective(first, config.loss, weight)
    rank, _ = world_rank()

    def batches(stage: StageConfig, step: int) -> Batch:
        return maker(batch_rule(network, config, stage, colors), (config.seed, step, rank))

    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(objective, config, batches, folder, device)
    trainer.resume()
    return trainer


def batch_rule(
    network: M2HConfig, config: TrainingConfig, stage: StageConfig, colors: tuple[Triple, Triple]
) -> BatchRule:
    if network.focal_px is None:
        raise TrainingError("the network's config names no focal length for its depth")
    return BatchRule(
        height=stage.height,
        width=stage.width,
        count=stage.batch,
        photographs=config.photographs,
        focal_px=network.focal_px,
        feed_width=network.feed[1],
        mean=colors[0],
        std=colors[1],
        least_crop=config.least_crop,
        least_photograph_crop=config.least_photograph_crop,
    )


def class_counts(maker: BatchMaker, classes: int) -> Tensor:
    """Pixels of each class in some of the shots, worlds and photographs alike."""
    rng = np.random.default_rng(0)
    counts = np.zeros(classes)
    if maker.worlds:
        maker.worlds.begin(0)
    for source in (maker.worlds, maker.photographs):
        if source is None:
            continue
        drawn = np.zeros(classes)
        for _ in range(COUNTED_SHOTS):
            labels = np.asarray(source.draw(rng).labels)
            drawn += np.bincount(labels.ravel(), minlength=classes)[:classes]
        drawn[0] = 0
        counts += drawn / max(drawn.sum(), 1)
    return torch.from_numpy(counts).float()


def validation_batches(data: Data, rule: BatchRule) -> dict[str, list[Batch]]:
    """The same held-back crops every time, by where they come from."""
    makers = {
        "simulated": BatchMaker(data.held_worlds, None) if data.held_worlds else None,
        "photographs": BatchMaker(None, data.held_photographs) if data.held_photographs else None,
    }
    rule = replace(rule, count=32, least_crop=1.0, least_photograph_crop=1.0)
    return {
        name: [maker(rule, (9, index, 0)) for index in range(VALIDATION_BATCHES)]
        for name, maker in makers.items()
        if maker
    }


def rules(
    network: M2HConfig, config: TrainingConfig, colors: tuple[Triple, Triple]
) -> Callable[[StageConfig], BatchRule]:
    """The batch rule of each stage."""
    return lambda stage: batch_rule(network, config, stage, colors)


def train(
    trainer: Trainer,
    rule_of: Callable[[StageConfig], BatchRule],
    data: Data,
    watcher: Watcher,
    on_step: Callable[[dict[str, float]], None] = lambda values: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Steps until the schedule ends or ``should_stop``; logs, validates and saves under way."""
    config, main = trainer.config, world_rank()[0] == 0
    last_save = time.perf_counter()
    held: dict[StageConfig, dict[str, list[Batch]]] = {}
    while trainer.step < trainer.schedule.steps and not should_stop():
        stage = trainer.schedule.stage(trainer.step)
        values = trainer.advance()
        on_step(values)
        if not main:
            continue
        watcher.log_step(trainer.step, values)
        if trainer.step % config.validate_every == 0 or trainer.step == trainer.schedule.steps:
            if stage not in held:
                held = {stage: validation_batches(data, rule_of(stage))}
            watcher.log_validation(trainer, held[stage])
        if time.perf_counter() - last_save >= config.save_interval:
            trainer.save()
            last_save = time.perf_counter()
    if main:
        trainer.save()
        watcher.close()
