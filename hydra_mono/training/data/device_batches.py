"""Batches cut on the device that trains, from images that lie there; for GPUs.

The same crops and truth as ``batches.BatchMaker`` makes of one image after another on a CPU, and
a roll of the camera besides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float16, Float32, Float64, Int8, Int64, UInt8
from torch import Tensor

from hydra_mono.training.data.batches import (
    TARGET_STRIDE,
    Batch,
    BatchRule,
    label_shares,
    normalised,
    random_crop,
)
from hydra_mono.training.data.colors import random_color_change, recoloured
from hydra_mono.training.data.shots import Shot
from hydra_mono.training.data.warp import Warp, make_warp, marked, nearest, warped_image
from hydra_mono.training.data.worlds.cache import NAMES
from hydra_mono.training.samples import NO_EDGE_KNOWN

ROLL_RAD = 0.06  # deviation of a photograph's turn


@dataclass(frozen=True)
class Stack:
    """n images of one size with their truth; ``camera``: fx, fy, cx, cy; types as in ``Shot``."""

    rgb: UInt8[Tensor, "n h w 3"]
    depth_m: Float16[Tensor, "n h w"]
    labels: UInt8[Tensor, "n h w"]
    edges: UInt8[Tensor, "n h w"]
    normals: Int8[Tensor, "n h w 3"]
    camera: Float32[Tensor, "n 4"]

    def __len__(self) -> int:
        return len(self.rgb)

    @property
    def size(self) -> tuple[int, int]:
        return self.rgb.shape[1], self.rgb.shape[2]

    def of(self, index: Int64[Tensor, " b"]) -> "Stack":
        return Stack(*(getattr(self, f.name)[index] for f in fields(self)))


def stack_shots(shots: Sequence[Shot], device: torch.device) -> Stack:
    """Shots of different sizes are cut to the rows and columns that all have."""
    height, width = (min(shot.labels.shape[axis] for shot in shots) for axis in (0, 1))

    def of(name: str) -> Tensor:
        images = np.stack([getattr(shot, name)[:height, :width] for shot in shots])
        return torch.from_numpy(images).to(device)

    cameras = [(s.camera.fx, s.camera.fy, s.camera.cx, s.camera.cy) for s in shots]
    images = {name: of(name) for name in NAMES}
    return Stack(**images, camera=torch.tensor(cameras, device=device))


@runtime_checkable
class StackSource(Protocol):
    """Images that may change from step to step."""

    def at(self, step: int) -> Stack: ...


class DeviceBatches:
    """Mixes worlds and photographs; either may be None."""

    def __init__(self, worlds: StackSource | None, photographs: Stack | None) -> None:
        self._worlds, self._photographs = worlds, photographs

    def __call__(self, rule: BatchRule, seed: tuple[int, int, int]) -> Batch:
        """The batch of a seed, a step and a process."""
        rng = np.random.default_rng(seed)
        worlds = self._worlds.at(seed[1]) if self._worlds else None
        parts = []
        for stack, count, least, roll in self._shares(worlds, rule):
            index = torch.from_numpy(rng.integers(len(stack), size=count)).to(stack.rgb.device)
            chosen = stack.of(index)
            parts.append(_cut(chosen, _random_warp(rng, chosen, rule, least, roll), rule))
        image, *rest = (torch.cat(values) for values in zip(*parts, strict=True))
        return Batch(normalised(_recoloured(image, rng), rule), *rest)

    def label_counts(self, classes: int) -> Float64[np.ndarray, " k"]:
        worlds = self._worlds.at(0) if self._worlds else None
        counts = np.zeros(classes)
        for stack in (worlds, self._photographs):
            if stack is not None:
                counts += label_shares(stack.labels.cpu().numpy().ravel(), classes)
        return counts

    def _shares(
        self, worlds: Stack | None, rule: BatchRule
    ) -> list[tuple[Stack, int, float, float]]:
        """Images, how many of them, their smallest crop and the deviation of their roll."""
        shares, left = [], rule.count
        if self._photographs is not None:
            real = rule.photograph_count if worlds is not None else rule.count
            shares.append((self._photographs, real, rule.least_photograph_crop, ROLL_RAD))
            left -= real
        if worlds is not None:
            shares.append((worlds, left, rule.least_crop, 0.0))
        return [share for share in shares if share[1]]


def _random_warp(
    rng: np.random.Generator, stack: Stack, rule: BatchRule, least: float, roll_rad: float
) -> Warp:
    aspect = rule.width / rule.height
    size, largest = stack.size, rule.largest_crop
    crops = [random_crop(rng, size, aspect, least, largest) for _ in range(len(stack))]
    return make_warp(crops, rng.normal(0, roll_rad, len(stack)).tolist(), stack.camera)


def _cut(stack: Stack, warp: Warp, rule: BatchRule) -> tuple[Tensor, ...]:
    """Colours 0..255 and the truth: scaling divides depth, flips and rolls turn normals."""
    size = (rule.height // TARGET_STRIDE, rule.width // TARGET_STRIDE)
    index, inside = nearest(warp, stack.size, size)
    camera = warp.cropped_camera(size)
    scale = rule.focal_per_width * size[1] / camera[:, 0, None, None]
    depth = _picked(stack.depth_m, index).float() * scale
    normals = _picked(stack.normals, index).float().permute(0, 3, 1, 2) / 127
    edges = marked(stack.edges, warp, size)[:, None]
    return (
        warped_image(stack.rgb, warp, (rule.height, rule.width)),
        (depth * inside)[:, None],
        _picked(stack.labels, index).long() * inside,
        warp.turned(normals) * inside[:, None],
        (edges == 1).float(),
        edges != NO_EDGE_KNOWN,
        camera,
    )


def _picked(images: Tensor, index: Int64[Tensor, "b a c"]) -> Tensor:
    """Pixels of each image by number."""
    first = torch.arange(len(images), device=index.device) * images.shape[1] * images.shape[2]
    return images.flatten(0, 2)[index + first[:, None, None]]


def _recoloured(image: Float32[Tensor, "b 3 h w"], rng: np.random.Generator) -> Tensor:
    change = random_color_change(rng, len(image)).to(image.device)
    generator = torch.Generator(image.device).manual_seed(int(rng.integers(2**62)))
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    return recoloured(image / 255, change, noise)
