"""Which places belong together: components of the uncut place graph, and who joins them."""

import heapq
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hydra_mono.graph.rooms.dilation import best_plateau, components_at, filtration


@dataclass(frozen=True, slots=True)
class PlaceGraph:
    """Places as arrays. ``cut`` edges lead from room to room; ``anchored`` places are settled.

    Edges between two storeys are always cut.
    """

    centers_m: Float64[np.ndarray, "n 3"]
    radii_m: Float64[np.ndarray, " n"]
    anchored: Bool[np.ndarray, " n"]
    storeys: Int64[np.ndarray, " n"]
    edges: Int64[np.ndarray, "e 2"]
    clearance_m: Float64[np.ndarray, " e"]
    cut: Bool[np.ndarray, " e"]

    @property
    def is_level(self) -> Bool[np.ndarray, " e"]:
        """Edges that stay on one storey."""
        return np.asarray(self.storeys[self.edges[:, 0]] == self.storeys[self.edges[:, 1]])

    def only(self, edges: Bool[np.ndarray, " e"]) -> "PlaceGraph":
        """All places, and of the edges the chosen ones."""
        return replace(
            self, edges=self.edges[edges], clearance_m=self.clearance_m[edges], cut=self.cut[edges]
        )


@dataclass(frozen=True, slots=True)
class Necks:
    """Settings of the persistent dilation that finds rooms by clearance alone."""

    min_dilation_m: float
    max_dilation_m: float
    min_component_size: int
    plateau_ratio: float


def necks(places: PlaceGraph, settings: Necks) -> Bool[np.ndarray, " e"]:
    """Which edges lead between the parts that last longest under dilation, grown widest first."""
    steps = [
        step
        for step in filtration(
            places.radii_m, places.edges, places.clearance_m, settings.min_component_size
        )
        if settings.min_dilation_m <= step.dilation_m <= settings.max_dilation_m
    ]
    plateau = best_plateau(steps, settings.plateau_ratio)
    if plateau is None:
        return np.zeros(len(places.edges), dtype=bool)
    graph = (places.radii_m, places.edges, places.clearance_m)
    parts = components_at(*graph, plateau.dilation_m)
    sizes = np.bincount(parts[parts >= 0], minlength=len(parts))
    seeds = np.where((parts >= 0) & (sizes[parts] >= settings.min_component_size), parts, -1)
    grown = _flood(places, seeds)
    ends = grown[places.edges]
    return np.asarray((ends[:, 0] != ends[:, 1]) & (ends >= 0).all(axis=1))


def group_places(
    places: PlaceGraph, min_places: int, min_area_m2: float
) -> Int64[np.ndarray, " n"]:
    """A group number for every place, -1 for places that no group reaches.

    Components of the uncut graph that are large enough, or settled, are groups; everything else
    joins the group to which it has the widest way, widest first; one on another storey only where
    there is none on its own.
    """
    count, kept = len(places.radii_m), places.edges[~places.cut]
    links = coo_array((np.ones(len(kept), dtype=bool), (kept[:, 0], kept[:, 1])), (count, count))
    parts = connected_components(links, directed=False)[1]
    groups = np.full(count, -1, dtype=np.int64)
    for number, part in enumerate(_seeds(places, parts, min_places, min_area_m2)):
        groups[parts == part] = number
    return _flood(places, _flood(places.only(places.is_level), groups))


def _seeds(
    places: PlaceGraph, parts: Int32[np.ndarray, " n"], min_places: int, min_area_m2: float
) -> list[int]:
    """The components that may be rooms, in order of their first place."""
    seeds = []
    for part in dict.fromkeys(parts.tolist()):
        members = np.flatnonzero(parts == part)
        reach = places.radii_m[members, None]
        plan = places.centers_m[members, :2]
        area = np.prod((plan + reach).max(axis=0) - (plan - reach).min(axis=0))
        large = len(members) >= min_places and area >= min_area_m2
        if large or places.anchored[members].any():
            seeds.append(part)
    return seeds


def _flood(places: PlaceGraph, groups: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Grows the groups over the widest edge first."""
    ways: dict[int, list[tuple[float, int]]] = defaultdict(list)
    useful = (groups[places.edges] < 0).any(axis=1)
    ends = zip(places.edges[useful].tolist(), places.clearance_m[useful].tolist(), strict=True)
    for (a, b), clearance in ends:
        ways[a].append((clearance, b))
        ways[b].append((clearance, a))
    grown = groups.copy()
    loose = np.flatnonzero(groups < 0).tolist()
    border = [
        (-clearance, place, other)
        for place in loose
        for clearance, other in ways[place]
        if groups[other] >= 0
    ]
    heapq.heapify(border)
    while border:
        _, place, source = heapq.heappop(border)
        if grown[place] >= 0:
            continue
        grown[place] = grown[source]
        for clearance, other in ways[place]:
            if grown[other] < 0:
                heapq.heappush(border, (-clearance, other, place))
    return grown
