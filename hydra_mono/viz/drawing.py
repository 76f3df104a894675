"""From changes of the graph to the arrays a viewer draws; costs as much as what changed.

Nodes are drawn in chunks of consecutive numbers, so a change redraws one chunk, not the map.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hydra_mono.graph.model.history import Changes, EdgeKey, GraphChanges
from hydra_mono.graph.model.nodes import (
    BuildingNode,
    Node,
    ObjectNode,
    PlaceNode,
    Position,
    RoomNode,
)
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import (
    AGENT_PREFIXES,
    CAMERA_PREFIX,
    Layer,
    NodeSymbol,
)
from hydra_mono.viz.arrows import agent_color, flow_arrows, move_arrows
from hydra_mono.viz.chunks import (
    GREY,
    ArrowChunk,
    BoxChunk,
    LineChunk,
    NodeChunk,
    PlaceChunk,
    array,
    colors_of,
    lifted,
    place_color,
)

CHUNK = 64
GONE_ALPHA = 60  # of 255, of what has left the world: seen through, but seen
FLOW_GROWTH = (
    1.1  # of the number of poses, from which flow is drawn anew: a fixed share of the work
)
MOVED_M = 0.01  # a node that moved less keeps its links as drawn
DRAWN_LINKS = ("p-p", "O-p", "p-R", "R-R", "R-B", "a-a")
NAMED = ("objects", "rooms", "buildings")  # layers whose nodes' coming and going is an event

ChunkKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class GraphDrawing:
    """What to draw again, by chunk; a chunk without members is an empty one."""

    places: dict[int, PlaceChunk] = field(default_factory=dict)
    links: dict[ChunkKey, LineChunk] = field(default_factory=dict)
    objects: dict[int, BoxChunk] = field(default_factory=dict)
    rooms: NodeChunk | None = None
    buildings: NodeChunk | None = None
    hierarchy: tuple[list[tuple[str, str, tuple[int, int, int]]], list[tuple[str, str]]] | None = (
        None
    )
    moves: ArrowChunk | None = None
    flow: ArrowChunk | None = None
    events: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)


class GraphPainter:
    """Remembers what was drawn and in which chunk; reads from the graph only what changed."""

    def __init__(self) -> None:
        self._version = (0, 0)
        self._nodes: dict[ChunkKey, dict[NodeSymbol, None]] = {}
        self._edges: dict[ChunkKey, dict[EdgeKey, None]] = {}
        self._known_gone: set[NodeSymbol] = set()
        self._poses = 0  # of agents, when flow was drawn
        self._drawn_at: dict[NodeSymbol, Position] = {}

    def draw(self, graph: SceneGraph) -> GraphDrawing:
        """The chunks that changed since the last call, drawn anew."""
        changes = graph.changes_since(self._version)
        self._version = changes.version
        edges = _book(self._edges, changes.edges, _edge_chunk) | self._moved(graph, changes.nodes)
        nodes = _book(self._nodes, changes.nodes, _node_chunk) | _recolored(changes)
        kinds = {kind for kind, _ in nodes}
        return GraphDrawing(
            places={n: self._places(graph, n) for kind, n in sorted(nodes) if kind == "p"},
            objects={n: self._objects(graph, n) for kind, n in sorted(nodes) if kind == "O"},
            links={key: self._links(graph, key) for key in sorted(edges) if _is_drawn(key[0])},
            rooms=_upper_nodes(graph, Layer.ROOMS) if "R" in kinds else None,
            buildings=_upper_nodes(graph, Layer.BUILDINGS) if "B" in kinds else None,
            hierarchy=_hierarchy(graph) if kinds & {"O", "R", "B"} else None,
            moves=move_arrows(graph) if "O" in kinds else None,
            flow=self._flow(graph),
            events=tuple(self._events(graph, changes.nodes)),
            counts=graph.counts_present(),
        )

    def _moved(self, graph: SceneGraph, changes: Changes[NodeSymbol]) -> set[ChunkKey]:
        """Chunks of the links that end at nodes which are not where they were drawn."""
        chunks: set[ChunkKey] = set()
        for symbol in (*changes.new, *changes.changed):
            position_m = graph.get_node(symbol).position_m
            before_m = self._drawn_at.setdefault(symbol, position_m)
            if math.dist(before_m, position_m) > MOVED_M:
                self._drawn_at[symbol] = position_m
                chunks.update(_edge_chunk(edge) for edge in graph.edges_of(symbol))
        for symbol in changes.removed:
            self._drawn_at.pop(symbol, None)
        return chunks

    def _places(self, graph: SceneGraph, number: int) -> PlaceChunk:
        symbols = list(self._nodes[("p", number)])
        nodes = [node for s in symbols if isinstance(node := graph.find_node(s), PlaceNode)]
        return PlaceChunk(
            positions_m=array(lifted(node, Layer.PLACES) for node in nodes),
            radii_m=np.array([0.05 + 0.06 * node.radius_m for node in nodes], dtype=np.float32),
            colors=colors_of(place_color(graph, symbol) for symbol in symbols),
            labels=[str(symbol) for symbol in symbols],
        )

    def _objects(self, graph: SceneGraph, number: int) -> BoxChunk:
        symbols = self._nodes[("O", number)]
        objects = [(s, n) for s in symbols if isinstance(n := graph.find_node(s), ObjectNode)]
        shown = [(s, n) for s, n in objects if n.is_present or n.removed_ns is not None]
        return BoxChunk(
            boxes=[node.box for _, node in shown],
            labels=[
                f"{node.name} {symbol}" + ("" if node.is_present else " (gone)")
                for symbol, node in shown
            ],
            colors=[(*node.color, 255 if node.is_present else GONE_ALPHA) for _, node in shown],
        )

    def _flow(self, graph: SceneGraph) -> ArrowChunk | None:
        """The flow through places anew, whenever agents have a tenth more poses than before."""
        poses = sum(graph.count(*key) for key in graph.layer_keys() if _is_somebody(key))
        if poses <= FLOW_GROWTH * self._poses:
            return None
        self._poses = poses
        return flow_arrows(graph)

    def _links(self, graph: SceneGraph, key: ChunkKey) -> LineChunk:
        edges = self._edges[key]
        segments = [(_end(graph, a), _end(graph, b)) for a, b in edges]
        return LineChunk(
            segments_m=np.array(segments, dtype=np.float32).reshape(-1, 2, 3),
            colors=colors_of(_link_color(graph, a) for a, _ in edges),
        )

    def _events(self, graph: SceneGraph, changes: Changes[NodeSymbol]) -> Iterable[str]:
        for symbol in changes.new:
            if symbol.info.name in NAMED:
                yield f"new {symbol} {_name(graph.find_node(symbol))}"
        for symbol in changes.changed:
            node = graph.get_node(symbol)
            if node.ending is not None and symbol not in self._known_gone:
                self._known_gone.add(symbol)
                yield f"{node.ending.kind} {symbol} {_name(node)}"
        for symbol in changes.removed:
            if symbol.info.name in NAMED:
                yield f"dropped {symbol}"


def _book(
    members: dict[ChunkKey, dict[Any, None]],
    changes: Changes[Any],
    chunk_of: Callable[[Any], ChunkKey],
) -> set[ChunkKey]:
    """Brings ``members`` up to date; returns the chunks to draw again."""
    for key in changes.new:
        members.setdefault(chunk_of(key), {})[key] = None
    for key in changes.removed:
        members[chunk_of(key)].pop(key, None)
    return {chunk_of(key) for key in (*changes.new, *changes.changed, *changes.removed)}


def _recolored(changes: GraphChanges) -> set[ChunkKey]:
    """Chunks of places that came to another room: they take its colour."""
    edges = (*changes.edges.new, *changes.edges.removed)
    return {_node_chunk(a) for a, b in edges if (a.prefix, b.prefix) == ("p", "R")}


def _node_chunk(symbol: NodeSymbol) -> ChunkKey:
    return (symbol.prefix, symbol.number // CHUNK)


def _edge_chunk(edge: EdgeKey) -> ChunkKey:
    return (f"{edge[0].prefix}-{edge[1].prefix}", edge[0].number // CHUNK)


def _end(graph: SceneGraph, symbol: NodeSymbol) -> tuple[float, float, float]:
    node = graph.get_node(symbol)
    return node.position_m if symbol.is_agent else lifted(node, symbol.layer)


def _link_color(graph: SceneGraph, lower: NodeSymbol) -> tuple[int, int, int]:
    node = graph.find_node(lower)
    if isinstance(node, ObjectNode | RoomNode):
        return node.color
    if lower.is_agent and lower.prefix != CAMERA_PREFIX:
        return agent_color(lower)
    return place_color(graph, lower) if isinstance(node, PlaceNode) else GREY


def _upper_nodes(graph: SceneGraph, layer: Layer) -> NodeChunk:
    nodes = [
        (symbol, node)
        for symbol, node in graph.nodes(layer)
        if isinstance(node, RoomNode | BuildingNode)
    ]
    return NodeChunk(
        positions_m=array(lifted(node, layer) for _, node in nodes),
        colors=colors_of(node.color for _, node in nodes),
        labels=[f"{node.name} {symbol}" for symbol, node in nodes],
    )


def _hierarchy(
    graph: SceneGraph,
) -> tuple[list[tuple[str, str, tuple[int, int, int]]], list[tuple[str, str]]]:
    """(id, text, colour) of buildings, rooms and objects, and (upper, lower) links past places."""
    nodes: list[tuple[str, str, tuple[int, int, int]]] = []
    links: list[tuple[str, str]] = []
    for layer in (Layer.BUILDINGS, Layer.ROOMS, Layer.OBJECTS):
        for symbol, node in graph.present(layer):
            if isinstance(node, BuildingNode | RoomNode | ObjectNode):
                nodes.append((str(symbol), node.name, node.color))
            parent = graph.find_parent(symbol)
            above = graph.find_parent(parent) if layer is Layer.OBJECTS and parent else parent
            if above is not None:
                links.append((str(above), str(symbol)))
    return nodes, links


def _is_drawn(kind: str) -> bool:
    """Links of the hierarchy that are shown, and the tracks of agents."""
    lower, _, upper = kind.partition("-")
    return kind in DRAWN_LINKS or (lower == upper and lower in AGENT_PREFIXES)


def _is_somebody(key: tuple[Layer, int]) -> bool:
    return key[1] not in (0, ord(CAMERA_PREFIX))


def _name(node: Node | None) -> str:
    return node.name if isinstance(node, ObjectNode | RoomNode | BuildingNode) else ""
