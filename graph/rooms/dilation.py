"""Persistent dilation: how a graph of clearances falls apart as obstacles grow."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

ROUNDING = 1e-9  # m; differences below it are no differences


class DisjointSets:
    """Union-find over 0..n-1 with the sizes of the sets; the lowest member is the root."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))
        self.size = [1] * count

    def find(self, item: int) -> int:
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def join(self, a: int, b: int) -> bool:
        """Unites two sets; False where they were one already."""
        low, high = sorted((self.find(a), self.find(b)))
        if low == high:
            return False
        self._parent[high] = low
        self.size[low] += self.size[high]
        return True

    def roots(self) -> Int64[np.ndarray, " n"]:
        """The root of every item."""
        return np.array([self.find(i) for i in range(len(self._parent))], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Step:
    """``components`` are left when obstacles are dilated by ``dilation_m``."""

    dilation_m: float
    components: int


def filtration(
    clearance_m: Float64[np.ndarray, " n"],
    edges: Int64[np.ndarray, "e 2"],
    edge_clearance_m: Float64[np.ndarray, " e"],
    min_size: int = 1,
) -> list[Step]:
    """Components with at least ``min_size`` nodes just below every dilation at which one changes.

    A node or edge lives while its clearance is at least the dilation (Hughes et al., Foundations
    of Spatial Perception for Robotics, IJRR 2024: rooms by 0-dimensional persistence). Steps come
    in order of growing dilation.
    """
    sets = DisjointSets(len(clearance_m))
    nodes = deque(sorted(clearance_m.tolist(), reverse=True))
    lives = np.minimum(edge_clearance_m, clearance_m[edges].min(axis=1, initial=np.inf))
    ways = deque(sorted(zip(lives.tolist(), edges.tolist(), strict=True), reverse=True))
    counted, steps = 0, []
    for threshold in np.unique(np.concatenate([clearance_m, edge_clearance_m]))[::-1].tolist():
        while nodes and nodes[0] >= threshold:
            nodes.popleft()
            counted += min_size <= 1
        while ways and ways[0][0] >= threshold:
            a, b = ways.popleft()[1]
            counted += _join_counting(sets, a, b, min_size)
        steps.append(Step(threshold, counted))
    return steps[::-1]


def _join_counting(sets: DisjointSets, a: int, b: int, min_size: int) -> int:
    """Unites two sets; returns by how much the number of sets of at least ``min_size`` grew."""
    before = [sets.size[sets.find(item)] >= min_size for item in (a, b)]
    if not sets.join(a, b):
        return 0
    return int(sets.size[sets.find(a)] >= min_size) - sum(before)


def best_plateau(steps: Sequence[Step], min_lifetime_ratio: float) -> Step | None:
    """The start of the plateau with most components among those that live long enough.

    A plateau is a run of equal counts and lives from its first step to its last. It is long
    enough at ``min_lifetime_ratio`` of the longest; of equally many components the first wins.
    """
    if not steps:
        return None
    starts = [i for i, s in enumerate(steps) if i == 0 or s.components != steps[i - 1].components]
    ends = [*(start - 1 for start in starts[1:]), len(steps) - 1]
    lifetimes = [
        steps[end].dilation_m - steps[start].dilation_m
        for start, end in zip(starts, ends, strict=True)
    ]
    least = min_lifetime_ratio * max(lifetimes) - ROUNDING
    lasting = [steps[s] for s, life in zip(starts, lifetimes, strict=True) if life >= least]
    return max(lasting, key=lambda step: step.components)


def components_at(
    clearance_m: Float64[np.ndarray, " n"],
    edges: Int64[np.ndarray, "e 2"],
    edge_clearance_m: Float64[np.ndarray, " e"],
    dilation_m: float,
) -> Int64[np.ndarray, " n"]:
    """The lowest node of each node's component at a dilation, -1 for nodes that are gone."""
    alive = clearance_m >= dilation_m
    sets = DisjointSets(len(clearance_m))
    for a, b in edges[edge_clearance_m >= dilation_m].tolist():
        if alive[a] and alive[b]:
            sets.join(a, b)
    return np.where(alive, sets.roots(), -1)
