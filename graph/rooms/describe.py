"""What rooms are: their kind, outline, area and height, and the passages between them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.core.labels import NO_LABELS, LabelSpace
from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.history import Version
from hydra_mono.graph.model.nodes import ObjectNode, PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.rooms.categories import RoomCategory, RoomLook, classify
from hydra_mono.graph.rooms.floor_plan import gaps_between_rooms, storey_map
from hydra_mono.graph.rooms.mirror import ROOM_PREFIX
from hydra_mono.graph.rooms.outline import polygon_area
from hydra_mono.graph.rooms.passages import passages_of
from hydra_mono.graph.rooms.windows import windows_of, without
from hydra_mono.graph.walls.plan import WallPlan

AROUND_M = 2.0  # beyond a room's places: whose floor ends there is another's to say

REST_NS = 6_000_000_000  # between drawings of a room: walked through, it grows all the time


@dataclass(frozen=True, slots=True)
class _Work:
    """What one update works on."""

    graph: SceneGraph
    keyframe: KeyframeInput
    walls: WallPlan
    is_window: Bool[np.ndarray, "256"]

    def room(self, symbol: NodeSymbol) -> RoomNode:
        node = self.graph.get_node(symbol)
        assert isinstance(node, RoomNode)
        return node


class RoomDescriber:
    """Describes the rooms in which something changed, and no others.

    Kinds follow at once; outline and passages of one room an update, the one that waits longest,
    and of none that was drawn just now, or the windows of the one drawn before, so that no update
    pays for all of them. ``complete`` does what is left.
    """

    def __init__(self, labels: LabelSpace = NO_LABELS) -> None:
        self._is_window = labels.mask(labels.ids_with_role("window"))
        self._version: Version = (0, 0)
        self._waiting: list[NodeSymbol] = []
        self._glazed_next: list[NodeSymbol] = []  # drawn, but for their windows
        self._drawn_ns: dict[NodeSymbol, int] = {}

    def update(self, graph: SceneGraph, keyframe: KeyframeInput, walls: WallPlan) -> None:
        """Brings kinds up to date, and one room's outline and passages, or its windows."""
        self._take_news(graph, keyframe)
        work = _Work(graph, keyframe, walls, self._is_window)
        rested_ns = keyframe.stamp_ns - REST_NS
        due = [s for s in self._waiting if self._drawn_ns.get(s, rested_ns) <= rested_ns]
        if self._glazed_next:
            self._glaze(work, self._glazed_next[0])
        elif due:
            self._draw(work, due[0])
        self._version = graph.version

    def complete(self, graph: SceneGraph, keyframe: KeyframeInput, walls: WallPlan) -> None:
        """Brings everything up to date."""
        self._take_news(graph, keyframe)
        work = _Work(graph, keyframe, walls, self._is_window)
        for room in list(self._waiting):
            self._draw(work, room)
        for room in list(self._glazed_next):
            self._glaze(work, room)
        self._version = graph.version

    def state(self) -> State:
        """See ``core.map.state``."""
        waiting = [room.number for room in self._waiting]
        glazed_next = [room.number for room in self._glazed_next]
        drawn_ns = [[room.number, stamp_ns] for room, stamp_ns in self._drawn_ns.items()]
        lists = {"waiting": waiting, "glazed_next": glazed_next, "drawn_ns": drawn_ns}
        return {"version": list(self._version), **lists}

    def restore(self, state: State) -> None:
        self._version = (state["version"][0], state["version"][1])
        self._waiting = [NodeSymbol(ROOM_PREFIX, number) for number in state["waiting"]]
        glazed_next = state.get("glazed_next", [])  # states of earlier versions know none
        self._glazed_next = [NodeSymbol(ROOM_PREFIX, number) for number in glazed_next]
        drawn = state["drawn_ns"]
        self._drawn_ns = {NodeSymbol(ROOM_PREFIX, number): ns for number, ns in drawn}

    def _take_news(self, graph: SceneGraph, keyframe: KeyframeInput) -> None:
        graph.advance(keyframe.stamp_ns)
        changes = graph.changes_since(self._version)
        told = [s for s in changes.nodes.new if s.layer is not Layer.PLACES]
        told += [s for s in changes.nodes.changed if s.layer is Layer.OBJECTS]
        moved = [s for s in (*changes.nodes.new, *changes.nodes.changed) if s.layer is Layer.PLACES]
        for a, b in (*changes.edges.new, *changes.edges.changed, *changes.edges.removed):
            ends = [end for end in (a, b) if graph.has_node(end)]
            if Layer.OBJECTS not in (a.layer, b.layer):
                moved += [end for end in ends if end.layer is Layer.PLACES]
            if not a.layer is b.layer is Layer.PLACES:
                told += ends
        for room in sorted(_rooms_above(graph, told)):
            _tell_kind(graph, room)
        self._waiting += sorted(_rooms_above(graph, moved) - {*self._waiting})
        self._waiting = [room for room in self._waiting if graph.has_node(room)]
        self._glazed_next = [room for room in self._glazed_next if graph.has_node(room)]
        self._drawn_ns = {s: ns for s, ns in self._drawn_ns.items() if graph.has_node(s)}

    def _draw(self, work: _Work, room: NodeSymbol) -> None:
        _draw(work, room)
        _tell_kind(work.graph, room)  # its sides tell, too
        self._waiting.remove(room)
        if self._is_window.any() and room not in self._glazed_next:
            self._glazed_next.append(room)
        self._drawn_ns[room] = work.keyframe.stamp_ns

    def _glaze(self, work: _Work, room: NodeSymbol) -> None:
        _glaze(work, room)
        self._glazed_next.remove(room)


@lru_cache(maxsize=256)  # rooms of a building: most look as they did
def _kind_of(look: RoomLook) -> RoomCategory:
    return classify(look)


def _tell_kind(graph: SceneGraph, room: NodeSymbol) -> None:
    node = graph.get_node(room)
    assert isinstance(node, RoomNode)
    kind = _kind_of(_look(graph, room, node))
    graph.update_node(
        room,
        category=kind.name,
        probability=kind.probability,
        evidence=kind.evidence,
        name=f"{kind.name} {room.number + 1}",
    )


def _draw(work: _Work, room: NodeSymbol) -> None:
    """Outline, area, height and passages of a room."""
    node, floor_m = work.room(room), _floor_m(work, room)
    work.graph.update_node(room, height_m=round(_top_m(node) - floor_m, 3))
    here = storey_map(work.walls, node.storey, _places_near(work.graph, room, node))
    if here is None:
        return
    border_m = here.outline_of(room)
    gaps = gaps_between_rooms(here)
    work.graph.update_node(
        room,
        outline_m=tuple((round(x, 3), round(y, 3)) for x, y in border_m.tolist()),
        area_m2=round(polygon_area(border_m), 3),
        passages=tuple(passages_of(work.graph, work.keyframe, room, gaps, floor_m)),
    )
    _share_passages(work, room)


def _glaze(work: _Work, room: NodeSymbol) -> None:
    """Windows of a room with its outline; of one that another room took for its own, too, that
    other knows no more.
    """
    node = work.room(room)
    border_m = np.array(node.outline_m, np.float64).reshape(-1, 2)
    windows = windows_of(work.keyframe, node, border_m, work.is_window)
    work.graph.update_node(room, windows=windows)
    for other, beside in _rooms_beside(work, room):
        if (theirs := without(beside.windows, windows)) != beside.windows:
            work.graph.update_node(other, windows=theirs)


def _share_passages(work: _Work, room: NodeSymbol) -> None:
    """Rooms next to one that was drawn know the passages between them as it does."""
    drawn = work.room(room)
    for other, beside in _rooms_beside(work, room):
        theirs = [p for p in beside.passages if room not in p.rooms]
        shared = [p for p in drawn.passages if other in p.rooms]
        if (passages := (*theirs, *shared)) != beside.passages:
            work.graph.update_node(other, passages=passages)


def _rooms_beside(work: _Work, room: NodeSymbol) -> Iterator[tuple[NodeSymbol, RoomNode]]:
    for other in work.graph.siblings(room):
        if isinstance(beside := work.graph.get_node(other), RoomNode):
            yield other, beside


def _places_near(
    graph: SceneGraph, room: NodeSymbol, node: RoomNode
) -> dict[NodeSymbol, list[PlaceNode]]:
    """The room's own places, and of rooms next to it on its storey those close to it."""
    own = _places_of(graph, room)
    if not own:
        return {}
    lower_m, upper_m = _span_m(own)
    near = {room: own}
    for other in graph.siblings(room):
        beside = graph.get_node(other)
        if not isinstance(beside, RoomNode) or beside.storey != node.storey:
            continue
        places = _places_of(graph, other)
        if not places:
            continue
        lowest_m, highest_m = _corners_m(places)
        reached = (lowest_m <= upper_m + AROUND_M) & (highest_m >= lower_m - AROUND_M)
        chosen = np.flatnonzero(reached.all(axis=1)).tolist()
        if chosen:
            near[other] = [places[i] for i in chosen]
    return near


def _span_m(
    places: list[PlaceNode],
) -> tuple[Float64[np.ndarray, "2"], Float64[np.ndarray, "2"]]:
    """Lower and upper corner, in plan, of the box round the balls of places."""
    lowest_m, highest_m = _corners_m(places)
    return lowest_m.min(axis=0), highest_m.max(axis=0)


def _corners_m(
    places: list[PlaceNode],
) -> tuple[Float64[np.ndarray, "n 2"], Float64[np.ndarray, "n 2"]]:
    centers_m = np.array([place.position_m[:2] for place in places])
    radii_m = np.array([place.radius_m for place in places])[:, None]
    return centers_m - radii_m, centers_m + radii_m


def _look(graph: SceneGraph, room: NodeSymbol, node: RoomNode) -> RoomLook:
    classes = {
        child.name.lower()
        for place in graph.children(room)
        for symbol in graph.children(place)
        if isinstance(child := graph.get_node(symbol), ObjectNode) and child.is_present
    }
    width_m, length_m = sorted(_sides_m(node))
    others = [graph.get_node(other) for other in graph.siblings(room)]
    storeys = {other.storey for other in others if isinstance(other, RoomNode)}
    return RoomLook(
        classes=frozenset(classes),
        length_m=length_m,
        width_m=width_m,
        neighbours=len(others),
        leads_up_or_down=bool(storeys - {node.storey}),
    )


def _sides_m(node: RoomNode) -> tuple[float, float]:
    """Of the smallest rectangle round the outline; of the box before there is one."""
    if len(node.outline_m) < 3:
        return node.box.dimensions_m[0], node.box.dimensions_m[1]
    points = np.array(node.outline_m)
    sides = np.roll(points, -1, axis=0) - points
    best = (math.inf, 0.0)
    for angle in {round(math.atan2(y, x) % (math.pi / 2), 3) for x, y in sides.tolist()}:
        cos, sin = math.cos(angle), math.sin(angle)
        turned = points @ np.array([[cos, -sin], [sin, cos]])
        x_m, y_m = (turned.max(axis=0) - turned.min(axis=0)).tolist()
        best = min(best, (x_m, y_m), key=lambda side: side[0] * side[1] or math.inf)
    return best


def _top_m(node: RoomNode) -> float:
    return node.box.center_m[2] + node.box.dimensions_m[2] / 2


def _floor_m(work: _Work, room: NodeSymbol) -> float:
    """Height of the storey's floor; the bottom of the free space where none was seen."""
    node = work.room(room)
    if node.storey < len(work.walls.floors_m):
        return work.walls.floors_m[node.storey]
    return node.box.center_m[2] - node.box.dimensions_m[2] / 2


def _places_of(graph: SceneGraph, room: NodeSymbol) -> list[PlaceNode]:
    nodes = map(graph.get_node, graph.children(room))
    return [node for node in nodes if isinstance(node, PlaceNode)]


def _rooms_above(graph: SceneGraph, symbols: Iterable[NodeSymbol]) -> set[NodeSymbol]:
    rooms = set()
    for symbol in {s for s in symbols if not s.is_agent}:
        above: NodeSymbol | None = symbol
        while above is not None and above.layer < Layer.ROOMS:
            above = graph.find_parent(above)
        if above is not None and above.layer is Layer.ROOMS:
            rooms.add(above)
    return rooms
