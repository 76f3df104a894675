"""Trains and scores one network of a comparison after the other; goes on where it stopped."""

import copy
import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hydra_mono.core.config.training import TrainingConfig
from hydra_mono.core.errors import ConfigError, DataError
from hydra_mono.core.files.atomic import write_text
from hydra_mono.perception.networks.complexity import complexity
from hydra_mono.perception.networks.interface import NetworkConfig
from hydra_mono.perception.networks.triplane.regularizer import TriplaneRule
from hydra_mono.training.compare.data import ComparedData
from hydra_mono.training.compare.plan import Job, Plan, network_config, training_config
from hydra_mono.training.data_sets import data_set
from hydra_mono.training.evaluate import PerceptionScores, evaluate_network
from hydra_mono.training.run import create_trainer, rules, train
from hydra_mono.training.trainer import Trainer
from hydra_mono.training.watch import Watcher

logger = logging.getLogger(__name__)

PLAN, SCORES = "plan.json", "scores.json"
TRIAL_STEPS = 2  # of which the last is timed
Scores = dict[str, Any]  # of one job, plain values


@dataclass(frozen=True)
class Settings:
    """``base``: the training's settings that are not the plan's. ``thresholds``: of the boundary
    score. ``max_images``: that are scored; None: all."""

    folder: Path
    base: TrainingConfig
    device: torch.device
    thresholds: int
    max_images: int | None = None


def agree(plan: Plan, folder: Path) -> None:
    """Whether the folder may be gone on with: methods and seeds may be added, nothing changed.

    Raises:
        ConfigError: the folder holds a comparison by another plan.
    """
    path, wanted = folder / PLAN, plan.as_dict()
    if path.is_file():
        known = _read(path)
        different = [name for name in wanted if known.get(name) != wanted[name]]
        if different:
            name = different[0]
            detail = f"{name} was {known.get(name)}, not {wanted[name]}"
            raise ConfigError(
                f"{folder}: begun with another plan ({detail}); take another --output"
            )


def begin(plan: Plan, folder: Path) -> None:
    """Notes the plan in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / PLAN, json.dumps(plan.as_dict(), indent=1) + "\n")


def check(plan: Plan, job: Job, data: ComparedData, settings: Settings) -> None:
    """What would be wrong with a job, before anything is trained.

    Raises:
        ConfigError: the method does not take the plan, or the budget is too short for one epoch.
        TrainingError: the data lack a task, or the job's folder is of another training.
    """
    if plan.samples is not None and plan.samples < data.images:
        raise ConfigError(
            f"--samples {plan.samples}: too few for one epoch of {data.images} images"
        )
    trainer = _trainer(plan, job, data, settings)
    if trainer.step == 0 and plan.budget_s is not None:
        needed_s = epoch_seconds(trainer, data.images, plan.batch)
        if needed_s > plan.budget_s:
            raise ConfigError(
                f"--budget: {job.folder} needs {math.ceil(needed_s)} s for one epoch of "
                f"{data.images} images, more than the {plan.budget_s:.0f} s it is given"
            )


def epoch_seconds(trainer: Trainer, images: int, batch: int) -> float:
    """How long seeing as many images as there are will take, by a few trial steps."""
    stage = trainer.schedule.stage(0)
    trial = copy.deepcopy(trainer.objective).train()
    seconds = 0.0
    for step in range(TRIAL_STEPS):
        started_s = time.perf_counter()
        drawn = trainer.batches(stage, step).to(trainer.device)
        trial(drawn)[0].backward()
        seconds = time.perf_counter() - started_s
    return seconds * math.ceil(images / batch)


def finished(job: Job, folder: Path) -> Scores | None:
    """What the job scored; None where it is not at its end.

    Raises:
        DataError: its file is damaged.
    """
    path = folder / job.folder / SCORES
    return _read(path) if path.is_file() else None


def run_job(
    plan: Plan,
    job: Job,
    data: ComparedData,
    settings: Settings,
    on_step: Callable[[dict[str, float]], None] = lambda values: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Scores | None:
    """The job's scores, from its folder where it is done; None where it was stopped."""
    known = finished(job, settings.folder)
    if known is not None:
        return known
    trainer = trained(plan, job, data, settings, on_step, should_stop)
    if not trainer.finished:
        return None
    config = trainer.average.config
    scores = evaluate_network(
        trainer.average.eval(),
        data.scored,
        config.input_spec(),
        thresholds=settings.thresholds if "edges" in trainer.average.tasks else 0,
        max_images=settings.max_images,
        data_set=data_set(plan.data),
    )
    found = job_scores(scores, config) | {"steps": trainer.step, "seconds": trainer.seconds}
    write_text(settings.folder / job.folder / SCORES, json.dumps(found, indent=1) + "\n")
    return found


def trained(
    plan: Plan,
    job: Job,
    data: ComparedData,
    settings: Settings,
    on_step: Callable[[dict[str, float]], None] = lambda values: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Trainer:
    """The job's trainer at its end, or where it was stopped."""
    trainer = _trainer(plan, job, data, settings)
    config = trainer.average.config
    rule_of = rules(config, trainer.config, colours(config))
    watcher = Watcher(trainer.folder, record=False)
    train(trainer, rule_of, data.training, watcher, on_step, should_stop)
    return trainer


def job_scores(scores: PerceptionScores, config: NetworkConfig) -> Scores:
    """The field's metric of each task, and what the network costs."""
    height, width = config.input_spec().size
    cost = complexity(config, height, width)
    metrics = {
        "semantics": scores.semantics and scores.semantics.miou_40,
        "depth": scores.depth and scores.depth.rmse_m,
        "normals": scores.normals and scores.normals.mean_deg,
        "edges": scores.boundaries and scores.boundaries.ods_f,
        **scores.others,
    }
    return {
        "metrics": {task: value for task, value in metrics.items() if value is not None},
        "parameters": cost.parameters,
        "macs": cost.macs,
        "seconds_per_image": scores.seconds_per_image,
        "images": scores.images,
        "source": scores.source,
    }


def colours(config: NetworkConfig) -> tuple[Any, Any]:
    images = config.input_spec()
    return images.mean, images.std


def _trainer(plan: Plan, job: Job, data: ComparedData, settings: Settings) -> Trainer:
    config = network_config(plan, job)
    return create_trainer(
        config,
        training_config(plan, job.seed, settings.base),
        data.training,
        settings.folder / job.folder,
        settings.device,
        colours(config),
        regularizer=TriplaneRule() if plan.regularizer else None,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return dict(content)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: cannot be read; remove it, and it is made again") from error
