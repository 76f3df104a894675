"""Which places one can move between in a straight line, and with how much room to the sides."""

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from scipy.spatial import KDTree

from hydra_mono.core.freespace import FreeSpace

_Pairs = Int64[np.ndarray, "n 2"]


def near_pairs(
    center_m: Float64[np.ndarray, "n 3"],
    is_fresh: Bool[np.ndarray, " n"],
    *,
    neighbours: int,
    max_length_m: float,
) -> _Pairs:
    """Every fresh point with its nearest neighbours; lower row first, sorted, each pair once."""
    fresh = np.flatnonzero(is_fresh)
    if len(center_m) < 2 or not len(fresh):
        return np.zeros((0, 2), np.int64)
    count = min(neighbours + 1, len(center_m))
    _, near = KDTree(center_m).query(center_m[fresh], k=count, distance_upper_bound=max_length_m)
    pairs = np.stack([np.repeat(fresh, count), near.ravel()], axis=1)
    pairs = pairs[(pairs[:, 1] < len(center_m)) & (pairs[:, 0] != pairs[:, 1])]
    return np.asarray(np.unique(np.sort(pairs, axis=1), axis=0))


def segment_clearance_m(
    space: FreeSpace, start_m: Float64[np.ndarray, "n 3"], end_m: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, " n"]:
    """Least distance to a surface along each segment; 0 where it leaves what was seen free."""
    if not len(start_m):
        return np.zeros(0)
    longest = float(np.linalg.norm(end_m - start_m, axis=1).max())
    steps = np.linspace(0.0, 1.0, int(np.ceil(longest / space.voxel_size_m)) + 2)
    points = start_m[:, None] + (end_m - start_m)[:, None] * steps[:, None]
    flat = points.reshape(-1, 3)
    distance = distance_at(space, flat).reshape(points.shape[:2])
    voxels = space.voxel_of(flat)
    is_free = np.zeros(len(flat), bool)
    inside = np.all((voxels >= 0) & (voxels < space.distance_m.shape), axis=1)
    is_free[inside] = space.observed_free[tuple(voxels[inside].T)]
    return np.where(is_free.reshape(distance.shape), distance, 0.0).min(axis=1)


def distance_at(
    space: FreeSpace, points_m: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, " n"]:
    """The distance field between voxel centres, by trilinear interpolation; 0 outside the box."""
    shape = np.array(space.distance_m.shape)
    position = points_m / space.voxel_size_m - space.lower - 0.5
    is_inside = np.all((position >= 0) & (position <= shape - 1), axis=1)
    position = np.clip(position, 0, shape - 1)
    base = np.minimum(position.astype(np.int64), np.maximum(shape - 2, 0))
    part = position - base
    stride = np.array([shape[1] * shape[2], shape[2], 1])
    corner = base @ stride
    field = space.distance_m.ravel()
    value = np.zeros(len(points_m))
    for offset in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(offset, part, 1 - part), axis=1)
        step = int(np.minimum(offset, shape - 1) @ stride)
        value += weight * field[corner + step]
    return np.where(is_inside, value, 0.0)


def without_detours(
    pairs: _Pairs,
    center_m: Float64[np.ndarray, "n 3"],
    clearance_m: Float64[np.ndarray, " e"],
) -> Bool[np.ndarray, " e"]:
    """False for pairs better joined over a third point: both legs shorter, neither narrower.

    The relative neighbourhood graph (Toussaint 1980), with clearance. By induction on length,
    what is dropped can be reached as widely over what is kept, so the widest path between any
    two points is as wide as before.
    """
    count = len(center_m)
    width = np.zeros((count, count), np.float32)
    width[pairs[:, 0], pairs[:, 1]] = clearance_m
    width = np.maximum(width, width.T)
    lengths = np.linalg.norm(center_m[pairs[:, 0]] - center_m[pairs[:, 1]], axis=1)
    length = np.full((count, count), np.inf, np.float32)
    length[pairs[:, 0], pairs[:, 1]] = lengths
    length = np.minimum(length, length.T)
    keep = np.ones(len(pairs), bool)
    for row in np.unique(pairs[:, 0]).tolist():
        mine = np.flatnonzero(pairs[:, 0] == row)
        keep[mine] = ~_has_detour(row, pairs[mine, 1], width, length)
    return keep


def _has_detour(
    row: int,
    ends: Int64[np.ndarray, " n"],
    width: Float32[np.ndarray, "m m"],
    length: Float32[np.ndarray, "m m"],
) -> Bool[np.ndarray, " n"]:
    via = np.flatnonzero(width[row] > 0)
    shorter = np.maximum(length[row, via], length[np.ix_(ends, via)]) < length[row, ends, None]
    as_wide = np.minimum(width[row, via], width[np.ix_(ends, via)]) >= width[row, ends, None]
    return np.asarray(np.any(shorter & as_wide, axis=1))
