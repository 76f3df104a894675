"""One training run in a folder: data, trainer, log, weights."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from hydra_mono.core.config.training import StageConfig, TrainingConfig
from hydra_mono.perception.networks.interface import MultiTaskNetwork, NetworkConfig
from hydra_mono.perception.networks.registry import build, name_of
from hydra_mono.perception.networks.triplane.regularizer import TriplaneRegularizer, TriplaneRule
from hydra_mono.perception.weights_io.checkpoint import load_network
from hydra_mono.perception.weights_io.files import CheckpointError
from hydra_mono.perception.weights_io.pretrained import load_pretrained
from hydra_mono.training.data.batches import Batch, BatchRule
from hydra_mono.training.data.sources import Data
from hydra_mono.training.init_from import grow_network, with_heads_of
from hydra_mono.training.objective import Objective, balanced_class_weight
from hydra_mono.training.trainer import Trainer, TrainingError, begins_pretrained, world_rank
from hydra_mono.training.watch import Watcher

logger = logging.getLogger(__name__)

VALIDATION_BATCHES = 4
Triple = tuple[float, float, float]


def create_trainer(
    network: NetworkConfig,
    config: TrainingConfig,
    data: Data,
    folder: Path,
    device: torch.device,
    colors: tuple[Triple, Triple],
    start_from: Path | None = None,
    regularizer: TriplaneRule | None = None,
) -> Trainer:
    """A trainer at its first step, or where the folder's last run stopped.

    ``colors``: mean and deviation that images are normalised by. ``start_from``: weights of the
    same network, or of one with fewer blocks, to begin with, in place of random numbers.
    ``regularizer``: of the one that renders every task from the backbone's maps; None: there is
    none.

    Raises:
        TrainingError: the folder is of another training, or the data lack a task's truth.
        ConfigError: the network was not built for images of a stage's size.
        CheckpointError: the weights to begin with are of another network.
    """
    maker = data.training
    torch.manual_seed(config.seed)
    counts = torch.from_numpy(maker.label_counts(network.classes)).float()
    weight = balanced_class_weight(counts, config.loss.class_balance)
    first = first_network(network, config, start_from)
    check_data(first, config, data)
    rendering = None
    if regularizer is not None:
        widths = first.backbone.widths
        rendering = TriplaneRegularizer(widths, first.tasks, regularizer)
    objective = Objective(first, config.loss, weight, rendering)
    rank, _ = world_rank()

    def batches(stage: StageConfig, step: int) -> Batch:
        return maker(batch_rule(network, config, stage, colors), (config.seed, step, rank))

    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(objective, config, batches, folder, device)
    trainer.resume()
    return trainer


def check_data(network: MultiTaskNetwork, config: TrainingConfig, data: Data) -> None:
    """Whether the network can be trained on these data, at the stages' sizes.

    Raises:
        TrainingError: the data lack the truth of a task that it has.
        ConfigError: it was not built for images of a stage's size.
    """
    missing = [task for task in network.tasks if task not in data.tasks]
    if missing:
        name = name_of(network.config)
        raise TrainingError(f"{name} needs {', '.join(missing)}; this data set has no truth of it")
    for stage in config.stages:
        network.check_size(stage.height, stage.width)


def first_network(
    network: NetworkConfig, config: TrainingConfig, start_from: Path | None
) -> MultiTaskNetwork:
    """The network before its first step.

    Weights of a network with another backbone lend their decoders and heads.

    Raises:
        CheckpointError: they are of another method, or do not fit.
    """
    if start_from is not None:
        known = load_network(start_from)
        if type(known.config) is not type(network):
            found, wanted = name_of(known.config), name_of(network)
            raise CheckpointError(f"{start_from}: holds {found}; {wanted} cannot begin with it")
        kinds = {type(getattr(config, "backbone", None)) for config in (known.config, network)}
        if len(kinds) == 1:
            return grow_network(known, network)
        first = with_heads_of(known, network)
    else:
        first = build(network)
    if begins_pretrained(config):
        first.use_backbone(load_pretrained(config.backbone.name, config.backbone.weights))
    return first


def batch_rule(
    network: NetworkConfig,
    config: TrainingConfig,
    stage: StageConfig,
    colors: tuple[Triple, Triple],
) -> BatchRule:
    images = network.input_spec()
    if images.focal_px is None:
        raise TrainingError("the network's config names no focal length for its depth")
    return BatchRule(
        height=stage.height,
        width=stage.width,
        count=stage.batch,
        photographs=config.photographs,
        focal_px=images.focal_px,
        feed_width=stage.width if stage.window else images.size[1],
        largest_crop=min(1.0, stage.width / images.size[1]) if stage.window else 1.0,
        mean=colors[0],
        std=colors[1],
        least_crop=config.least_crop,
        least_photograph_crop=config.least_photograph_crop,
        whole=config.whole,
        roll_rad=config.roll,
        effects=config.effects,
    )


def validation_batches(data: Data, rule: BatchRule) -> dict[str, list[Batch]]:
    """The same held-back crops every time, by where they come from."""
    rule = replace(rule, count=32, least_crop=1.0, least_photograph_crop=1.0)
    rule = replace(rule, whole=0.0, roll_rad=0.0, effects=0.0)
    return {
        name: [source(rule, (9, index, 0)) for index in range(VALIDATION_BATCHES)]
        for name, source in data.held_back.items()
    }


def rules(
    network: NetworkConfig, config: TrainingConfig, colors: tuple[Triple, Triple]
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
    while not trainer.finished and not should_stop():
        stage = trainer.schedule.stage(trainer.step)
        values = trainer.advance()
        on_step(values)
        if not main:
            continue
        watcher.log_step(trainer.step, values)
        if trainer.step % config.validate_every == 0 or trainer.finished:
            if stage not in held:
                held = {stage: validation_batches(data, rule_of(stage))}
            watcher.log_validation(trainer, held[stage])
        if time.perf_counter() - last_save >= config.save_interval:
            trainer.save()
            last_save = time.perf_counter()
    if main:
        trainer.save()
        watcher.close()
