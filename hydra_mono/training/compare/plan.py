"""What a comparison trains: methods, seeds, the data, one budget for all."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra_mono.core.config.training import StageConfig, TrainingConfig
from hydra_mono.core.errors import ConfigError
from hydra_mono.perception.networks.backbones.create import BackboneConfig
from hydra_mono.perception.networks.backbones.hrnet import HRNETS, IMAGENET_MEAN, IMAGENET_STD
from hydra_mono.perception.networks.backbones.resnet import RESNETS
from hydra_mono.perception.networks.backbones.swin import SWINS
from hydra_mono.perception.networks.backbones.vit import VITS
from hydra_mono.perception.networks.input_spec import Triple
from hydra_mono.perception.networks.interface import NetworkConfig
from hydra_mono.perception.networks.m2h_config import COMPACT, COMPACTS
from hydra_mono.perception.networks.registry import MODULES, SEARCHES, method
from hydra_mono.perception.tasks import INDOOR, TASKS
from hydra_mono.training.data_sets import data_set

SINGLE = "stl"  # single-task learning: a network of hard sharing for each task alone
COMPARED = (SINGLE, *(name for name in MODULES if name not in SEARCHES.values()))
BACKBONES: dict[str, tuple[BackboneConfig, Triple, Triple]] = {  # with their images' colours
    name: (config.backbone, config.colour_mean, config.colour_std)
    for name, config in COMPACTS.items()
} | {
    name: (config, IMAGENET_MEAN, IMAGENET_STD)
    for name, config in (HRNETS | RESNETS | SWINS | VITS).items()
}
SIMULATED = "simulated"  # the only data without a folder
TWO_VIEWS = "triplane_two_views"  # a regularizer that renders another camera's view, too
UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}
MANY_STEPS = 10**7  # where the clock ends a training, not these


@dataclass(frozen=True)
class Plan:
    """``budget_s``: of training, for each network; None: each sees ``samples`` images instead,
    which is fair on a machine that is shared. ``size``: height and width of the images.
    ``widest``: channels of a backbone's map that methods on pyramids begin with, at most.
    ``regularizer``: "triplane" or ``TWO_VIEWS``."""

    data: str
    backbone: str
    budget_s: float | None
    size: tuple[int, int]
    batch: int
    tasks: tuple[str, ...] = INDOOR
    regularizer: str | None = None
    genotype: Path | None = None
    samples: int | None = None
    widest: int | None = None

    def __post_init__(self) -> None:
        """Raises ``ConfigError`` for a backbone or task that nobody knows, or no one budget."""
        if (self.budget_s is None) == (self.samples is None):
            raise ConfigError("give --budget or --samples, one of the two")
        if self.backbone not in BACKBONES:
            raise ConfigError(f"--backbone {self.backbone}: choose {', '.join(BACKBONES)}")
        if self.second_view and self.data != SIMULATED:
            raise ConfigError(
                f"--regularizer {self.regularizer}: needs two views of a scene with their poses, "
                f"which only --data {SIMULATED} has"
            )
        if unknown := [task for task in self.tasks if task not in TASKS]:
            raise ConfigError(f"--tasks: no task '{unknown[0]}'; there are {', '.join(TASKS)}")
        if len(set(self.tasks)) != len(self.tasks):
            raise ConfigError("--tasks: name each task once")

    @property
    def second_view(self) -> bool:
        """Whether the regularizer renders another camera's view, too."""
        return self.regularizer == TWO_VIEWS

    def as_dict(self) -> dict[str, Any]:
        """Plain values; those that two parts of one comparison have to share."""
        return {
            "data": self.data,
            "backbone": self.backbone,
            "budget_s": self.budget_s,
            "samples": self.samples,
            "widest": self.widest,
            "size": list(self.size),
            "batch": self.batch,
            "tasks": list(self.tasks),
            "regularized": self.regularizer or False,
            "genotype": str(self.genotype) if self.genotype else None,
        }


@dataclass(frozen=True)
class Job:
    """One network to train. ``task``: the only one, of single-task learning."""

    method: str
    seed: int
    task: str | None = None

    @property
    def folder(self) -> str:
        name = self.method if self.task is None else f"{self.method}-{self.task}"
        return f"{name}/seed-{self.seed}"


def parse_budget(text: str) -> float:
    """Seconds of ``90s``, ``30m`` or ``2h``.

    Raises:
        ConfigError: it is none of these, or nothing.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found or float(found[1]) == 0:
        raise ConfigError(f"--budget {text}: write a time such as 90s, 30m or 2h")
    return float(found[1]) * UNITS_S[found[2]]


def parse_size(text: str) -> tuple[int, int]:
    """Height and width of ``192x256``.

    Raises:
        ConfigError: it is not of this form, or a side is no multiple of 32.
    """
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(32 <= side <= 4096 and side % 32 == 0 for side in sides):
        raise ConfigError(f"--size {text}: write HEIGHTxWIDTH in multiples of 32, such as 192x256")
    return sides


def parse_methods(text: str) -> tuple[str, ...]:
    """Names of ``COMPARED``, in the order given.

    Raises:
        ConfigError: one is unknown or named twice, or there is none.
    """
    names = tuple(name for name in text.split(",") if name)
    unknown = [name for name in names if name not in COMPARED]
    if unknown or len(set(names)) != len(names) or not names:
        detail = f"no method '{unknown[0]}'" if unknown else "name each method once"
        raise ConfigError(f"--methods: {detail}; there are {', '.join(COMPARED)}")
    return names


def jobs(plan: Plan, methods: tuple[str, ...], seeds: int) -> Iterator[Job]:
    """All seeds of each method after the first seed of all: an early table is a fair one."""
    for seed in range(seeds):
        for name in methods:
            tasks: tuple[str | None, ...] = plan.tasks if name == SINGLE else (None,)
            yield from (Job(name, seed, task) for task in tasks)


def network_config(plan: Plan, job: Job) -> NetworkConfig:
    """The compact numbers of the job's method on the plan's backbone, for images of its size.

    Raises:
        ConfigError: the method does not take the backbone, the tasks or the genotype.
    """
    name = "mtl" if job.method == SINGLE else job.method
    known, (backbone, mean, std) = method(name), BACKBONES[plan.backbone]
    compact: Any = known.variants["compact"]
    changes: dict[str, Any] = {
        "backbone": backbone,
        "feed": plan.size,
        "focal_px": (COMPACT.focal_px or 1.0) * plan.size[1] / COMPACT.feed[1],
        "colour_mean": mean,
        "colour_std": std,
        "classes": data_set(plan.data).labels + 1,
    }
    tasks = plan.tasks if job.task is None else (job.task,)
    if hasattr(compact, "tasks"):
        changes["tasks"] = tasks
    elif set(tasks) != set(INDOOR):
        raise ConfigError(f"{name} is for {', '.join(INDOOR)}, not for {', '.join(tasks)}")
    if hasattr(compact, "widest"):
        changes["widest"] = plan.widest
    if plan.genotype is not None and known.read_genotype is not None:
        changes |= known.read_genotype(plan.genotype, tasks)
    try:
        config: NetworkConfig = replace(compact, **changes)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error
    return config


def training_config(plan: Plan, seed: int, base: TrainingConfig) -> TrainingConfig:
    """``base`` with one stage of the plan's size that the clock or the samples end."""
    height, width = plan.size
    steps = MANY_STEPS if plan.samples is None else math.ceil(plan.samples / plan.batch)
    stage = StageConfig(steps=steps, height=height, width=width, batch=plan.batch)
    backbone = base.backbone.model_copy(update={"name": plan.backbone})
    minutes = None if plan.budget_s is None else plan.budget_s / 60
    changes = {"stages": (stage,), "minutes": minutes, "seed": seed}
    return base.model_copy(update={**changes, "backbone": backbone})
