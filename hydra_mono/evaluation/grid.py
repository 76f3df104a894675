"""Balls of free space on the truth's voxels."""

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.core.truth import TruthGrid
from hydra_mono.graph.model.nodes import PlaceNode


def voxels_in_balls(grid: TruthGrid, places: list[PlaceNode]) -> Bool[np.ndarray, "x y z"]:
    """Voxels whose centre lies in the ball of some place."""
    inside = np.zeros(grid.free.shape, dtype=bool)
    shape = np.array(grid.free.shape)
    for place in places:
        centre = (np.array(place.position_m) - grid.origin_m) / grid.voxel_size_m
        reach = place.radius_m / grid.voxel_size_m
        lower = np.clip(np.ceil(centre - reach).astype(np.int64), 0, shape)
        upper = np.clip(np.floor(centre + reach).astype(np.int64) + 1, lower, shape)
        x, y, z = (np.arange(a, b) - c for a, b, c in zip(lower, upper, centre, strict=True))
        squared = (x * x)[:, None, None] + (y * y)[:, None] + z * z
        window = tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))
        inside[window] |= squared <= reach * reach
    return inside


def voxel_of(grid: TruthGrid, points_m: Float64[np.ndarray, "n 3"]) -> Int64[np.ndarray, "n 3"]:
    """Index of the voxel round each point; may lie outside the grid."""
    indices = np.floor((points_m - grid.origin_m) / grid.voxel_size_m + 0.5)
    return np.asarray(indices, dtype=np.int64)


def is_free(grid: TruthGrid, points_m: Float64[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
    """Whether the voxel round each point is free; outside the grid nothing is."""
    voxels = voxel_of(grid, points_m)
    inside = np.all((voxels >= 0) & (voxels < grid.free.shape), axis=1)
    free = np.zeros(len(points_m), dtype=bool)
    free[inside] = grid.free[tuple(voxels[inside].T)]
    return free
