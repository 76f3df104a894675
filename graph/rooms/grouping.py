"""Which places belong together, and which room of before each group of them is.

Groups are components of the uncut place graph, with what is too small joined to them.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.rooms.dilation import (
    DILATION,
    DilationRule,
    best_plateau,
    components_at,
    filtration,
)


@dataclass(frozen=True, slots=True)
class PlaceGraph:
    """Places as arrays. ``cut`` edges lead from room to room; ``anchored`` places are settled.

    ``tops_m``: of each ball, above the floor of its storey. Edges between two storeys are always
    cut.
    """

    centers_m: Float64[np.ndarray, "n 3"]
    radii_m: Float64[np.ndarray, " n"]
    tops_m: Float64[np.ndarray, " n"]
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


def necks(places: PlaceGraph, rule: DilationRule = DILATION) -> Bool[np.ndarray, " e"]:
    """Which edges lead between the parts that last longest under dilation.

    Places that are in no part join one over the widest edge.
    """
    steps = [
        step
        for step in filtration(
            places.radii_m, places.edges, places.clearance_m, rule.min_component_size
        )
        if rule.min_dilation_m <= step.dilation_m <= rule.max_dilation_m
    ]
    plateau = best_plateau(steps, rule.plateau_ratio)
    if plateau is None:
        return np.zeros(len(places.edges), dtype=bool)
    graph = (places.radii_m, places.edges, places.clearance_m)
    parts = components_at(*graph, plateau.dilation_m)
    sizes = np.bincount(parts[parts >= 0], minlength=len(parts))
    seeds = np.where((parts >= 0) & (sizes[parts] >= rule.min_component_size), parts, -1)
    ends = _flood(places, seeds)[places.edges]
    return np.asarray((ends[:, 0] != ends[:, 1]) & (ends >= 0).all(axis=1))


@dataclass(frozen=True, slots=True)
class RoomRule:
    """What a group needs to be a room, unless it was one; smaller ones join a neighbour."""

    min_area_m2: float = 1.5  # spanned by its places; a lavatory has 1.2 m × 1.5 m
    min_places: int = 4  # fewer are the air of a doorway
    min_top_m: float = 0.8  # of its free space above the floor; air under a table has 0.75 m


def group_places(places: PlaceGraph, rule: RoomRule) -> Int64[np.ndarray, " n"]:
    """A group number for every place, -1 for places that no group reaches.

    Components of the uncut graph that are large enough, or settled, are groups; everything else
    joins the group to which it has the widest edge, widest first; one on another storey only where
    there is none on its own.
    """
    count, kept = len(places.radii_m), places.edges[~places.cut]
    links = coo_array((np.ones(len(kept), dtype=bool), (kept[:, 0], kept[:, 1])), (count, count))
    parts = connected_components(links, directed=False)[1]
    groups = np.full(count, -1, dtype=np.int64)
    for number, part in enumerate(_seeds(places, parts, rule)):
        groups[parts == part] = number
    return _flood(places, _flood(places.only(places.is_level), groups))


def _seeds(places: PlaceGraph, parts: Int32[np.ndarray, " n"], rule: RoomRule) -> list[int]:
    """The components that may be rooms, in order of their first place."""
    seeds = []
    for part in dict.fromkeys(parts.tolist()):
        members = np.flatnonzero(parts == part)
        reach = places.radii_m[members, None]
        plan = places.centers_m[members, :2]
        area = np.prod((plan + reach).max(axis=0) - (plan - reach).min(axis=0))
        large = len(members) >= rule.min_places and area >= rule.min_area_m2
        large &= places.tops_m[members].max() >= rule.min_top_m
        if large or places.anchored[members].any():
            seeds.append(part)
    return seeds


def _flood(places: PlaceGraph, groups: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Extends the groups over the widest edge first."""
    links: dict[int, list[tuple[float, int]]] = defaultdict(list)
    useful = (groups[places.edges] < 0).any(axis=1)
    ends = zip(places.edges[useful].tolist(), places.clearance_m[useful].tolist(), strict=True)
    for (a, b), clearance in ends:
        links[a].append((clearance, b))
        links[b].append((clearance, a))
    flooded = groups.copy()
    border = [
        (-clearance, place, other)
        for place in np.flatnonzero(groups < 0).tolist()
        for clearance, other in links[place]
        if groups[other] >= 0
    ]
    heapq.heapify(border)
    while border:
        _, place, source = heapq.heappop(border)
        if flooded[place] >= 0:
            continue
        flooded[place] = flooded[source]
        for clearance, other in links[place]:
            if flooded[other] < 0:
                heapq.heappush(border, (-clearance, other, place))
    return flooded


@dataclass
class Claim:
    """What a group has of earlier rooms: ``held`` places, and ``settled`` ones among them."""

    held: dict[NodeSymbol, int] = field(default_factory=dict)
    settled: dict[NodeSymbol, int] = field(default_factory=dict)
    rivals: set[int] = field(default_factory=set)


def claim_rooms(claims: Sequence[Claim]) -> Mapping[int, NodeSymbol]:
    """The earlier room that each group goes on being; groups left out are new rooms.

    The group with most of a room's places keeps it, ties go to the older room and then the first
    group. A room goes to two groups only where both lead on to settled places of it and no edge
    between them crosses a border: two ends of one room whose middle is out of the window.
    """
    wishes = sorted(
        (-count, room.number, group, room)
        for group, claim in enumerate(claims)
        for room, count in claim.held.items()
    )
    taken: dict[int, NodeSymbol] = {}
    owners: dict[NodeSymbol, list[int]] = {}
    for _, _, group, room in wishes:
        present = owners.get(room, [])
        both_lead_on = all(room in claims[g].settled for g in (group, *present))
        shared = both_lead_on and claims[group].rivals.isdisjoint(present)
        if group not in taken and (not present or shared):
            taken[group] = room
            owners.setdefault(room, []).append(group)
    return taken
