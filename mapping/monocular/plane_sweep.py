"""Plane sweep: the change of depth at which earlier images match."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32
from scipy.ndimage import uniform_filter

from hydra_mono.core.geometry import inverse
from hydra_mono.mapping.monocular.low_res import LowResEstimate
from hydra_mono.mapping.monocular.poisson import Evidence

_NORMALISED_PX = 7  # window in which contrast is normalised: that of the fine search
_NOISE = 2.0  # grey levels; weaker contrast is noise of the image
_MAX_COST = 1.5  # window deviations; a greater difference is an occlusion, however great
_HALVING_COST = 0.3  # mean difference that halves a match's weight: a fifth of the greatest
_WIDEST_TURN = 0.5  # rad between two images that are compared: half a field of view overlaps
_LEAST_SEEN = 0.3  # share of the compared images that must show a pixel: one of up to three
_LEAST_CURVATURE = 1.01  # of the prior's own; less is rounding
_RESOLVED_STEPS = 1.5  # deviation of the hypotheses below which they are too few to tell it
_TOLD_SHARE = 0.7  # of the prior's variance; with more of it left, images told nothing
_REMEMBERED = 64  # images whose contrast is kept: the refiner's history and more, 3 MB
_TINY = 1e-8  # of a variance: 1e-4 of log depth, far below any step
_NEAREST = 0.05  # of a depth; a point nearer to the other camera is not compared


@dataclass(frozen=True, slots=True)
class SweepRule:
    """``span``: hypotheses are changes of log depth up to so much, to either side, in ``steps``.

    ``stride``: one pixel of so many is searched. ``window``: of those pixels, over which costs are
    averaged. ``prior``: expected deviation of the change.
    """

    span: float
    steps: int
    stride: int
    window: int
    prior: float
    partners: int = 2  # earlier images compared with; each costs as much again
    parallax: float = 0.15  # distance to them over the median depth: a change of 5 % moves 0.7 %
    sharpness: float = 45.0  # of a unit of matching cost against a change of one prior
    finest: float = 0.015  # least deviation of what is found: a quarter of a pixel at that parallax


def sweep(
    estimate: LowResEstimate, past: Sequence[LowResEstimate], rule: SweepRule
) -> Evidence | None:
    """Evidence of earlier images on the estimate's depth; None where none is at a fit distance.

    Plane sweeping (Collins, CVPR 1996) over surfaces as the network estimates them, not planes:
    each hypothesis is its depth times exp(h), and windows need not be small, since the depth's
    shape is about right. The energy of a hypothesis is ``sharpness`` · difference +
    h²/(2 prior²); a parabola through its minimum gives the change and, without the prior's
    share, the precision. Where several hypotheses are as likely, their spread is the deviation.
    """
    chosen = partners(estimate, past, rule)
    if not chosen:
        return None
    changes = np.linspace(-rule.span, rule.span, rule.steps + 1, dtype=np.float32)
    difference = _differences(estimate, chosen, changes, rule)
    found = _subpixel_minimum(difference, changes, rule)
    return Evidence(*(_repeated(a, rule.stride, estimate) for a in (found.change, found.precision)))


def _repeated(
    values: Float32[np.ndarray, "r c"], stride: int, estimate: LowResEstimate
) -> Float32[np.ndarray, "h w"]:
    height, width = estimate.log_depth.shape
    return values.repeat(stride, axis=0).repeat(stride, axis=1)[:height, :width]


@runtime_checkable
class PartnerRule(Protocol):
    """Of ``SweepRule`` and of others that compare images."""

    @property
    def partners(self) -> int: ...

    @property
    def parallax(self) -> float: ...


def partners(
    estimate: LowResEstimate,
    past: Sequence[LowResEstimate],
    rule: PartnerRule,
    within: tuple[float, float] | None = None,
) -> list[LowResEstimate]:
    """Earlier images from about the right distance, taken in about the same direction.

    ``within``: the least and the most parallax; a fifth of the rule's and any where None.
    """
    if not past or not estimate.usable.any():
        return []
    poses = np.stack([other.world_from_camera for other in past])
    distance_m = np.linalg.norm(poses[:, :3, 3] - estimate.world_from_camera[:3, 3], axis=1)
    parallax = distance_m / float(np.median(estimate.depth_m[estimate.usable]))
    trace = np.einsum("nij,ij->n", poses[:, :3, :3], estimate.world_from_camera[:3, :3])
    least, most = within or (rule.parallax / 5, np.inf)
    fits = ((trace - 1) / 2 > np.cos(_WIDEST_TURN)) & (parallax > least) & (parallax <= most)
    misfit = np.abs(np.log(np.maximum(parallax, 1e-6) / rule.parallax))
    order = np.argsort(np.where(fits, misfit, np.inf), kind="stable")[: rule.partners]
    return [past[index] for index in order if fits[index]]


def normalise_contrast(gray: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """The image less its local mean, over its local deviation: independent of exposure."""
    mean = uniform_filter(gray, _NORMALISED_PX, mode="nearest")
    square = uniform_filter(gray * gray, _NORMALISED_PX, mode="nearest")
    variance = np.maximum(square - mean * mean, 0)
    return np.asarray((gray - mean) / np.sqrt(variance + np.float32(_NOISE**2)))


def _differences(
    estimate: LowResEstimate,
    others: Sequence[LowResEstimate],
    changes: Float32[np.ndarray, " k"],
    rule: SweepRule,
) -> Float32[np.ndarray, "k r c"]:
    """Mean matching cost to the other images, by change of log depth and searched pixel."""
    total, seen = matching_cost(estimate, others, changes, rule.stride)
    least = seen[[0, len(changes) // 2, -1]].min(axis=0)
    hidden = uniform_filter(least, rule.window, mode="nearest") < _LEAST_SEEN * len(others)
    around = (0, rule.window, rule.window)
    mean = uniform_filter(total / np.maximum(seen, 1), around, mode="nearest")
    return np.where(hidden, np.float32(_MAX_COST), mean)


def matching_cost(
    estimate: LowResEstimate,
    others: Sequence[LowResEstimate],
    changes: Float32[np.ndarray, " k"],
    stride: int,
) -> tuple[Float32[np.ndarray, "k r c"], Float32[np.ndarray, "k r c"]]:
    """Difference of contrast, summed over the other images, and how many of them show the point.

    By change of log depth and pixel, of which one in ``stride`` is compared along either axis.
    """
    at = np.s_[::stride, ::stride]
    inverse_depth = np.exp(-estimate.log_depth[at]) * np.exp(-changes)[:, None, None]
    mine, rays = _contrasts(estimate)[at], estimate.rays[at]
    total, seen = np.zeros_like(inverse_depth), np.zeros_like(inverse_depth)
    for other in others:
        relative = inverse(other.world_from_camera) @ estimate.world_from_camera
        image, inside = _warp(other, relative.astype(np.float32), rays, inverse_depth)
        image -= mine
        total += np.minimum(np.abs(image, out=image), np.float32(_MAX_COST)) * inside
        seen += inside
    return total, seen


class _Contrasts:
    """``normalise_contrast`` of images seen lately: each is compared many times."""

    def __init__(self) -> None:
        # the image is kept beside the result, so that no other one gets its id
        self._found: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __call__(self, estimate: LowResEstimate) -> Float32[np.ndarray, "h w"]:
        key = id(estimate.gray)
        if key not in self._found:
            while len(self._found) >= _REMEMBERED:
                del self._found[next(iter(self._found))]
            self._found[key] = estimate.gray, normalise_contrast(estimate.gray)
        return self._found[key][1]


_contrasts = _Contrasts()


def _warp(
    other: LowResEstimate,
    other_from_here: Float32[np.ndarray, "4 4"],
    rays: Float32[np.ndarray, "r c 3"],
    inverse_depth: Float32[np.ndarray, "k r c"],
) -> tuple[Float32[np.ndarray, "k r c"], Float32[np.ndarray, "k r c"]]:
    """The other image where it shows points along rays, and 1 where it does.

    A point at ray · z lies at R ray z + t for the other camera; its image is that of
    R ray + t/z, so that rotation is done once for all depths.
    """
    camera = other.camera
    to_grid = np.array(
        [
            [2 * camera.fx / camera.width, 0, (2 * camera.cx + 1) / camera.width - 1],
            [0, 2 * camera.fy / camera.height, (2 * camera.cy + 1) / camera.height - 1],
            [0, 0, 1],
        ],
        np.float32,
    )
    far = rays @ (to_grid @ other_from_here[:3, :3]).T
    near = to_grid @ other_from_here[:3, 3]
    z = np.maximum(far[..., 2] + near[2] * inverse_depth, np.float32(_NEAREST))
    grid = np.empty((*inverse_depth.shape, 2), np.float32)
    inside = z > _NEAREST
    for axis, pixels in enumerate((camera.width, camera.height)):
        place = (far[..., axis] + near[axis] * inverse_depth) / z
        inside &= np.abs(place) < np.float32(1 - 1 / pixels)
        grid[..., axis] = place
    image = torch.from_numpy(_contrasts(other))[None, None]
    places = torch.from_numpy(grid).reshape(1, -1, grid.shape[2], 2)
    found = F.grid_sample(image, places, align_corners=False)
    return found.numpy().reshape(inverse_depth.shape), inside.astype(np.float32)


def _subpixel_minimum(
    difference: Float32[np.ndarray, "k r c"], changes: Float32[np.ndarray, " k"], rule: SweepRule
) -> Evidence:
    """The change of least energy without the prior, and its precision, by a parabola."""
    step, prior = changes[1] - changes[0], np.float32(1 / rule.prior**2)
    energy = np.float32(rule.sharpness) * difference
    energy += (prior / 2 * changes**2)[:, None, None]
    best = np.clip(energy.argmin(axis=0), 1, len(changes) - 2)[None]
    before, least, after = (np.take_along_axis(energy, best + i, 0)[0] for i in (-1, 0, 1))
    curvature = (before - 2 * least + after) / step**2
    found = (
        (curvature > np.float32(_LEAST_CURVATURE) * prior) & (least <= before) & (least <= after)
    )
    curvature = np.where(found, curvature, 2 * prior)
    lowest = changes[best[0]] + (before - after) / (2 * step * curvature)
    change = np.clip(lowest * curvature / (curvature - prior), -rule.span, rule.span)
    matching_cost = np.take_along_axis(difference, best, 0)[0] / np.float32(_HALVING_COST)
    precision = np.minimum(
        (curvature - prior) / (1 + matching_cost**2), np.float32(1 / rule.finest**2)
    )
    precision = np.minimum(precision, _precision_of_all(energy, changes, rule))
    return Evidence(np.where(found, change, 0), np.where(found, precision, 0))


def _precision_of_all(
    energy: Float32[np.ndarray, "k r c"], changes: Float32[np.ndarray, " k"], rule: SweepRule
) -> Float32[np.ndarray, "r c"]:
    """1/σ² of the hypotheses, weighed by their likelihood exp(−energy), without the prior's.

    A parabola knows one minimum; a pattern that repeats has several, and a blank wall a flat one.
    Infinite where the likely hypotheses are next to each other.
    """
    share = np.exp(energy.min(axis=0) - energy)
    share /= share.sum(axis=0)
    mean = np.tensordot(changes, share, axes=1)
    variance = np.maximum(np.tensordot(changes**2, share, axes=1) - mean**2, np.float32(_TINY))
    told = np.maximum(1 / variance - np.float32(1 / rule.prior**2), 0)
    told = np.where(variance > np.float32(_TOLD_SHARE * rule.prior**2), np.float32(0), told)
    step = float(changes[1] - changes[0])
    return np.where(variance > (_RESOLVED_STEPS * step) ** 2, told, np.float32(np.inf))


# A wide search where few pixels do, then a fine one round what it left.
COARSE = SweepRule(span=0.35, steps=20, stride=2, window=5, prior=0.12)
FINE = SweepRule(span=0.1, steps=8, stride=1, window=7, prior=0.06)
