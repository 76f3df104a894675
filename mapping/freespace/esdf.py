"""Euclidean distance to the nearest surface, finer than the voxels it is kept on."""

import numpy as np
from jaxtyping import Bool, Float32, Int8, Int32, Int64, UInt8
from scipy import ndimage

_FACING_AWAY = 0.5  # cosine 60°; with the length of the mean normal: how much of it agrees
_Rows = Int64[np.ndarray, " n"]


def distance_field(
    is_solid: Bool[np.ndarray, "x y z"],
    offset: UInt8[np.ndarray, "x y z 3"],
    is_wanted: Bool[np.ndarray, "x y z"],
    *,
    voxel_size_m: float,
    max_distance_m: float,
) -> tuple[Float32[np.ndarray, "x y z"], Int32[np.ndarray, "x y z 3"]]:
    """Distance of the wanted voxels' centres to the nearest surface, and every voxel's nearest.

    ``offset``: where in its voxel the surface lies, in 1/256 of a voxel; used at solid voxels.
    The nearest solid voxel comes from the exact Euclidean feature transform (Maurer, Qi and
    Raghavan, PAMI 2003); the distance is then taken to the surface in it. Halfway between two
    surfaces the nearer voxel need not hold the nearer surface, so at the wanted voxels the nearest
    of the six neighbours are candidates too.
    Where nothing is solid, distances are ``max_distance_m`` and parents the voxels themselves;
    at voxels not wanted distances are 0.
    """
    distance = np.zeros(is_solid.shape, np.float32)
    if not is_solid.any():
        distance[is_wanted] = max_distance_m
        return distance, np.moveaxis(np.indices(is_solid.shape, np.int32), 0, -1)
    parent = ndimage.distance_transform_edt(~is_solid, return_distances=False, return_indices=True)
    voxels = np.flatnonzero(is_wanted & ~is_solid)
    surfaces = _Surfaces(parent, offset)
    square = surfaces.settle(voxels)
    distance.ravel()[voxels] = np.minimum(np.sqrt(square) * voxel_size_m, max_distance_m)
    return distance, np.moveaxis(parent, 0, -1)


def behind_surface(
    is_wanted: Bool[np.ndarray, "x y z"],
    parent: Int32[np.ndarray, "x y z 3"],
    normal: Int8[np.ndarray, "x y z 3"],
) -> Bool[np.ndarray, "x y z"]:
    """Wanted voxels on the far side of the surface they are nearest to: inside of objects.

    ``normal``: mean normal times 127 at surface voxels. Where a surface faces several directions,
    as thin boards do, the mean is short and no voxel is behind.
    """
    voxels = np.flatnonzero(is_wanted)
    at = np.unravel_index(voxels, is_wanted.shape)
    parents = [parent[..., axis].ravel()[voxels] for axis in range(3)]
    facing = normal.reshape(-1, 3)[np.ravel_multi_index(tuple(parents), is_wanted.shape)]
    along, square = np.zeros(len(voxels), np.float32), np.zeros(len(voxels), np.float32)
    for axis in range(3):
        away = (at[axis] - parents[axis]).astype(np.float32)
        along += away * facing[:, axis]
        square += away * away
    result = np.zeros(is_wanted.shape, bool)
    result.ravel()[voxels] = along < -127 * _FACING_AWAY * np.sqrt(square)
    return result


class _Surfaces:
    """The surface nearest to each voxel, by the voxel's flat index; lengths in voxels."""

    def __init__(
        self, parent: Int32[np.ndarray, "3 x y z"], offset: UInt8[np.ndarray, "x y z 3"]
    ) -> None:
        self._shape = offset.shape[:3]
        self._parent = parent.reshape(3, -1)
        self._offset = offset.reshape(-1, 3)
        strides = self._shape[1] * self._shape[2], self._shape[2], 1
        self._steps = [step for stride in strides for step in (stride, -stride)]
        i, j, k = self._parent
        self._nearest = np.asarray(i * np.int32(strides[0]) + j * np.int32(strides[1]) + k)

    def settle(self, voxels: _Rows) -> Float32[np.ndarray, " n"]:
        """Gives each voxel the nearest of its own and its neighbours' surfaces; squares of it."""
        at = np.unravel_index(voxels, self._shape)
        centre = [column.astype(np.float32) + np.float32(0.5) for column in at]
        own = self._nearest[voxels]
        source, square = voxels.copy(), self._square(voxels, centre)
        for step in self._steps:
            beside = np.clip(voxels + step, 0, len(self._nearest) - 1)
            other = self._nearest[beside]
            rows = np.flatnonzero((other != own) & (other != own + step))
            there = self._square(beside[rows], [column[rows] for column in centre])
            nearer = there < square[rows]
            source[rows[nearer]], square[rows[nearer]] = beside[rows[nearer]], there[nearer]
        self._parent[:, voxels] = self._parent[:, source]
        return square

    def _square(self, at: _Rows, centre: list[np.ndarray]) -> Float32[np.ndarray, " n"]:
        """Squared distance from each centre to the surface nearest to voxel ``at``."""
        offset = self._offset[self._nearest[at]]
        total = np.zeros(len(at), np.float32)
        for axis in range(3):
            inside = (offset[:, axis] + np.float32(0.5)) / np.float32(256)
            gap = self._parent[axis, at] - centre[axis] + inside
            total += gap * gap
        return total
