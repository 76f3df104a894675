"""Which places one can move between in a straight line, and with how much room to the sides."""

import numpy as np
from jaxtyping import Bool, Float64, Int, Int64
from scipy.spatial import KDTree

from hydra_mono.core.freespace import FreeSpace

_Pairs = Int64[np.ndarray, "_ 2"]


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
    distance = distance_at(space, points.reshape(-1, 3), reach=0).reshape(points.shape[:2])
    tightest = points[np.arange(len(points)), distance.argmin(axis=1)]
    return np.asarray(np.minimum(distance.min(axis=1), distance_at(space, tightest, reach=1)))


def distance_at(
    space: FreeSpace, points_m: Float64[np.ndarray, "n 3"], *, reach: int
) -> Float64[np.ndarray, " n"]:
    """Distance to the surfaces nearest to the voxels round each point; 0 where it is not free.

    ``reach``: how many voxels away to ask; with 1 the answer is good to a few millimetres, with
    0 it may be too large by as much as the point is off the middle of its voxel.
    """
    shape = np.array(space.distance_m.shape)
    voxels = space.voxel_of(points_m)
    rows = np.flatnonzero(np.all((voxels >= 0) & (voxels < shape), axis=1))
    rows = rows[space.observed_free[tuple(voxels[rows].T)]]
    square = np.full(len(rows), (space.max_distance_m / space.voxel_size_m) ** 2)
    points = points_m[rows] / space.voxel_size_m - space.lower
    for step in np.ndindex(*(2 * reach + 1,) * 3):
        beside = np.clip(voxels[rows] + (np.array(step) - reach), 0, shape - 1)
        square = np.minimum(square, np.sum((_surface(space, beside) - points) ** 2, axis=1))
    distance = np.zeros(len(points_m))
    distance[rows] = np.sqrt(square) * space.voxel_size_m
    return distance


def recentred(space: FreeSpace, center_m: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    """The points moved inside their voxels to where they are farthest from any surface."""
    grid = (np.indices((5, 5, 5)).reshape(3, -1).T - 2) * (0.2 * space.voxel_size_m)
    steps = grid[np.argsort(np.sum(grid**2, axis=1), kind="stable")]
    options = (center_m[:, None] + steps).reshape(-1, 3)
    distance = distance_at(space, options, reach=1).reshape(-1, len(steps))
    best = np.round(distance, 4).argmax(axis=1)
    return np.asarray(center_m + steps[best])


def _surface(space: FreeSpace, voxels: Int[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    """The surface nearest to each voxel, in voxels from the corner of the box."""
    parent = space.parent[tuple(voxels.T)] - space.lower
    if space.surface_offset is None:
        return np.asarray(parent + 0.5)
    inside = np.clip(parent, 0, np.array(space.distance_m.shape) - 1)
    return np.asarray(parent + (space.surface_offset[tuple(inside.T)] + 0.5) / 256)


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
    mine, other = pairs[:, 0], pairs[:, 1]
    via = _neighbour_table(pairs, count)[mine]  # e × k; a point is no detour: it has no width
    legs = np.maximum(length[mine[:, None], via], length[other[:, None], via])
    widths = np.minimum(width[mine[:, None], via], width[other[:, None], via])
    is_detour = (legs < length[mine, other, None]) & (widths >= width[mine, other, None])
    return np.asarray(~np.any(is_detour, axis=1))


def _neighbour_table(pairs: _Pairs, count: int) -> Int64[np.ndarray, "n k"]:
    """Each point's neighbours; short rows are filled up with the point itself."""
    mine = np.concatenate([pairs[:, 0], pairs[:, 1]])
    other = np.concatenate([pairs[:, 1], pairs[:, 0]])
    order = np.argsort(mine, kind="stable")
    degree = np.bincount(mine, minlength=count)
    place = np.arange(len(mine)) - np.repeat(np.cumsum(degree) - degree, degree)
    table = np.repeat(np.arange(count)[:, None], max(1, int(degree.max(initial=0))), axis=1)
    table[mine[order], place] = other[order]
    return table
