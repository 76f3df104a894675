"""Boxes of objects, as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.graph.model.nodes import ObjectNode, Position
from hydra_mono.graph.model.symbols import NodeSymbol


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of the objects that are there, as arrays; row i is ``symbols[i]``, sorted.

    ``reach_m``: half the diagonal, so that a box lies within so much of its centre; ``half_m``:
    half of it seen from above, and half the height. ``sides_m``: half the lengths of its sides
    seen from above; ``turn``: cosine and sine of its yaw.
    """

    symbols: tuple[NodeSymbol, ...]
    row_of: Mapping[NodeSymbol, int]
    centers_m: Float64[np.ndarray, "n 3"]
    reach_m: Float64[np.ndarray, " n"]
    half_m: Float64[np.ndarray, "n 2"]
    sides_m: Float64[np.ndarray, "n 2"]
    turn: Float64[np.ndarray, "n 2"]

    def near(self, center_m: Position, reach_m: float) -> list[NodeSymbol]:
        """Objects whose boxes may be no farther than that from a point; a superset, sorted."""
        return [self.symbols[i] for i in self.rows_near(center_m, reach_m)]

    def rows_near(self, center_m: Position, reach_m: float) -> Int64[np.ndarray, " m"]:
        """Rows of what ``near`` finds."""
        away_m = np.linalg.norm(self.centers_m - np.array(center_m), axis=1)
        return np.flatnonzero(away_m - self.reach_m <= reach_m)

    def is_over(
        self, rows: Int64[np.ndarray, " m"], points_m: Float64[np.ndarray, "k 3"]
    ) -> Bool[np.ndarray, "k m"]:
        """Which points lie over, in or under which boxes."""
        offset_m = points_m[:, None, :2] - self.centers_m[rows, :2]
        cos, sin = self.turn[rows].T
        along_m = cos * offset_m[..., 0] + sin * offset_m[..., 1]
        across_m = cos * offset_m[..., 1] - sin * offset_m[..., 0]
        inside = np.abs(np.stack([along_m, across_m], axis=-1)) <= self.sides_m[rows]
        return np.asarray(inside.all(axis=-1))


def boxes_of(objects: Mapping[NodeSymbol, ObjectNode]) -> Boxes:
    """The boxes of some objects, in their order."""
    sizes_m = np.array([n.box.dimensions_m for n in objects.values()], np.float64).reshape(-1, 3)
    yaw_rad = np.array([n.box.yaw_rad for n in objects.values()], np.float64)
    half_m = np.column_stack([np.linalg.norm(sizes_m[:, :2], axis=1), sizes_m[:, 2]]) / 2
    return Boxes(
        symbols=tuple(objects),
        row_of={symbol: row for row, symbol in enumerate(objects)},
        centers_m=np.array([n.box.center_m for n in objects.values()], np.float64).reshape(-1, 3),
        reach_m=np.linalg.norm(sizes_m, axis=1) / 2,
        half_m=half_m,
        sides_m=sizes_m[:, :2] / 2,
        turn=np.column_stack([np.cos(yaw_rad), np.sin(yaw_rad)]),
    )
