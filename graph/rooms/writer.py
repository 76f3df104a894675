"""Rooms and the building in the scene graph: places, boxes, colours and edges between rooms."""

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from hydra_mono.core.box import BoundingBox, axis_aligned_box
from hydra_mono.graph.model.nodes import BuildingNode, Edge, PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import LAYERS_BY_NAME, Color, Layer, NodeSymbol
from hydra_mono.graph.rooms.mirror import ROOM_PREFIX, PlaceMirror

GOLDEN_TURN = 0.6180339887498949  # of the hue circle: hues of following numbers lie far apart
BUILDINGS = LAYERS_BY_NAME["buildings"]
BUILDING = NodeSymbol(BUILDINGS.prefixes, 0)


def room_color(number: int) -> Color:
    """Hues by the golden angle: neighbours in number are never alike."""
    hue = (0.1 + number * GOLDEN_TURN) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.65, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)


@dataclass(frozen=True, slots=True)
class RoomWriter:
    """Writes rooms that were touched and leaves all others alone.

    ``storeys_of`` tells the storeys that heights in metres lie on.
    """

    graph: SceneGraph
    mirror: PlaceMirror
    storeys_of: Callable[[Float64[np.ndarray, " n"]], Int64[np.ndarray, " n"]]
    stamp_ns: int

    def assign_room(self, place: NodeSymbol, room: NodeSymbol | None) -> None:
        """Re-parents a place; a room of None leaves it without one."""
        if self.mirror.room_of.get(place) != room:
            self.mirror.assign_room(place, room)
        if self.graph.find_parent(place) != room:
            edge = Edge(first_seen_ns=self.stamp_ns, last_seen_ns=self.stamp_ns)
            self.graph.set_parent(place, room, edge if room is not None else None)

    def create(self, places: list[PlaceNode]) -> NodeSymbol:
        symbol = self.graph.next_symbol(ROOM_PREFIX)
        self.graph.add_node(symbol, self._node(symbol, places))
        return symbol

    def refresh(self, rooms: set[NodeSymbol]) -> None:
        """Brings rooms up to date with their places; a room without places goes."""
        for symbol in sorted(rooms):
            places = self._places(symbol)
            if not places:
                self.graph.remove_node(symbol)
                continue
            node = self._node(symbol, places)
            names = ("position_m", "last_seen_ns", "is_active", "box", "storey")
            self.graph.update_node(symbol, **{name: getattr(node, name) for name in names})
        self._join([symbol for symbol in sorted(rooms) if self.graph.has_node(symbol)])

    def _places(self, room: NodeSymbol) -> list[PlaceNode]:
        members = sorted(self.mirror.rooms.get(room, ()))
        return [self.mirror.places[place] for place in members]

    def _node(self, symbol: NodeSymbol, places: list[PlaceNode]) -> RoomNode:
        centers = np.array([place.position_m for place in places])
        reach = np.array([place.radius_m for place in places])[:, None]
        nearest = np.argmin(np.linalg.norm(centers - centers.mean(axis=0), axis=1))
        return RoomNode(
            position_m=places[int(nearest)].position_m,
            first_seen_ns=min(place.first_seen_ns for place in places),
            last_seen_ns=max(place.last_seen_ns for place in places),
            is_active=any(place.is_active for place in places),
            name=f"room {symbol.number + 1}",
            color=room_color(symbol.number),
            box=axis_aligned_box(np.concatenate([centers - reach, centers + reach])),
            storey=int(np.argmax(np.bincount(self.storeys_of(centers[:, 2])))),
        )

    def _join(self, rooms: list[NodeSymbol]) -> None:
        """An edge between two rooms where places of theirs are joined, as wide as the widest."""
        for room in rooms:
            widest = self._links_to_others(room)
            for other in self.graph.siblings(room):
                if other not in widest:
                    self.graph.remove_edge(room, other)
            for other in sorted(widest):
                self._join_pair(room, other, widest[other])

    def _join_pair(self, room: NodeSymbol, other: NodeSymbol, clearance_m: float) -> None:
        if self.graph.has_edge(room, other):
            self.graph.update_edge(room, other, weight=clearance_m)
            return
        edge = Edge(
            first_seen_ns=self.stamp_ns,
            last_seen_ns=self.stamp_ns,
            weight=clearance_m,
            is_weighted=True,
        )
        self.graph.add_edge(room, other, edge)

    def _links_to_others(self, room: NodeSymbol) -> dict[NodeSymbol, float]:
        """The clearance of the widest edge to each neighbouring room."""
        widest: dict[NodeSymbol, float] = {}
        room_of = self.mirror.room_of
        for place in self.mirror.rooms[room]:
            for neighbour, clearance in self.mirror.clearance_m[place].items():
                other = room_of.get(neighbour, room)
                if other != room:
                    widest[other] = max(clearance, widest.get(other, 0.0))
        return widest


def update_building(graph: SceneGraph, floors_m: Sequence[float], stamp_ns: int) -> None:
    """Keeps ``B(0)`` round the rooms and every room below it; without rooms there is none."""
    rooms = [(s, node) for s, node in graph.nodes(Layer.ROOMS) if isinstance(node, RoomNode)]
    if not rooms:
        if graph.has_node(BUILDING):
            graph.remove_node(BUILDING)
        return
    _put_building(graph, [node for _, node in rooms], tuple(floors_m))
    for symbol, _ in graph.orphans(Layer.ROOMS):
        edge = Edge(first_seen_ns=stamp_ns, last_seen_ns=stamp_ns)
        graph.set_parent(symbol, BUILDING, edge)


def _put_building(graph: SceneGraph, rooms: list[RoomNode], floors_m: tuple[float, ...]) -> None:
    box = enclosing_box([room.box for room in rooms])
    x, y, z = np.mean([room.position_m for room in rooms], axis=0).tolist()
    node = BuildingNode(
        position_m=(x, y, z),
        first_seen_ns=min(room.first_seen_ns for room in rooms),
        last_seen_ns=max(room.last_seen_ns for room in rooms),
        name="building",
        color=BUILDINGS.color,
        box=box,
        storey_heights_m=floors_m,
    )
    if not graph.has_node(BUILDING):
        graph.add_node(BUILDING, node)
        return
    fields = ("position_m", "first_seen_ns", "last_seen_ns", "box", "storey_heights_m")
    graph.update_node(BUILDING, **{name: getattr(node, name) for name in fields})


def enclosing_box(boxes: Sequence[BoundingBox]) -> BoundingBox:
    """The smallest axis-aligned box round upright axis-aligned boxes."""
    centers = np.array([box.center_m for box in boxes])
    half = np.array([box.dimensions_m for box in boxes]) / 2
    return axis_aligned_box(np.concatenate([centers - half, centers + half]))
