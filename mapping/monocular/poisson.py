"""The change of a depth image that agrees best with evidence and predicted normals."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float32
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter

_LEAST_COS = 0.1  # of normal · ray, 84°: the slope goes with its inverse and is unknown below
_STEP = 0.05  # of log depth from a pixel to the next, beside the slope: a depth discontinuity
_DISCONTINUITY_WEIGHT = 0.05  # across one, of the weight elsewhere: not 0, so that it is solvable
_ITERATIONS = 6  # which leave 6 % of the change at most, measured on random evidence
_SPREAD_PX = 2.0  # how far evidence lowers the deviation of its neighbours


@dataclass(frozen=True, slots=True)
class Evidence:
    """By how much log depth should change at each pixel, and with which precision, 1/σ²."""

    change: Float32[np.ndarray, "h w"]
    precision: Float32[np.ndarray, "h w"]


@dataclass(frozen=True, slots=True)
class SmoothnessTerm:
    """How the change of log depth should differ from a pixel to the next one along an axis.

    ``weight``: the precision of that, 1/σ². One entry less along the axis than the image.
    """

    difference: Float32[np.ndarray, "a b"]
    weight: Float32[np.ndarray, "a b"]


def slopes_of_normals(
    normals: Float32[np.ndarray, "h w 3"],
    rays: Float32[np.ndarray, "h w 3"],
    focal_px: float,
    axis: int,
) -> Float32[np.ndarray, "a b"]:
    """Step of log depth to the next pixel along an image axis; NaN where it cannot be told.

    On a plane n · X = d seen by a pinhole z = d / (n · ray), so that log z changes by
    −n_x / (f_x n · ray) per pixel along a row, and likewise along a column.
    """
    facing = np.einsum("hwc,hwc->hw", normals, rays)
    seen = facing < -_LEAST_COS
    along = normals[..., 1 - axis] / np.float32(focal_px)
    slope = np.where(seen, -along / np.where(seen, facing, 1), np.float32(np.nan))
    before, after = _pairs(slope.astype(np.float32), axis)
    return np.asarray((before + after) / 2)


def smoothness_term(
    log_depth: Float32[np.ndarray, "h w"],
    slope: Float32[np.ndarray, "a b"] | None,
    sigma: float,
    axis: int,
) -> SmoothnessTerm:
    """The term that draws neighbours to the wanted slope, or without one to the slope they have.

    It has next to no weight across a depth discontinuity.
    """
    before, after = _pairs(log_depth, axis)
    step = after - before
    wanted = np.zeros_like(step) if slope is None else slope - step
    border: Bool[np.ndarray, "a b"] = (
        ~(np.abs(wanted) < _STEP) if slope is not None else np.abs(step) > _STEP
    )
    weight = np.where(border, np.float32(_DISCONTINUITY_WEIGHT), np.float32(1)) / np.float32(
        sigma**2
    )
    return SmoothnessTerm(np.where(border, np.float32(0), wanted), weight)


def solve_screened_poisson(
    evidence: Evidence, rows: SmoothnessTerm, columns: SmoothnessTerm
) -> Float32[np.ndarray, "h w"]:
    """The change c that minimises Σ p (c − e)² + Σ w (c_next − c − d)².

    The screened Poisson equation of Bhat et al. (GradientShop, ACM TOG 2010), solved by
    conjugate gradients. The same equation with constant weights, which the cosine transform
    solves exactly, is the preconditioner, so that a few steps do. ``columns`` join pixels to
    their right neighbours, ``rows`` to their lower ones.
    """
    residual = evidence.precision * evidence.change + _right_side(rows, columns)
    change = np.zeros_like(residual)
    screen = float(np.median(evidence.precision)) / float(np.median(columns.weight))
    direction, old = np.zeros_like(residual), 1.0
    for _ in range(_ITERATIONS):
        preconditioned = _solve_constant(residual, screen)
        new = float(np.vdot(residual, preconditioned))
        if new <= 0 or not np.isfinite(new):
            break
        direction = preconditioned + np.float32(new / old) * direction
        image = evidence.precision * direction + _laplacian(direction, rows, columns)
        step = np.float32(new / float(np.vdot(direction, image)))
        change, residual, old = change + step * direction, residual - step * image, new
    return np.asarray(change)


def combined(parts: list[Evidence]) -> Evidence:
    """The product of several Gaussians: precisions add up."""
    precision = np.sum(np.stack([part.precision for part in parts]), axis=0)
    change = np.sum(np.stack([part.precision * part.change for part in parts]), axis=0)
    return Evidence(change / precision, precision)


def sigma_after(
    log_depth_sigma: Float32[np.ndarray, "h w"], found: Evidence
) -> Float32[np.ndarray, "h w"]:
    """The deviation that is left after evidence, which lowers that of neighbours too."""
    spread = gaussian_filter(found.precision, _SPREAD_PX)
    return np.asarray(1 / np.sqrt(1 / log_depth_sigma**2 + spread))


def _pairs(image: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    return (image[:-1], image[1:]) if axis == 0 else (image[:, :-1], image[:, 1:])


def _right_side(rows: SmoothnessTerm, columns: SmoothnessTerm) -> Float32[np.ndarray, "h w"]:
    down, right = rows.weight * rows.difference, columns.weight * columns.difference
    return -_divergence(down, right)


def _laplacian(
    change: np.ndarray, rows: SmoothnessTerm, columns: SmoothnessTerm
) -> Float32[np.ndarray, "h w"]:
    down = rows.weight * np.diff(change, axis=0)
    return -_divergence(down, columns.weight * np.diff(change, axis=1))


def _divergence(down: np.ndarray, right: np.ndarray) -> Float32[np.ndarray, "h w"]:
    result = np.zeros((right.shape[0], down.shape[1]), np.float32)
    result[:-1] += down
    result[1:] -= down
    result[:, :-1] += right
    result[:, 1:] -= right
    return result


def _solve_constant(values: Float32[np.ndarray, "h w"], screen: float) -> np.ndarray:
    waves = dctn(values, norm="ortho") / (_eigenvalues(*values.shape) + np.float32(screen))
    return np.asarray(idctn(waves, norm="ortho"))


@cache
def _eigenvalues(height: int, width: int) -> Float32[np.ndarray, "h w"]:
    """Of the Laplacian with free borders, by cosine wave."""
    down, right = (2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in (height, width))
    return np.asarray(np.add.outer(down, right), np.float32)
