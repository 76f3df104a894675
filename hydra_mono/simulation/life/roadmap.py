"""Paths between many spots of a storey: one search a spot, remembered."""

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.sparse.csgraph import dijkstra

from hydra_mono.simulation.building.walkable import CELL_M, WalkMap, smooth, walk_graph

SPOT_SPACING_M = 0.8  # between spots that people choose to go to
ROOMY_M = 0.4  # from obstacles: where people stand


class Roadmap:
    """Spots are numbered; ``spots_m`` grows by ``add``. Only what a walker can reach is known."""

    def __init__(self, walk_map: WalkMap) -> None:
        self.walk_map = walk_map
        self._passable = walk_map.reachable()
        self._graph, self._cells = walk_graph(walk_map.clearance_m, self._passable)
        self._number_of = np.full(self._passable.shape, -1, np.int64)
        self._number_of[tuple(self._cells.T)] = np.arange(len(self._cells))
        self._nodes: list[int] = []
        self._paths: dict[tuple[int, int], Float64[np.ndarray, "n 2"]] = {}
        self._before: dict[int, Int64[np.ndarray, " n"]] = {}

    @property
    def spots_m(self) -> Float64[np.ndarray, "n 2"]:
        cells = self._cells[np.array(self._nodes, np.int64)]
        return np.asarray(self.walk_map.origin_m + cells * CELL_M)

    def spread(self, rng: np.random.Generator) -> None:
        """Adds spots all over the storey, none nearer to another than ``SPOT_SPACING_M``."""
        roomy = np.flatnonzero(self.walk_map.clearance_m[tuple(self._cells.T)] >= ROOMY_M)
        roomy = rng.permutation(roomy if len(roomy) else np.arange(len(self._cells)))
        kept = np.zeros((0, 2), np.int64)
        for node in roomy.tolist():
            cell = self._cells[node]
            if not len(kept) or np.hypot(*(kept - cell).T).min() * CELL_M >= SPOT_SPACING_M:
                kept = np.vstack([kept, cell])
                self._nodes.append(node)

    def add(self, point_m: Float64[np.ndarray, "2"], within_m: float) -> int | None:
        """The number of a new spot at the passable cell nearest to a point; None if too far."""
        away = np.hypot(*(self.walk_map.origin_m + self._cells * CELL_M - point_m).T)
        node = int(np.argmin(away))
        if away[node] > within_m:
            return None
        self._nodes.append(node)
        return len(self._nodes) - 1

    def is_free(self, points_m: Float64[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
        """Whether a walker can stand at each point."""
        cells = np.rint((points_m - self.walk_map.origin_m) / CELL_M).astype(int)
        inside = np.all((cells >= 0) & (cells < self._passable.shape), axis=1)
        cells[~inside] = 0
        return np.asarray(inside & self._passable[tuple(cells.T)])

    def path(self, start: int, goal: int) -> Float64[np.ndarray, "n 2"]:
        """From spot to spot, points about every ``CELL_M``, both ends with them."""
        first, node = self._nodes[start], self._nodes[goal]
        if (start, goal) in self._paths:
            return self._paths[start, goal]
        if start not in self._before:
            _, before = dijkstra(
                self._graph, directed=False, indices=first, return_predecessors=True
            )
            self._before[start] = before
        chain = [node]
        while chain[-1] != first:
            chain.append(int(self._before[start][chain[-1]]))
        points = self.walk_map.origin_m + self._cells[chain[::-1]] * CELL_M
        self._paths[start, goal] = smooth(self.walk_map, points)
        return self._paths[start, goal]
