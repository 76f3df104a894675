"""Few balls that fill much of the free space, chosen greedily by the volume each adds."""

import functools
import heapq
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.core.freespace import FreeSpace

Inside = list[Int64[np.ndarray, " _"]]  # samples of each ball

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


@runtime_checkable
class Borders(Protocol):
    """Knows where one room ends and the next begins, as far as it has been seen."""

    def past_border_m(
        self, center_m: Float64[np.ndarray, "n 3"], radius_m: Float64[np.ndarray, " n"]
    ) -> Float64[np.ndarray, " n"]:
        """How far balls reach past the nearest border; below 0 where they do not."""
        ...


def crosses_border(
    balls: Balls, max_past_m: float, borders: Borders | None
) -> Bool[np.ndarray, " n"]:
    """Rejects places that cross a room boundary: balls that reach too far past one."""
    if borders is None or not len(balls):
        return np.zeros(len(balls), bool)
    past_m = borders.past_border_m(balls.center_m, balls.radius_m)
    return np.asarray(past_m > max_past_m)


class Samples:
    """Points on every second voxel of the changed box, each standing for some volume.

    Those in balls are free whatever the voxels say: a ball reaches to the surface itself.
    """

    def __init__(self, space: FreeSpace, max_radius_m: float) -> None:
        corner = space.lower + space.changed_lower
        first = corner + -corner % _STRIDE  # the same points from box to box
        shape = (space.lower + space.changed_upper - first + _STRIDE - 1) // _STRIDE
        reach = int(np.ceil(max_radius_m / (_STRIDE * space.voxel_size_m))) + 1
        margin = 2 * reach  # a ball that touches the box may lie outside
        self.is_counted = np.pad(np.ones(shape, bool), margin).ravel()
        shape = shape + 2 * margin
        self._strides = np.array([shape[1] * shape[2], shape[2], 1])
        self._stencils = [(square, steps @ self._strides) for square, steps in _stencils(reach)]
        self._origin = first + 0.5 - _STRIDE * margin
        self._voxel_size_m = space.voxel_size_m
        self.volume_m3 = (_STRIDE * space.voxel_size_m) ** 3

    def inside(self, balls: Balls) -> Inside:
        """The samples in each ball, counted or not; balls lie round centres of voxels."""
        centers = np.rint(balls.center_m / self._voxel_size_m - self._origin).astype(np.int64)
        squares = (balls.radius_m / self._voxel_size_m) ** 2
        start = centers // _STRIDE @ self._strides
        parity = centers % _STRIDE @ np.array([4, 2, 1])
        found = []
        for kind, base, square in zip(
            parity.tolist(), start.tolist(), squares.tolist(), strict=True
        ):
            distance, steps = self._stencils[kind]
            found.append(steps[: distance.searchsorted(square, "right")] + base)
        return found


@functools.cache
def _stencils(reach: int) -> list[tuple[Float64[np.ndarray, " n"], Int64[np.ndarray, "n 3"]]]:
    """Squared distance (voxels) and step to samples, nearest first, by where a voxel lies."""
    steps = np.indices((2 * reach + 1,) * 3).reshape(3, -1).T - reach
    stencils = []
    for parity in np.ndindex(_STRIDE, _STRIDE, _STRIDE):
        square = np.sum((steps * _STRIDE - np.array(parity)) ** 2, axis=1).astype(np.float64)
        order = np.argsort(square, kind="stable")
        stencils.append((square[order], steps[order]))
    return stencils


def drop_redundant(
    inside: Inside,
    counts: Int64[np.ndarray, " all"],
    rows: Int64[np.ndarray, " n"],
    min_samples: float,
) -> list[int]:
    """Those of ``rows``, in that order, that hold too few samples alone; taken out of ``counts``.

    ``counts``: how many balls hold each sample.
    """
    dropped = []
    for row in rows.tolist():
        if np.count_nonzero(counts[inside[row]] == 1) < min_samples:
            counts[inside[row]] -= 1
            dropped.append(row)
    return dropped


def choose_balls(
    inside: Inside, is_open: Bool[np.ndarray, " all"], min_samples: float
) -> Int64[np.ndarray, " k"]:
    """Rows of the balls that cover the open samples, most of them first; they are closed.

    Greedy maximum coverage with lazy gains (Minoux 1978): a gain only ever shrinks, so only the
    top of the heap is computed anew. Stops when the best adds fewer than ``min_samples``.
    """
    gains = [int(np.count_nonzero(is_open[samples])) for samples in inside]
    heap = [(-gain, row) for row, gain in enumerate(gains) if gain >= min_samples]
    heapq.heapify(heap)
    chosen = []
    while heap:
        _, row = heapq.heappop(heap)
        gain = int(np.count_nonzero(is_open[inside[row]]))
        if gain < min_samples:
            continue
        if heap and gain < -heap[0][0]:
            heapq.heappush(heap, (-gain, row))
            continue
        is_open[inside[row]] = False
        chosen.append(row)
    return np.array(chosen, np.int64)
