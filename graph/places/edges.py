"""Which places one can move between in a straight line, and with how much room to the sides."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from hydra_mono.core.map.voxel_keys import distinct

_Pairs = Int64[np.ndarray, "_ 2"]


@dataclass(frozen=True, slots=True)
class Links:
    """Edges between rows of balls, lower row first, with their clearance in metres."""

    pairs: Int64[np.ndarray, "e 2"]
    clearance_m: Float64[np.ndarray, " e"]

    def take(self, rows: np.ndarray) -> "Links":
        return Links(self.pairs[rows], self.clearance_m[rows])

    def plus(self, other: "Links") -> "Links":
        return Links(
            np.concatenate([self.pairs, other.pairs]),
            np.concatenate([self.clearance_m, other.clearance_m]),
        )


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
    keys = distinct(pairs.min(axis=1) * len(center_m) + pairs.max(axis=1))
    return np.stack(np.divmod(keys, len(center_m)), axis=1)


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


def joining(count: int, links: Links, spare: Links) -> Links:
    """The widest of the spare links that join what is not joined yet (Kruskal 1956)."""
    component = _components(count, links)
    chosen = []
    order = np.lexsort((*spare.pairs.T[::-1], -spare.clearance_m))
    for row in order[component[spare.pairs[order, 0]] != component[spare.pairs[order, 1]]]:
        a, b = component[spare.pairs[row]]
        if a != b:
            component[component == b] = a
            chosen.append(row)
    return spare.take(np.array(chosen, np.int64))


def _components(count: int, links: Links) -> Int64[np.ndarray, " n"]:
    a, b = links.pairs.T
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def are_stray(
    count: int, links: Links, is_anchored: Bool[np.ndarray, " n"], min_size: int
) -> Bool[np.ndarray, " n"]:
    """Balls in components of fewer than ``min_size`` that are linked to nothing else."""
    component = _components(count, links)
    size = np.bincount(component, minlength=1)
    holds = np.bincount(component, weights=is_anchored, minlength=1) > 0
    return np.asarray(((size < min_size) & ~holds)[component])
