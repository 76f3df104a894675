"""How far points and segments are from the nearest surface, and from unknown space."""

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from scipy.spatial import KDTree

from hydra_mono.core.freespace import FreeSpace


class Clearance:
    """Distances between the centres of voxels, from the surfaces nearest to the voxels round.

    A surface is known to where it lies in its voxel, so distances are good to a few millimetres
    before a plane and to half a voxel before the edges and corners of objects.
    """

    def __init__(self, space: FreeSpace) -> None:
        self.space = space
        self._size_m = space.voxel_size_m
        shape = space.distance_m.shape
        self._shape = np.array(shape, np.int32)
        self._strides = np.array([shape[1] * shape[2], shape[2], 1])
        self._is_free = space.observed_free.ravel()
        self._parents = [space.parent[..., axis].ravel() for axis in range(3)]
        self._offset = None if space.surface_offset is None else space.surface_offset.reshape(-1, 3)
        around = np.array([stride * sign for stride in self._strides for sign in (1, -1)])
        self._around = np.concatenate([[0], around])

    def at(self, points_m: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, " n"]:
        """Distance to the nearest surface; 0 where it is not free."""
        points, flat, is_free = self._locate(points_m)
        beside = np.clip(flat + self._around[:, None], 0, len(self._is_free) - 1)
        square = self._square(beside.ravel(), np.tile(points, (1, len(beside))))
        nearest = square.reshape(beside.shape).min(axis=0)
        return np.where(is_free, np.sqrt(nearest) * self._size_m, 0.0).astype(np.float64)

    def along(
        self, start_m: Float64[np.ndarray, "n 3"], end_m: Float64[np.ndarray, "n 3"]
    ) -> Float64[np.ndarray, " n"]:
        """Least distance to a surface along each segment; 0 where it leaves what is free."""
        if not len(start_m):
            return np.zeros(0)
        points = _points_along(start_m, end_m, self._size_m)
        relative, flat, is_free = self._locate(points.reshape(-1, 3))
        square = np.where(is_free, self._square(flat, relative), 0).reshape(points.shape[:2])
        tightest = points[np.arange(len(points)), square.argmin(axis=1)]
        least = np.sqrt(square.min(axis=1)) * self._size_m
        return np.asarray(np.minimum(least, self.at(tightest)), dtype=np.float64)

    def recentred(self, center_m: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """The points moved inside their voxels to where they are farthest from any surface."""
        grid = (np.indices((5, 5, 5)).reshape(3, -1).T - 2) * (0.2 * self._size_m)
        steps = grid[np.argsort(np.sum(grid**2, axis=1), kind="stable")]
        options = (center_m[:, None] + steps).reshape(-1, 3)
        distance = self.at(options).reshape(-1, len(steps))
        best = np.round(distance, 4).argmax(axis=1)
        return np.asarray(center_m + steps[best])

    def _locate(
        self, points_m: Float64[np.ndarray, "n 3"]
    ) -> tuple[Float32[np.ndarray, "3 n"], Int64[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
        """Points in voxels from the box's corner, flat indices of theirs, and which are free."""
        points = (points_m / self._size_m - self.space.lower).astype(np.float32)
        voxels = np.floor(points).astype(np.int64)
        is_inside = np.all((voxels >= 0) & (voxels < self._shape), axis=1)
        flat = np.where(is_inside, voxels @ self._strides, 0)
        return np.ascontiguousarray(points.T), flat, is_inside & self._is_free[flat]

    def _square(
        self, flat: Int64[np.ndarray, " n"], points: Float32[np.ndarray, "3 n"]
    ) -> Float32[np.ndarray, " n"]:
        """Squared distance, in voxels, from each point to the surface nearest to a voxel."""
        lower = self.space.lower
        parent = [column[flat] - lower[axis] for axis, column in enumerate(self._parents)]
        total = np.zeros(len(flat), np.float32)
        if self._offset is not None:
            at = sum(column * stride for column, stride in zip(parent, self._strides, strict=True))
            inside = (self._offset[at] + np.float32(0.5)) / np.float32(256)
        for axis, column in enumerate(parent):
            within = np.float32(0.5) if self._offset is None else inside[:, axis]
            gap = column - points[axis] + within
            total += gap * gap
        cap = np.float32((self.space.max_distance_m / self._size_m) ** 2)
        return np.minimum(total, cap)


class UnknownSpace:
    """Unseen voxels beside free ones: whatever they hide may begin right there."""

    def __init__(self, space: FreeSpace) -> None:
        self._size_m = space.voxel_size_m
        voxels = np.argwhere(_unknown_beside_free(space)).astype(np.int32)
        self._tree = KDTree(space.centre_of(voxels)) if len(voxels) else None

    def along(
        self,
        start_m: Float64[np.ndarray, "n 3"],
        end_m: Float64[np.ndarray, "n 3"],
        up_to_m: float = np.inf,
    ) -> Float64[np.ndarray, " n"]:
        """Least distance of each segment to an unseen voxel; infinite where there is none.

        Beyond ``up_to_m`` it may be infinite too: what nobody needs is not searched for.
        """
        if self._tree is None or not len(start_m):
            return np.full(len(start_m), np.inf)
        points = _points_along(start_m, end_m, self._size_m)
        distance = self._to_voxel(points.reshape(-1, 3), max(up_to_m, 0.0) + self._size_m)
        return np.asarray(distance.reshape(points.shape[:2]).min(axis=1))

    def _to_voxel(
        self, points_m: Float64[np.ndarray, "n 3"], reach_m: float
    ) -> Float64[np.ndarray, " n"]:
        """Distance to the nearest point of the voxel whose centre is nearest, and in reach."""
        assert self._tree is not None
        _, nearest = self._tree.query(points_m, distance_upper_bound=reach_m)
        found = np.flatnonzero(nearest < self._tree.n)
        gap = np.abs(points_m[found] - self._tree.data[nearest[found]]) - self._size_m / 2
        distance = np.full(len(points_m), np.inf)
        distance[found] = np.linalg.norm(np.maximum(gap, 0.0), axis=1)
        return distance


def _points_along(
    start_m: Float64[np.ndarray, "n 3"], end_m: Float64[np.ndarray, "n 3"], step_m: float
) -> Float64[np.ndarray, "n k 3"]:
    """Points on segments, at most ``step_m`` apart."""
    longest_m = float(np.linalg.norm(end_m - start_m, axis=1).max())
    steps = np.linspace(0.0, 1.0, int(np.ceil(longest_m / step_m)) + 2)
    return np.asarray(start_m[:, None] + (end_m - start_m)[:, None] * steps[:, None])


def _unknown_beside_free(space: FreeSpace) -> Bool[np.ndarray, "x y z"]:
    """Unseen voxels that share a face with a free one, of what is large enough to hide anything.

    Unknown space narrower than two voxels counts as what was seen around it.
    """
    beside = np.zeros(space.observed_free.shape, bool)
    if space.unseen is None:
        return beside
    for axis in range(3):
        free, near = (np.moveaxis(grid, axis, 0) for grid in (space.observed_free, beside))
        near[1:] |= free[:-1]
        near[:-1] |= free[1:]
    return np.asarray(beside & _in_cubes(space.unseen))


def _in_cubes(cells: Bool[np.ndarray, "x y z"]) -> Bool[np.ndarray, "x y z"]:
    """Cells that are part of a cube of 2³ of them: an opening, axis by axis."""
    for axis in range(3):
        along = np.moveaxis(cells, axis, 0)
        cells = np.moveaxis(along[1:] & along[:-1], 0, axis)
    for axis in range(3):
        along = np.moveaxis(cells, axis, 0)
        wide = np.zeros((len(along) + 1, *along.shape[1:]), bool)
        wide[1:] = along
        wide[:-1] |= along
        cells = np.moveaxis(wide, 0, axis)
    return cells
