"""Rooms: places grouped where walls leave nothing but gaps, and known again at every update."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.core.config import RoomsConfig
from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.rooms.grouping import (
    Claim,
    PlaceGraph,
    RoomRule,
    claim_rooms,
    group_places,
    necks,
)
from hydra_mono.graph.rooms.mirror import PlaceMirror
from hydra_mono.graph.rooms.writer import RoomWriter, update_building
from hydra_mono.graph.walls.plan import WallPlan


def create_rooms(config: RoomsConfig) -> "RoomLayer":
    """The room layer that a config describes."""
    return RoomLayer(RoomRule(min_area_m2=config.min_area))


@dataclass(frozen=True, slots=True)
class _Scene:
    """The places at hand: first those to regroup, then their settled neighbours."""

    symbols: list[NodeSymbol]
    working: int
    graph: PlaceGraph


class RoomLayer:
    """Groups the active places into rooms and keeps the building over them.

    The place graph is cut where its edges cross a gap between two ends of wall; what is still
    connected is a room. Where no walls are seen, it is cut at its own necks instead. Places out of
    the window keep their room and lend it to what they join.
    """

    def __init__(self, rule: RoomRule) -> None:
        self._rule = rule
        self._mirror = PlaceMirror()
        self._floors_m: tuple[float, ...] = ()
        self._heading_rad = 0.0

    def update(self, graph: SceneGraph, keyframe: KeyframeInput, walls: WallPlan) -> None:
        """Regroups the rooms in which places or walls changed."""
        graph.advance(keyframe.stamp_ns)
        self._mirror.sync(graph)
        writer = RoomWriter(graph, self._mirror, walls.storeys_of, keyframe.stamp_ns)
        is_new_storey = self._floors_m != walls.floors_m
        is_turned = self._heading_rad != walls.heading_rad
        self._floors_m, self._heading_rad = walls.floors_m, walls.heading_rad
        scene = self._scene(graph, walls, everything=is_new_storey or is_turned)
        groups = group_places(scene.graph, self._rule)
        touched = self._write(graph, writer, scene, groups)
        writer.refresh(touched.union(graph.symbols(Layer.ROOMS) if is_new_storey else ()))
        if touched:
            update_building(graph, walls.floors_m, keyframe.stamp_ns)
        self._mirror.mark_own_changes_seen(graph)

    def state(self) -> State:
        """See ``core.map.state``."""
        return {
            "mirror": self._mirror.state(),
            "floors_m": list(self._floors_m),
            "heading_rad": self._heading_rad,
        }

    def restore(self, state: State) -> None:
        self._mirror.restore(state["mirror"])
        self._floors_m = tuple(state["floors_m"])
        self._heading_rad = state["heading_rad"]

    def _straddling(self, walls: WallPlan) -> set[NodeSymbol]:
        """Places of rooms that lie on several storeys, as it turns out when one is found."""
        found: set[NodeSymbol] = set()
        for members in self._mirror.rooms.values():
            heights = [self._mirror.places[place].position_m[2] for place in members]
            storeys = walls.storeys_of(np.array(heights, dtype=np.float64))
            if storeys.min() < storeys.max():
                found |= members
        return found

    def _scene(self, graph: SceneGraph, walls: WallPlan, everything: bool) -> _Scene:
        """The places to regroup and those around them; ``everything``: all that are active.

        So too where hardly any wall is seen: there rooms are parted by their necks, and which of
        them is one takes all of the places.
        """
        active = {s for s, _ in graph.active_nodes(Layer.PLACES) if s in self._mirror.places}
        if not everything:
            scene = self._arrange(graph, walls, self._in_changed_rooms(active, walls))
            if (cut := _cut_at_gaps(scene.graph, walls)) is not None:
                return replace(scene, graph=replace(scene.graph, cut=cut))
        again = self._straddling(walls) if everything else set()
        scene = self._arrange(graph, walls, active | self._mirror.touched | again)
        cut = _cut_at_gaps(scene.graph, walls, else_at_necks=True)
        assert cut is not None  # it is None only where necks are not to be taken
        return replace(scene, graph=replace(scene.graph, cut=cut))

    def _in_changed_rooms(self, active: set[NodeSymbol], walls: WallPlan) -> set[NodeSymbol]:
        """Places that changed, or near walls that did, and the active ones of their rooms."""
        mirror, near = self._mirror, sorted(active)
        plan_m = np.array([mirror.places[s].position_m[:2] for s in near]).reshape(-1, 2)
        changed = set(mirror.touched)
        changed.update(near[i] for i in np.flatnonzero(walls.is_changed_near(plan_m)).tolist())
        rooms = {mirror.room_of[s] for s in changed if s in mirror.room_of}
        rooms |= mirror.rooms_that_lost_places
        return changed | {s for room in rooms for s in mirror.rooms.get(room, ()) if s in active}

    def _arrange(self, graph: SceneGraph, walls: WallPlan, chosen: set[NodeSymbol]) -> _Scene:
        """The chosen places and their neighbours as arrays, no edge cut yet."""
        places, links, working = self._mirror.places, self._mirror.clearance_m, sorted(chosen)
        around = {other for symbol in working for other in links[symbol]}
        symbols = working + sorted(around.difference(working))
        index = {symbol: i for i, symbol in enumerate(symbols)}
        edges, clearance = self._edges(working, index)
        nodes = [places[symbol] for symbol in symbols]
        centers = np.array([node.position_m for node in nodes]).reshape(-1, 3)
        settled = [graph.find_parent(symbol) is not None for symbol in symbols[len(working) :]]
        radii_m = np.array([node.radius_m for node in nodes], dtype=np.float64)
        place_graph = PlaceGraph(
            centers_m=centers,
            radii_m=radii_m,
            tops_m=centers[:, 2] + radii_m - walls.floors_of(centers[:, 2]),
            anchored=np.array([False] * len(working) + settled, dtype=bool),
            storeys=walls.storeys_of(centers[:, 2]),
            edges=edges,
            clearance_m=clearance,
            cut=np.zeros(len(edges), dtype=bool),
        )
        return _Scene(symbols, len(working), place_graph)

    def _edges(
        self, working: list[NodeSymbol], index: dict[NodeSymbol, int]
    ) -> tuple[Int64[np.ndarray, "e 2"], Float64[np.ndarray, " e"]]:
        """Edges with an end among the working places, as pairs of indices, and clearances."""
        rows = sorted(
            (i, index[other], clearance)
            for i, symbol in enumerate(working)
            for other, clearance in self._mirror.clearance_m[symbol].items()
            if i < index[other]
        )
        edges = np.array([row[:2] for row in rows], dtype=np.int64).reshape(-1, 2)
        return edges, np.array([row[2] for row in rows], dtype=np.float64)

    def _write(
        self, graph: SceneGraph, writer: RoomWriter, scene: _Scene, groups: Int64[np.ndarray, " n"]
    ) -> set[NodeSymbol]:
        """Assigns the places to their rooms; returns the rooms to refresh."""
        before = [graph.find_parent(symbol) for symbol in scene.symbols]
        rooms = self._rooms_of(writer, scene, groups, before)
        mirror = self._mirror
        seen = mirror.rooms_that_lost_places | mirror.rooms_seen | {*before[: scene.working]}
        touched = {room for room in seen if room is not None and graph.has_node(room)}
        for i, symbol in enumerate(scene.symbols):
            if i < scene.working or before[i] is None:
                room = rooms.get(int(groups[i]))
                writer.assign_room(symbol, room)
                if room is not None:
                    touched.add(room)
        self._drop_rests(writer, touched)
        return touched

    def _drop_rests(self, writer: RoomWriter, touched: set[NodeSymbol]) -> None:
        """Frees the places of rooms of which less is left than makes a room."""
        for room in touched:
            left = sorted(self._mirror.rooms.get(room, ()))
            if len(left) < self._rule.min_places:
                for symbol in left:
                    writer.assign_room(symbol, None)

    def _rooms_of(
        self,
        writer: RoomWriter,
        scene: _Scene,
        groups: Int64[np.ndarray, " n"],
        before: list[NodeSymbol | None],
    ) -> dict[int, NodeSymbol]:
        """The room of every group: the one it was, or a new one for groups with own places."""
        rooms = dict(claim_rooms(_claims(scene, groups, before)))
        for group in range(int(groups.max(initial=-1)) + 1):
            members = np.flatnonzero(groups[: scene.working] == group).tolist()
            if group not in rooms and members:
                places = [self._mirror.places[scene.symbols[i]] for i in members]
                rooms[group] = writer.create(places)
        return rooms


def _cut_at_gaps(
    places: PlaceGraph, walls: WallPlan, else_at_necks: bool = False
) -> Bool[np.ndarray, " e"] | None:
    """Which edges lead from room to room, storey by storey, or between storeys.

    On a storey of which hardly any wall is seen: None for all, or those at necks of the places.
    """
    cut = ~places.is_level
    storey_of_edge = np.where(cut, -1, places.storeys[places.edges[:, 0]])
    for storey in np.unique(storey_of_edge[~cut]).tolist():
        here = storey_of_edge == storey
        starts, ends = np.moveaxis(places.centers_m[places.edges[here], :2], 1, 0)
        crossings = walls.crossings(storey, starts, ends)
        if crossings is None and not else_at_necks:
            return None
        cut[here] = necks(places.only(here)) if crossings is None else crossings
    return np.asarray(cut)


def _claims(
    scene: _Scene, groups: Int64[np.ndarray, " n"], before: list[NodeSymbol | None]
) -> list[Claim]:
    claims = [Claim() for _ in range(int(groups.max(initial=-1)) + 1)]
    for i, (group, room) in enumerate(zip(groups.tolist(), before, strict=True)):
        if group < 0 or room is None:
            continue
        claims[group].held[room] = claims[group].held.get(room, 0) + 1
        if i >= scene.working:
            claims[group].settled[room] = claims[group].settled.get(room, 0) + 1
    for a, b in groups[scene.graph.edges].tolist():
        if a != b and a >= 0 and b >= 0:
            claims[a].rivals.add(b)
            claims[b].rivals.add(a)
    return claims
