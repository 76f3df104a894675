"""Places of several robots by where they are."""

from collections.abc import Iterator

import numpy as np
from scipy.spatial import KDTree

from hydra_mono.graph.merge.robots import robot_of
from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.symbols import NodeSymbol


class Balls:
    """Places by where they are."""

    def __init__(self, places: dict[NodeSymbol, PlaceNode]) -> None:
        self.symbols = sorted(places)
        self.places = places
        self.robots = np.array([robot_of(s) for s in self.symbols], np.int64)
        self.centers_m = np.array([places[s].position_m for s in self.symbols]).reshape(-1, 3)
        self.radius_m = np.array([places[s].radius_m for s in self.symbols], np.float64)
        self.tree = KDTree(self.centers_m) if self.symbols else None

    def pairs(self, within_m: float) -> Iterator[tuple[int, int, float]]:
        """Rows of places of two robots with centres so close, nearest first; lower robot first."""
        if self.tree is None:
            return
        rows = self.tree.query_pairs(within_m, output_type="ndarray")
        rows = rows[self.robots[rows[:, 0]] != self.robots[rows[:, 1]]]
        away_m = np.linalg.norm(self.centers_m[rows[:, 0]] - self.centers_m[rows[:, 1]], axis=1)
        for i in np.lexsort((rows[:, 1], rows[:, 0], away_m)).tolist():
            a, b = sorted(rows[i].tolist(), key=lambda row: (self.robots[row], row))
            yield a, b, float(away_m[i])
