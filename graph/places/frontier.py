"""Where free space ends at what nobody has seen into."""

import numpy as np
from jaxtyping import Bool, Float64
from scipy.spatial import KDTree

from hydra_mono.core.freespace import FreeSpace

_SIDE = 2  # voxels; less is taken to be a part of what was seen around it


class Frontier:
    """Unseen voxels beside free ones: whatever they hide may begin right there."""

    def __init__(self, space: FreeSpace) -> None:
        self._size_m = space.voxel_size_m
        voxels = np.argwhere(_beside_free(space)).astype(np.int32)
        self._tree = KDTree(space.centre_of(voxels)) if len(voxels) else None

    def along(
        self, start_m: Float64[np.ndarray, "n 3"], end_m: Float64[np.ndarray, "n 3"]
    ) -> Float64[np.ndarray, " n"]:
        """Least distance of each segment to an unseen voxel; infinite where there is none."""
        if self._tree is None or not len(start_m):
            return np.full(len(start_m), np.inf)
        longest = float(np.linalg.norm(end_m - start_m, axis=1).max())
        steps = np.linspace(0.0, 1.0, int(np.ceil(longest / self._size_m)) + 2)
        points = start_m[:, None] + (end_m - start_m)[:, None] * steps[:, None]
        distance = self._to_voxel(points.reshape(-1, 3))
        return np.asarray(distance.reshape(points.shape[:2]).min(axis=1))

    def _to_voxel(self, points_m: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, " n"]:
        """Distance to the nearest point of the voxel whose centre is nearest."""
        assert self._tree is not None
        _, nearest = self._tree.query(points_m)
        gap = np.abs(points_m - self._tree.data[nearest]) - self._size_m / 2
        return np.asarray(np.linalg.norm(np.maximum(gap, 0.0), axis=1))


def _beside_free(space: FreeSpace) -> Bool[np.ndarray, "x y z"]:
    """Unseen voxels that share a face with a free one, of what is large enough to hide things."""
    beside = np.zeros(space.observed_free.shape, bool)
    if space.unseen is None:
        return beside
    for axis in range(3):
        free, near = (np.moveaxis(grid, axis, 0) for grid in (space.observed_free, beside))
        near[1:] |= free[:-1]
        near[:-1] |= free[1:]
    return np.asarray(beside & _without_slivers(space.unseen))


def _without_slivers(unseen: Bool[np.ndarray, "x y z"]) -> Bool[np.ndarray, "x y z"]:
    """The union of all cubes of ``_SIDE`` voxels that were not seen at all."""
    whole = unseen
    for axis in range(3):
        along = np.moveaxis(whole, axis, 0)
        count = max(len(along) - _SIDE + 1, 0)
        rows = [along[k : count + k] for k in range(_SIDE)]
        whole = np.moveaxis(np.logical_and.reduce(rows), 0, axis)
    for axis in range(3):
        along = np.moveaxis(whole, axis, 0)
        wide = np.zeros((len(along) + _SIDE - 1, *along.shape[1:]), bool)
        for k in range(_SIDE):
            wide[k : len(along) + k] |= along
        whole = np.moveaxis(wide, 0, axis)
    return whole
