"""Tiles of a depth image: how far away, and how obliquely, each part of it is seen."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import shared_rays

TILE = 8  # pixels
LEAST_COS_INCIDENCE = 0.3  # 73°: beyond, differences of depth are mostly noise
_STEP = 2  # every other pixel: enough for a plane, at a quarter of the cost
_BORDER = 0.15  # relative difference of inverse depth in a tile: a plane at 73° spans as much


@dataclass(frozen=True, slots=True)
class Tiles:
    """Per tile of 8 x 8 pixels. ``farthest_m``: greatest depth, 0 for none.

    ``cos_incidence``: distance to the tile's surface over difference in depth: 1 for one seen
    head-on (or unknown), near 0 at grazing incidence.
    """

    farthest_m: Float32[np.ndarray, "r c"]
    cos_incidence: Float32[np.ndarray, "r c"]


def summarise(depth_m: Float32[np.ndarray, "h w"], intrinsics: Intrinsics) -> Tiles:
    """Tiles over the whole image; the last ones may reach past its border.

    On a plane the inverse depth is linear in the pixel, 1/z = n · ray with n the plane's normal
    over its distance, so a point dz in front of it lies dz / (z |n|) away from it. Tiles on a
    depth border count as seen head-on.
    """
    pixels = _pixels_by_tile(depth_m)
    valid = pixels > 0
    with np.errstate(divide="ignore"):
        inverse = 1 / pixels
    inverse[~valid] = 0
    count = valid.sum(axis=0)
    mean = np.where(count > 0, inverse.sum(axis=0) / np.maximum(count, 1), np.nan)
    farthest, highest = pixels.max(axis=0), inverse.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        single = highest - 1 / farthest <= _BORDER * mean
        cos_incidence = np.where(
            single, _cos_incidence(mean.astype(np.float32), intrinsics), np.nan
        )
    cos_incidence = np.where(
        np.isfinite(cos_incidence), np.clip(cos_incidence, LEAST_COS_INCIDENCE, 1), 1
    )
    return Tiles(farthest_m=farthest, cos_incidence=cos_incidence.astype(np.float32))


def _pixels_by_tile(depth_m: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "p r c"]:
    """Every other pixel, those of one tile along the first axis, 0 outside the image."""
    height, width = depth_m.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    side = TILE // _STEP
    pixels = np.zeros((side, side, rows, columns), np.float32)
    for i, j in np.ndindex(side, side):
        part = depth_m[i * _STEP :: TILE, j * _STEP :: TILE]
        pixels[i, j, : part.shape[0], : part.shape[1]] = part
    return pixels.reshape(side * side, rows, columns)


def _cos_incidence(
    mean: Float32[np.ndarray, "r c"], intrinsics: Intrinsics
) -> Float32[np.ndarray, "r c"]:
    padded = np.pad(mean, 1, constant_values=np.nan)
    per_row = _flatter(mean - padded[:-2, 1:-1], padded[2:, 1:-1] - mean)
    per_column = _flatter(mean - padded[1:-1, :-2], padded[1:-1, 2:] - mean)
    n_x = per_column * np.float32(intrinsics.fx / TILE)
    n_y = per_row * np.float32(intrinsics.fy / TILE)
    corners = shared_rays(intrinsics, TILE)
    middle = np.float32(TILE / 2)
    x = corners[..., 0] + middle / np.float32(intrinsics.fx)
    y = corners[..., 1] + middle / np.float32(intrinsics.fy)
    n_z = mean - n_x * x - n_y * y
    return np.asarray(mean / np.sqrt(n_x**2 + n_y**2 + n_z**2))


def _flatter(
    before: Float32[np.ndarray, "r c"], after: Float32[np.ndarray, "r c"]
) -> Float32[np.ndarray, "r c"]:
    """The difference to the neighbour that is more likely on the same surface."""
    take_after = np.isnan(before) | (np.abs(after) < np.abs(before))
    return np.where(take_after, after, before)
