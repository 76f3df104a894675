"""Few balls that fill much of the free space, chosen greedily by the volume each adds."""

import heapq
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

_STRIDE = 2  # volume is counted on every second voxel along each axis


@dataclass(frozen=True, slots=True)
class Balls:
    """Balls of free space; ``basis_points``: how many surfaces each is wedged between."""

    center_m: Float64[np.ndarray, "n 3"]
    radius_m: Float64[np.ndarray, " n"]
    basis_points: Int64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.radius_m)

    def take(self, rows: np.ndarray) -> "Balls":
        """The balls of some rows or of a mask."""
        return Balls(self.center_m[rows], self.radius_m[rows], self.basis_points[rows])

    def plus(self, other: "Balls") -> "Balls":
        return Balls(
            np.concatenate([self.center_m, other.center_m]),
            np.concatenate([self.radius_m, other.radius_m]),
            np.concatenate([self.basis_points, other.basis_points]),
        )


class Coverage:
    """How many balls each bit of free space lies in."""

    def __init__(
        self, free: Bool[np.ndarray, "x y z"], lower: Int32[np.ndarray, "3"], voxel_size_m: float
    ) -> None:
        self._free = free[::_STRIDE, ::_STRIDE, ::_STRIDE]
        self._count = np.zeros(self._free.shape, np.uint16)
        self._spacing_m = _STRIDE * voxel_size_m
        self._origin = (lower + 0.5) / _STRIDE
        self._litre_m3 = self._spacing_m**3

    def add(self, center_m: Float64[np.ndarray, "3"], radius_m: float) -> None:
        window, inside = self._ball(center_m, radius_m)
        self._count[window] += inside

    def remove(self, center_m: Float64[np.ndarray, "3"], radius_m: float) -> None:
        window, inside = self._ball(center_m, radius_m)
        self._count[window] -= inside

    def volume_m3(self, center_m: Float64[np.ndarray, "3"], radius_m: float, among: int) -> float:
        """Free volume of a ball that lies in just ``among`` of the balls added so far."""
        window, inside = self._ball(center_m, radius_m)
        inside &= self._count[window] == among
        return float(np.count_nonzero(inside) * self._litre_m3)

    def _ball(
        self, center_m: Float64[np.ndarray, "3"], radius_m: float
    ) -> tuple[tuple[slice, ...], Bool[np.ndarray, "x y z"]]:
        reach = radius_m / self._spacing_m
        squares, window = [], []
        for axis in range(3):
            centre = center_m[axis] / self._spacing_m - self._origin[axis]
            first = max(int(np.ceil(centre - reach)), 0)
            last = max(min(int(np.floor(centre + reach)) + 1, self._free.shape[axis]), first)
            window.append(slice(first, last))
            squares.append((np.arange(first, last) - centre) ** 2)
        x, y, z = squares
        inside = (x[:, None, None] + y[:, None]) + z <= reach * reach
        inside &= self._free[tuple(window)]
        return tuple(window), inside


def drop_redundant(
    coverage: Coverage, balls: Balls, rows: Int64[np.ndarray, " n"], min_volume_m3: float
) -> Bool[np.ndarray, " m"]:
    """Takes those of ``rows`` out of the cover that add too little; True for balls that stay.

    All ``balls`` must have been added. The smallest go first.
    """
    stays = np.ones(len(balls), bool)
    for row in rows[np.lexsort((rows, balls.radius_m[rows]))].tolist():
        ball = balls.center_m[row], float(balls.radius_m[row])
        if coverage.volume_m3(*ball, among=1) < min_volume_m3:
            coverage.remove(*ball)
            stays[row] = False
    return stays


def choose_balls(
    coverage: Coverage, candidates: Balls, min_volume_m3: float
) -> Int64[np.ndarray, " n"]:
    """Rows of the candidates that fill the uncovered space, most volume first.

    Greedy maximum coverage with lazy gains (Minoux 1978): a gain only ever shrinks, so the top
    of the heap is only recomputed, not all. Stops when the best adds less than
    ``min_volume_m3``; chosen balls are added to the coverage.
    """
    center, radius = candidates.center_m, candidates.radius_m.tolist()
    heap = [(-4.2 * r**3, row) for row, r in enumerate(radius)]
    heapq.heapify(heap)
    chosen = []
    while heap and -heap[0][0] >= min_volume_m3:
        _, row = heapq.heappop(heap)
        gain = coverage.volume_m3(center[row], radius[row], among=0)
        if gain < min_volume_m3:
            continue
        if heap and gain < -heap[0][0]:
            heapq.heappush(heap, (-gain, row))
            continue
        coverage.add(center[row], radius[row])
        chosen.append(row)
    return np.array(chosen, np.int64)
