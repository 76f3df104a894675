"""What rooms are: their kind, outline, area and height, and the passages between them."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.history import Version
from hydra_mono.graph.model.nodes import ObjectNode, Passage, PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.rooms.categories import RoomLook, classify
from hydra_mono.graph.rooms.floor_plan import RULE, Gap, StoreyMap, gaps_between_rooms, storey_map
from hydra_mono.graph.rooms.outline import polygon_area
from hydra_mono.graph.walls.plan import WallPlan

SAME_GAP_M = 0.6  # two gaps with middles so near are one: half a doorway
FACES_DOWN = -0.7  # z of a normal: the underside of a lintel or a ceiling, tilted by 45° at most
LEAST_HEIGHT_M = 1.6  # above the floor: lower is furniture, and nobody's passage
LEAST_POINTS = 4  # vertices of an underside that are believed: a voxel has about one


@dataclass(frozen=True, slots=True)
class _Work:
    """What one update works on. ``places``: by room, of the rooms at hand and those around."""

    graph: SceneGraph
    keyframe: KeyframeInput
    walls: WallPlan
    places: dict[NodeSymbol, list[PlaceNode]]

    def room(self, symbol: NodeSymbol) -> RoomNode:
        node = self.graph.get_node(symbol)
        assert isinstance(node, RoomNode)
        return node


class RoomDescriber:
    """Describes the rooms in which something changed since the last update, and no others."""

    def __init__(self) -> None:
        self._version: Version = (0, 0)

    def update(self, graph: SceneGraph, keyframe: KeyframeInput, walls: WallPlan) -> None:
        """Brings the descriptions up to date; costs as much as there are rooms with news."""
        graph.advance(keyframe.stamp_ns)
        rooms = self._rooms_with_news(graph)
        around = {other for room in rooms for other in graph.siblings(room)}
        work = _Work(graph, keyframe, walls, _places_of(graph, sorted(rooms | around)))
        by_storey: dict[int, list[NodeSymbol]] = defaultdict(list)
        for room in sorted(rooms):
            by_storey[work.room(room).storey].append(room)
        for storey, members in sorted(by_storey.items()):
            self._describe_storey(work, storey, members)
        self._version = graph.version

    def state(self) -> State:
        """See ``core.map.state``."""
        return {"version": list(self._version)}

    def restore(self, state: State) -> None:
        self._version = (state["version"][0], state["version"][1])

    def _rooms_with_news(self, graph: SceneGraph) -> set[NodeSymbol]:
        changes = graph.changes_since(self._version)
        touched: set[NodeSymbol] = {*changes.nodes.new, *changes.nodes.changed}
        for ends in (*changes.edges.new, *changes.edges.changed, *changes.edges.removed):
            touched.update(end for end in ends if graph.has_node(end))
        found = {_room_above(graph, symbol) for symbol in touched if not symbol.is_agent}
        return {room for room in found if room is not None}

    def _describe_storey(self, work: _Work, storey: int, rooms: list[NodeSymbol]) -> None:
        near = {
            room: places
            for room, places in work.places.items()
            if work.room(room).storey == storey and places
        }
        here = storey_map(work.walls, storey, near)
        gaps = gaps_between_rooms(work.walls, storey, here) if here else []
        for room in rooms:
            self._describe(work, room, here if room in near else None, gaps)

    def _describe(
        self, work: _Work, room: NodeSymbol, here: StoreyMap | None, gaps: list[Gap]
    ) -> None:
        node, floor_m = work.room(room), _floor_m(work, room)
        look = _look(work.graph, room, node)
        kind = classify(look)
        news: dict[str, Any] = {
            "category": kind.name,
            "probability": kind.probability,
            "evidence": kind.evidence,
            "name": f"{kind.name} {room.number + 1}",
            "height_m": round(_top_m(node) - floor_m, 3),
        }
        if here is not None:
            border_m = here.outline_of(room)
            news |= {
                "outline_m": tuple((round(x, 3), round(y, 3)) for x, y in border_m.tolist()),
                "area_m2": round(polygon_area(border_m), 3),
                "passages": tuple(_passages(work, room, node, gaps, floor_m)),
            }
        work.graph.update_node(room, **news)


def _look(graph: SceneGraph, room: NodeSymbol, node: RoomNode) -> RoomLook:
    classes = {
        child.name.lower()
        for place in graph.children(room)
        for symbol in graph.children(place)
        if isinstance(child := graph.get_node(symbol), ObjectNode) and child.is_present
    }
    width_m, length_m = sorted(_sides_m(node))
    return RoomLook(frozenset(classes), length_m, width_m, len(graph.siblings(room)))


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


def _passages(
    work: _Work, room: NodeSymbol, node: RoomNode, gaps: Iterable[Gap], floor_m: float
) -> Iterable[Passage]:
    """The room's gaps as passages, in a fixed order; what is known of them from before is kept."""
    for gap in sorted(gaps, key=lambda gap: (gap.rooms, gap.middle_m)):
        if room not in gap.rooms:
            continue
        before = _same_passage(node, gap)
        height_m = _height_above_m(work.keyframe, gap.middle_m, floor_m)
        if height_m is None and before is not None:
            height_m = before.height_m
        is_open = _is_passed(work, gap)
        open_ns = before.last_seen_open_ns if before else None
        yield Passage(
            kind="door" if gap.width_m <= RULE.door_m and gap.has_lintel else "opening",
            rooms=gap.rooms,
            position_m=(round(gap.middle_m[0], 3), round(gap.middle_m[1], 3), floor_m + 1.0),
            width_m=round(gap.width_m, 3),
            height_m=height_m,
            heading_rad=round(gap.heading_rad, 4),
            is_open=is_open if is_open or before is not None else None,
            last_seen_open_ns=node.last_seen_ns if is_open else open_ns,
        )


def _same_passage(node: RoomNode, gap: Gap) -> Passage | None:
    near = [
        (math.dist(passage.position_m[:2], gap.middle_m), number)
        for number, passage in enumerate(node.passages)
        if passage.rooms == gap.rooms
    ]
    away_m, number = min(near, default=(math.inf, 0))
    return node.passages[number] if away_m <= SAME_GAP_M else None


def _is_passed(work: _Work, gap: Gap) -> bool:
    """Whether places on both sides of the gap are joined through it: it is free."""
    a, b = gap.rooms
    for place in work.graph.children(a):
        for other in work.graph.siblings(place):
            if work.graph.find_parent(other) != b:
                continue
            ends = [np.array(work.graph.get_node(s).position_m[:2]) for s in (place, other)]
            if _away_m(np.array(gap.middle_m), *ends) <= gap.width_m / 2 + SAME_GAP_M / 2:
                return True
    return False


def _away_m(
    point_m: Float64[np.ndarray, "2"],
    start_m: Float64[np.ndarray, "2"],
    end_m: Float64[np.ndarray, "2"],
) -> float:
    """From a point to the line between two others."""
    along = end_m - start_m
    share = float(np.clip((point_m - start_m) @ along / max(float(along @ along), 1e-12), 0, 1))
    return float(np.linalg.norm(start_m + share * along - point_m))


def _height_above_m(
    keyframe: KeyframeInput, middle_m: tuple[float, float], floor_m: float
) -> float | None:
    """How high the lowest surface above a gap is that faces down; None where none was seen."""
    size_m, mesh = keyframe.mesh_update.block_size_m, keyframe.mesh
    heights = [np.zeros(0, np.float32)]
    if size_m <= 0:
        return None
    i, j = (math.floor(value / size_m) for value in middle_m)
    lowest = math.floor((floor_m + LEAST_HEIGHT_M) / size_m)
    for k in range(lowest, lowest + math.ceil(2.5 / size_m)):  # m: up to a high ceiling
        block = None if mesh.is_archived((i, j, k)) else mesh.find_block((i, j, k))
        if block is None:
            continue
        above = np.abs(block.vertices_m[:, :2] - np.array(middle_m, np.float32)).max(axis=1) < 0.2
        above &= block.normals[:, 2] < FACES_DOWN  # 0.2 m: inside the width of any door
        heights.append(block.vertices_m[above, 2])
    found = np.sort(np.concatenate(heights)) - floor_m
    found = found[found > LEAST_HEIGHT_M]
    if len(found) < LEAST_POINTS:
        return None
    return round(float(np.median(found[found < found[0] + 0.15])), 3)  # m: two voxels and noise


def _places_of(graph: SceneGraph, rooms: Iterable[NodeSymbol]) -> dict[NodeSymbol, list[PlaceNode]]:
    return {
        room: [
            node
            for symbol in graph.children(room)
            if isinstance(node := graph.get_node(symbol), PlaceNode)
        ]
        for room in rooms
    }


def _room_above(graph: SceneGraph, symbol: NodeSymbol) -> NodeSymbol | None:
    above: NodeSymbol | None = symbol
    while above is not None and above.layer < Layer.ROOMS:
        above = graph.find_parent(above)
    return above if above is not None and above.layer is Layer.ROOMS else None
