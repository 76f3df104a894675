"""A mirror of the layer of places, kept in step by the graph's changes."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from hydra_mono.core.map.state import State
from hydra_mono.graph.model.history import Version
from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import LAYERS_BY_NAME, Layer, NodeSymbol

PLACE_PREFIX, ROOM_PREFIX = (LAYERS_BY_NAME[name].prefixes for name in ("places", "rooms"))
_PLACES: Any = TypeAdapter(list[PlaceNode])


@dataclass
class PlaceMirror:
    """Places that exist and the clearances of the edges between them.

    ``touched``: places that came or moved, or won or lost width to a neighbour, since the last
    ``sync``. ``rooms_seen``: rooms of places that were seen again, woke or froze, no more.
    ``rooms``: places by room, kept by ``assign_room``.
    """

    places: dict[NodeSymbol, PlaceNode] = field(default_factory=dict)
    clearance_m: dict[NodeSymbol, dict[NodeSymbol, float]] = field(default_factory=dict)
    touched: set[NodeSymbol] = field(default_factory=set)
    rooms_that_lost_places: set[NodeSymbol] = field(default_factory=set)
    rooms_seen: set[NodeSymbol] = field(default_factory=set)
    room_of: dict[NodeSymbol, NodeSymbol] = field(default_factory=dict)
    rooms: dict[NodeSymbol, set[NodeSymbol]] = field(default_factory=dict)
    _version: Version = (0, 0)

    def sync(self, graph: SceneGraph) -> None:
        changes = graph.changes_since(self._version)
        self._version = changes.version
        self._start()
        for symbol in (*changes.nodes.new, *changes.nodes.changed):
            if symbol.layer is Layer.PLACES:
                self._take(symbol, graph.get_node(symbol))
        for symbol in changes.nodes.removed:
            if symbol.layer is Layer.PLACES:
                self._drop(symbol)
        for a, b in (*changes.edges.new, *changes.edges.changed):
            if a.layer is b.layer is Layer.PLACES:
                self._link(a, b, graph.get_edge(a, b).weight)
        for a, b in changes.edges.removed:
            if a.layer is b.layer is Layer.PLACES:
                self._unlink(a, b)

    def _start(self) -> None:
        self.touched, self.rooms_that_lost_places, self.rooms_seen = set(), set(), set()

    def mark_own_changes_seen(self, graph: SceneGraph) -> None:
        """Takes what happened since ``sync`` as known: the rooms themselves changed it."""
        self._version = graph.version

    def assign_room(self, place: NodeSymbol, room: NodeSymbol | None) -> None:
        """Notes the room of a place; rooms without places are forgotten."""
        before = self.room_of.pop(place, None)
        if before is not None:
            self.rooms[before].discard(place)
            if not self.rooms[before]:
                del self.rooms[before]
        if room is not None:
            self.room_of[place] = room
            self.rooms.setdefault(room, set()).add(place)

    def state(self) -> State:
        """See ``core.map.state``; rooms of places follow from ``room_of``."""
        links = [
            (a, b, clearance_m)
            for a, others in self.clearance_m.items()
            for b, clearance_m in others.items()
            if a < b
        ]
        return {
            "version": list(self._version),
            "numbers": [symbol.number for symbol in self.places],
            "places": _PLACES.dump_python(list(self.places.values()), mode="json"),
            "links": np.array([(a.number, b.number) for a, b, _ in links], np.int64).reshape(-1, 2),
            "clearance_m": np.array([clearance_m for _, _, clearance_m in links], np.float64),
            "room_of": [[place.number, room.number] for place, room in self.room_of.items()],
        }

    def restore(self, state: State) -> None:
        nodes = _PLACES.validate_python(state["places"])
        symbols = [NodeSymbol(PLACE_PREFIX, number) for number in state["numbers"]]
        self.places = dict(zip(symbols, nodes, strict=True))
        self.clearance_m = {symbol: {} for symbol in symbols}
        for (a, b), clearance_m in zip(
            state["links"].tolist(), state["clearance_m"].tolist(), strict=True
        ):
            self._link(NodeSymbol(PLACE_PREFIX, a), NodeSymbol(PLACE_PREFIX, b), clearance_m)
        self._start()
        self.room_of, self.rooms = {}, {}
        for place, room in state["room_of"]:
            self.assign_room(NodeSymbol(PLACE_PREFIX, place), NodeSymbol(ROOM_PREFIX, room))
        self._version = (state["version"][0], state["version"][1])

    def _take(self, symbol: NodeSymbol, node: object) -> None:
        if not isinstance(node, PlaceNode) or not node.is_present:
            self._drop(symbol)
            return
        before = self.places.get(symbol)
        self.places[symbol] = node
        self.clearance_m.setdefault(symbol, {})
        if before is None or (before.position_m, before.radius_m) != (
            node.position_m,
            node.radius_m,
        ):
            self.touched.add(symbol)
        elif symbol in self.room_of:
            self.rooms_seen.add(self.room_of[symbol])

    def _drop(self, symbol: NodeSymbol) -> None:
        self.touched.discard(symbol)
        node = self.places.pop(symbol, None)
        if node is None:
            return
        if symbol in self.room_of:
            self.rooms_that_lost_places.add(self.room_of[symbol])
            self.assign_room(symbol, None)
        for other in self.clearance_m.pop(symbol):
            self.clearance_m[other].pop(symbol, None)

    def _link(self, a: NodeSymbol, b: NodeSymbol, clearance_m: float) -> None:
        if a not in self.places or b not in self.places:
            return
        if self.clearance_m[a].get(b) != clearance_m:
            self.clearance_m[a][b] = self.clearance_m[b][a] = clearance_m
            self.touched.update((a, b))

    def _unlink(self, a: NodeSymbol, b: NodeSymbol) -> None:
        for one, other in ((a, b), (b, a)):
            if self.clearance_m.get(one, {}).pop(other, None) is not None:
                self.touched.add(one)
