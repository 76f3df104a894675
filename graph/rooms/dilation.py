"""Persistent dilation: how a graph of clearances falls apart as obstacles grow."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy.cluster.hierarchy import DisjointSet
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ROUNDING = 1e-9  # m; differences below it are rounding


@dataclass(frozen=True, slots=True)
class DilationRule:
    """Rooms by clearance alone, where no walls are seen; the values are those of Hydra's configs.

    Args:
        min_dilation_m, max_dilation_m: range of dilations searched: half the width of doors.
        min_component_size: places that a part needs to be counted.
        plateau_ratio: of the longest lifetime, that a plateau needs.
    """

    min_dilation_m: float = 0.5
    max_dilation_m: float = 1.2
    min_component_size: int = 10
    plateau_ratio: float = 0.25


DILATION = DilationRule()


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
    sets = DisjointSet(range(len(clearance_m)))
    nodes = deque(sorted(clearance_m.tolist(), reverse=True))
    lives = np.minimum(edge_clearance_m, clearance_m[edges].min(axis=1, initial=np.inf))
    links = deque(sorted(zip(lives.tolist(), edges.tolist(), strict=True), reverse=True))
    counted, steps = 0, []
    for threshold in np.unique(np.concatenate([clearance_m, edge_clearance_m]))[::-1].tolist():
        while nodes and nodes[0] >= threshold:
            nodes.popleft()
            counted += min_size <= 1
        while links and links[0][0] >= threshold:
            a, b = links.popleft()[1]
            counted += _join_counting(sets, a, b, min_size)
        steps.append(Step(threshold, counted))
    return steps[::-1]


def _join_counting(sets: DisjointSet, a: int, b: int, min_size: int) -> int:
    """Unites two sets; returns by how much the number of sets of at least ``min_size`` grew."""
    before = sum(bool(sets.subset_size(item) >= min_size) for item in (a, b))
    if not sets.merge(a, b):
        return 0
    return int(sets.subset_size(a) >= min_size) - before


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
    kept = edges[(edge_clearance_m >= dilation_m) & alive[edges].all(axis=1)]
    shape = (len(clearance_m),) * 2
    links = coo_array((np.ones(len(kept), bool), (kept[:, 0], kept[:, 1])), shape=shape)
    parts = connected_components(links, directed=False)[1]
    _, lowest = np.unique(parts, return_index=True)
    return np.where(alive, lowest[parts], -1)
