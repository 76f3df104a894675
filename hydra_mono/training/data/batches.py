"""Batches: crops of cached worlds and of photographs, mixed, with geometry kept true.

Every batch follows from (seed, step) and the list of images alone, so that a training that was
interrupted goes on as if it had not been.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64, UInt8
from torch import Tensor

from hydra_mono.perception.tasks import IN_PIXELS
from hydra_mono.training.data.camera_effects import photographed, random_effects
from hydra_mono.training.data.colors import random_color_change, recoloured
from hydra_mono.training.data.crops import Crop
from hydra_mono.training.data.roll import Cut, rolled
from hydra_mono.training.data.second_view import SecondView, cut_second, cut_truth, stacked
from hydra_mono.training.data.shots import CachedWorlds, Photographs, Shot, scaled

TARGET_STRIDE = 2  # pixels of the image to one of the truth
COUNTED_SHOTS = 400  # that class frequencies are counted on
WHOLE_CROP = 0.93  # least side of an image that is shown whole
ASKEW_SHARE = 0.3  # of images, of cameras held at any angle
ASKEW = 5.0  # their roll's deviation, by that of the others


@dataclass(frozen=True)
class Batch:
    """Images of one size with their truth at half that size.

    ``depth_m``: for the canonical focal length, 0 unknown. ``labels``: NYU40, 0 unknown.
    ``normals``: 0 unknown. ``camera``: fx, fy, cx, cy of the truth's pixels. ``others``: truth of
    further tasks by name, b th tw. ``second``: another camera's truth of the same scenes.
    """

    image: Float[Tensor, "b 3 h w"]
    depth_m: Float[Tensor, "b 1 th tw"]
    labels: Int64[Tensor, "b th tw"]
    normals: Float[Tensor, "b 3 th tw"]
    edges: Float[Tensor, "b 1 th tw"]
    edges_known: Bool[Tensor, "b 1 th tw"]
    camera: Float[Tensor, "b 4"]
    others: Mapping[str, Tensor] = field(default_factory=dict, kw_only=True)
    second: SecondView | None = field(default=None, kw_only=True)

    def to(self, device: torch.device) -> "Batch":
        names = [f.name for f in fields(self) if f.name not in ("others", "second")]
        moved = {name: getattr(self, name).to(device, non_blocking=True) for name in names}
        others = {task: x.to(device, non_blocking=True) for task, x in self.others.items()}
        second = self.second.to(device) if self.second is not None else None
        return Batch(**moved, others=others, second=second)


@runtime_checkable
class BatchSource(Protocol):
    """Where batches come from; they follow from the seed (seed, step, process) alone."""

    def __call__(self, rule: "BatchRule", seed: tuple[int, int, int]) -> Batch: ...

    def label_counts(self, classes: int) -> Float64[np.ndarray, " k"]:
        """How often pixels have each label, worlds and photographs alike; 0 for unknown."""
        ...


@dataclass(frozen=True)
class BatchRule:
    """What a batch is made of. ``focal_px`` is the canonical focal length at ``feed_width``."""

    height: int
    width: int
    count: int
    photographs: float  # share of the batch
    focal_px: float
    feed_width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    least_crop: float = 0.85  # of a drawn image's side
    least_photograph_crop: float = 0.6
    largest_crop: float = 1.0  # likewise; less where only windows of images are shown
    whole: float = 0.0  # share of images that are cropped by WHOLE_CROP at most
    roll_rad: float = 0.0  # deviation of the cameras' roll
    effects: float = 0.0  # share of images that suffer what real cameras do

    @property
    def photograph_count(self) -> int:
        return math.ceil(self.photographs * self.count)

    @property
    def focal_per_width(self) -> float:
        return self.focal_px / self.feed_width


class BatchMaker:
    """Mixes worlds and photographs; either may be None."""

    def __init__(self, worlds: CachedWorlds | None, photographs: Photographs | None) -> None:
        self.worlds, self.photographs = worlds, photographs

    def __call__(self, rule: BatchRule, seed: tuple[int, int, int]) -> Batch:
        """The batch of a seed, a step and a process."""
        rng = np.random.default_rng(seed)
        cuts = [_item(rng, *self._draw(rng, rule, i), rule) for i in range(rule.count)]
        items = [[getattr(cut, f.name) for f in fields(cut)] for cut in cuts]
        tasks = cuts[0].others
        others = {task: torch.stack([cut.others[task] for cut in cuts]) for task in tasks}
        image = torch.stack([item[0] for item in items])
        noise = torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
        image = recoloured(image / 255, random_color_change(rng, rule.count), noise)
        rest = [torch.stack([item[k] for item in items]) for k in range(1, 7)]
        second = stacked([cut.second for cut in cuts])
        return Batch(normalised(image, rule), *rest, others=others, second=second)

    def label_counts(self, classes: int) -> Float64[np.ndarray, " k"]:
        rng = np.random.default_rng(0)
        counts = np.zeros(classes)
        for source in (self.worlds, self.photographs):
            if source is not None:
                labels = [np.asarray(source.draw(rng).labels) for _ in range(COUNTED_SHOTS)]
                counts += label_shares(np.concatenate([image.ravel() for image in labels]), classes)
        return counts

    def _draw(self, rng: np.random.Generator, rule: BatchRule, index: int) -> tuple[Shot, float]:
        """A shot, and how small its crops may be."""
        wanted = index < rule.photograph_count
        if self.photographs and (wanted or not self.worlds):
            return self.photographs.draw(rng), rule.least_photograph_crop
        assert self.worlds is not None
        return self.worlds.draw(rng), rule.least_crop


def label_shares(labels: UInt8[np.ndarray, " n"], classes: int) -> Float64[np.ndarray, " k"]:
    """Each label's share of the known pixels."""
    counts = np.bincount(labels, minlength=classes)[:classes].astype(np.float64)
    counts[0] = 0
    return np.asarray(counts / max(counts.sum(), 1))


def normalised(image: Float[Tensor, "b 3 h w"], rule: BatchRule) -> Float[Tensor, "b 3 h w"]:
    """Colours 0..1 as the network wants them."""
    mean, std = (torch.tensor(v, device=image.device).view(3, 1, 1) for v in (rule.mean, rule.std))
    return ((image - mean) / std).contiguous(memory_format=torch.channels_last)


def _item(rng: np.random.Generator, shot: Shot, least: float, rule: BatchRule) -> Cut:
    """One item of a batch: cut, turned, and taken by some camera."""
    if rule.whole and rng.random() < rule.whole:
        least = max(least, WHOLE_CROP)
    cut = _cropped(rng, shot, least, rule)
    if rule.roll_rad:
        askew = ASKEW if rng.random() < ASKEW_SHARE else 1.0
        cut = rolled(cut, rng.normal(0, askew * rule.roll_rad))
    if rule.effects and rng.random() < rule.effects:
        taken = photographed(cut.image / 255, random_effects(rng), rng)
        cut = replace(cut, image=255 * taken)
    return cut


def _cropped(rng: np.random.Generator, shot: Shot, least: float, rule: BatchRule) -> Cut:
    whole = (shot.camera.height, shot.camera.width)
    crop = random_crop(rng, whole, rule.width / rule.height, least, rule.largest_crop)
    size = (rule.height // TARGET_STRIDE, rule.width // TARGET_STRIDE)
    return Cut(
        crop.image(shot.rgb, (rule.height, rule.width)),
        *cut_truth(shot, crop, size, rule.focal_per_width),
        others={
            task: _others(task, crop.picked(truth, size), rule.feed_width / crop.width)
            for task, truth in shot.others.items()
        },
        second=cut_second(shot, crop, size, rule.focal_per_width),
    )


def _others(task: str, truth: np.ndarray, factor: float) -> Tensor:
    """Class ids as integers, pixels as those of the image that a network is fed with."""
    values = torch.from_numpy(np.ascontiguousarray(scaled(task, truth, factor)))
    return values if task in IN_PIXELS else values.long()


def random_crop(
    rng: np.random.Generator,
    whole: tuple[int, int],
    aspect: float,
    least: float,
    largest: float = 1.0,
) -> Crop:
    """A crop of the wanted proportions, ``least``..1 of the largest, anywhere; half mirrored.

    ``whole``: height and width. ``largest``: side of the largest crop, of the image's.
    """
    width = min(whole[1], whole[0] * aspect) * largest
    width *= math.exp(rng.uniform(math.log(least), 0.0))
    height = width / aspect
    left = rng.uniform(0, whole[1] - width)
    top = rng.uniform(0, whole[0] - height)
    return Crop(float(left), float(top), float(width), float(height), bool(rng.random() < 0.5))
