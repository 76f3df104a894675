"""graph.json: the whole graph as JSON that people, planners and this package read.

The same graph gives the same bytes: nodes and edges are sorted, keys stand in a fixed order, and
numbers are written with the digits that read back to the same number.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

from hydra_mono.core.errors import DataError, ExportError, GraphError
from hydra_mono.core.files.documents import parse_json, shortened
from hydra_mono.core.labels import NO_LABELS, LabelSpace, label_space_of
from hydra_mono.graph.io.codec import from_plain, to_plain
from hydra_mono.graph.model.nodes import (
    AgentNode,
    BuildingNode,
    Edge,
    Node,
    ObjectNode,
    PlaceNode,
    RoomNode,
)
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

FORMAT = "hydra-mono/graph"
VERSION = 1
SCHEMA = f"{FORMAT}/{VERSION}"
FRAME = "z-up, right-handed"
UNITS = {"length": "m", "angle": "rad", "time": "ns", "color": "0..255"}

_SHOWN = 400  # characters of a message that may quote the document
_FARTHEST_M = 1e9  # from the origin; farther is on no planet

AGENTS = "agents"
NODE_TYPES: dict[str, type[Node]] = {
    "objects": ObjectNode,
    AGENTS: AgentNode,
    "places": PlaceNode,
    "rooms": RoomNode,
    "buildings": BuildingNode,
}
_NAMES = {Layer.OBJECTS: "objects", Layer.PLACES: "places"} | {
    Layer.ROOMS: "rooms",
    Layer.BUILDINGS: "buildings",
}

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LoadedGraph:
    """What a graph.json holds. ``stamp_ns``: when the graph was as written, None if empty."""

    graph: SceneGraph
    labels: LabelSpace
    stamp_ns: int | None


def layer_name(symbol: NodeSymbol) -> str:
    """``objects``, ``agents``, ``places``, ``rooms`` or ``buildings``."""
    return AGENTS if symbol.is_agent else _NAMES[symbol.layer]


def sorted_nodes(graph: SceneGraph) -> Iterator[tuple[NodeSymbol, Node]]:
    """Every node, layer by layer from below (objects, then agents), by number."""
    for layer, partition in graph.layer_keys():
        for symbol in sorted(graph.symbols(layer, partition)):
            yield symbol, graph.get_node(symbol)


def to_document(graph: SceneGraph, labels: LabelSpace = NO_LABELS) -> Document:
    """The graph as plain lists, dicts, numbers and strings."""
    nodes = list(sorted_nodes(graph))
    stamps = [node.last_seen_ns for _, node in nodes]
    return {
        "schema": SCHEMA,
        "units": UNITS,
        "frame": FRAME,
        "stamp_ns": int(max(stamps)) if stamps else None,
        "label_space": to_plain(labels, LabelSpace),
        "layers": _layers(nodes),
        "nodes": [_node_entry(symbol, node) for symbol, node in nodes],
        "edges": [_edge_entry(a, b, edge) for a, b, edge in graph.edges()],
    }


def from_document(document: Any) -> LoadedGraph:
    """The graph of a document.

    Raises:
        ExportError: the document is of another format or a newer version, or is damaged.
    """
    _check_version(document)
    graph = SceneGraph()
    try:
        for entry in document["nodes"]:
            _add_node(graph, entry)
        for entry in document["edges"]:
            _add_edge(graph, entry)
        labels = label_space_of(document["label_space"])
        return LoadedGraph(graph=graph, labels=labels, stamp_ns=document["stamp_ns"])
    except (KeyError, TypeError) as error:
        raise ExportError(f"damaged graph document: {shortened(repr(error))}") from error
    except (ValueError, DataError, GraphError) as error:
        raise ExportError(f"damaged graph document: {str(error)[:_SHOWN]}") from error


def to_text(document: Document) -> Iterator[str]:
    """The document as JSON, a node or an edge a line, in pieces.

    Raises:
        ExportError: a number is not finite.
    """
    separator = "{\n"
    for key, value in document.items():
        yield f"{separator}{json.dumps(key)}: "
        yield from _lines(value) if key in ("nodes", "edges") else (to_json(value),)
        separator = ",\n"
    yield "\n}\n"


def from_text(text: str) -> LoadedGraph:
    """The graph of the text of a graph.json.

    Raises:
        ExportError: the text is cut short, no JSON, or no graph of this version.
    """
    try:
        document = parse_json(text)
    except ValueError as error:
        raise ExportError(f"not the text of a graph: {error}") from error
    return from_document(document)


def graph_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``to_document``."""
    file = resources.files("hydra_mono.graph.io").joinpath("graph.schema.json")
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def to_json(value: Any) -> str:
    """Compact JSON text.

    Raises:
        ExportError: a number is not finite; the message quotes where.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    except ValueError as error:
        raise ExportError(f"a number is not finite: {str(value)[:200]}") from error


def _layers(nodes: Iterable[tuple[NodeSymbol, Node]]) -> Document:
    counts = dict.fromkeys(NODE_TYPES, 0)
    for symbol, _ in nodes:
        counts[layer_name(symbol)] += 1
    layers = {name: layer for layer, name in _NAMES.items()} | {AGENTS: Layer.OBJECTS}
    return {name: {"layer": int(layers[name]), "count": counts[name]} for name in NODE_TYPES}


def _node_entry(symbol: NodeSymbol, node: Node) -> Document:
    name = layer_name(symbol)
    return {"id": str(symbol), "layer": name, **to_plain(node, NODE_TYPES[name])}


def _edge_entry(a: NodeSymbol, b: NodeSymbol, edge: Edge) -> Document:
    is_parent = a.layer != b.layer
    source, target = (b, a) if is_parent else (a, b)
    return {
        "source": str(source),
        "target": str(target),
        "kind": "parent" if is_parent else "sibling",
        **to_plain(edge, Edge),
    }


def _add_node(graph: SceneGraph, entry: Document) -> None:
    symbol = NodeSymbol.parse(entry["id"])
    try:
        node = from_plain(entry, NODE_TYPES[layer_name(symbol)])
        if max(map(abs, node.position_m)) > _FARTHEST_M:
            raise ValueError(f"it lies at {node.position_m}, on no planet")
        graph.add_node(symbol, node)
    except ValueError as error:
        fault = str(error)[:_SHOWN]
        raise ExportError(f"damaged graph document: node {symbol}: {fault}") from error


def _add_edge(graph: SceneGraph, entry: Document) -> None:
    source, target = NodeSymbol.parse(entry["source"]), NodeSymbol.parse(entry["target"])
    graph.add_edge(source, target, from_plain(entry, Edge))


def _lines(entries: list[Document]) -> Iterator[str]:
    separator = "[\n"
    for entry in entries:
        yield separator + to_json(entry)
        separator = ",\n"
    yield "\n]" if entries else "[]"


def _check_version(document: Any) -> None:
    schema = document.get("schema") if isinstance(document, dict) else None
    match = re.fullmatch(rf"{FORMAT}/(\d+)", str(schema))
    if not match:
        raise ExportError(f"not a graph of this package: schema {schema!r}, expected '{SCHEMA}'")
    if int(match[1]) > VERSION:
        raise ExportError(
            f"the graph has format {schema}, this version reads up to {SCHEMA}: "
            "update hydra-mono to read it"
        )
