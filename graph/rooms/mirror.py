"""A mirror of the layer of places, kept in step by the graph's changes."""

from dataclasses import dataclass, field

from hydra_mono.graph.model.history import Version
from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol


@dataclass
class PlaceMirror:
    """Places that exist and the clearances of the edges between them.

    ``touched``: places that came, changed, or won or lost an edge since the last ``sync``.
    ``rooms``: places by room, kept by ``assign_room``.
    """

    places: dict[NodeSymbol, PlaceNode] = field(default_factory=dict)
    clearance_m: dict[NodeSymbol, dict[NodeSymbol, float]] = field(default_factory=dict)
    touched: set[NodeSymbol] = field(default_factory=set)
    rooms_that_lost_places: set[NodeSymbol] = field(default_factory=set)
    room_of: dict[NodeSymbol, NodeSymbol] = field(default_factory=dict)
    rooms: dict[NodeSymbol, set[NodeSymbol]] = field(default_factory=dict)
    _version: Version = (0, 0)

    def sync(self, graph: SceneGraph) -> None:
        changes = graph.changes_since(self._version)
        self._version = changes.version
        self.touched, self.rooms_that_lost_places = set(), set()
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

    def _take(self, symbol: NodeSymbol, node: object) -> None:
        if not isinstance(node, PlaceNode) or not node.is_present:
            self._drop(symbol)
            return
        self.places[symbol] = node
        self.clearance_m.setdefault(symbol, {})
        self.touched.add(symbol)

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
        if a in self.places and b in self.places:
            self.clearance_m[a][b] = self.clearance_m[b][a] = clearance_m
            self.touched.update((a, b))

    def _unlink(self, a: NodeSymbol, b: NodeSymbol) -> None:
        for one, other in ((a, b), (b, a)):
            if self.clearance_m.get(one, {}).pop(other, None) is not None:
                self.touched.add(one)
