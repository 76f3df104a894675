"""graph.json: the whole graph as JSON that people, planners and this package read.

The same graph gives the same bytes: nodes and edges are sorted, keys stand in a fixed order, and
numbers are written with the digits that read back to the same number.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from hydra_mono.core.errors import DataError, ExportError, GraphError
from hydra_mono.core.files.documents import shortened
from hydra_mono.core.labels import NO_LABELS, LabelSpace, label_space_of
from hydra_mono.graph.io.entries import (
    EDGE,
    LABEL_SPACE,
    NODES,
    ORIGIN,
    STAMP,
    edge_entry,
    node_entry,
    with_ending,
)
from hydra_mono.graph.io.origin import AT_WORLD_ORIGIN, Origin, moved, negative
from hydra_mono.graph.io.past_json import (
    background_entries,
    flow_entries,
    looks_entries,
    read_background,
    read_looks,
)
from hydra_mono.graph.io.text import from_json, lines, to_json
from hydra_mono.graph.model.nodes import Node
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import LAYERS, NodeSymbol

FORMAT = "hydra-mono/graph"
VERSION = 2  # 1 knew of no ending but ``removed_ns``
SCHEMA = f"{FORMAT}/{VERSION}"
FRAME = "z-up, right-handed"
UNITS = {"length": "m", "angle": "rad", "time": "ns", "color": "0..255"}

ONE_A_LINE = ("nodes", "edges", "looks", "flow", "background_changes")  # lists with an entry a line
_SHOWN = 400  # characters of a message that may quote the document

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LoadedGraph:
    """What a graph.json holds. ``stamp_ns``: when the graph was as written, None if empty."""

    graph: SceneGraph
    labels: LabelSpace
    stamp_ns: int | None


def sorted_nodes(graph: SceneGraph) -> Iterator[tuple[NodeSymbol, Node]]:
    """Every node, layer by layer from below (objects, then agents), by number."""
    for layer, partition in graph.layer_keys():
        for symbol in sorted(graph.symbols(layer, partition)):
            yield symbol, graph.get_node(symbol)


def to_document(graph: SceneGraph, labels: LabelSpace = NO_LABELS) -> Document:
    """The graph as plain lists, dicts, numbers and strings; ended nodes with their ending.

    Positions are the world's. ``origin_m`` is the map's own origin, from which ``mesh_blocks`` are
    counted.
    """
    nodes = list(sorted_nodes(graph))
    stamps = [node.last_seen_ns for _, node in nodes]
    return {
        "schema": SCHEMA,
        "units": UNITS,
        "frame": FRAME,
        "origin_m": list(graph.origin_m),
        "stamp_ns": int(max(stamps)) if stamps else None,
        "label_space": LABEL_SPACE.dump(labels),
        "layers": _layers(graph, nodes),
        "nodes": moved([node_entry(symbol, node) for symbol, node in nodes], graph.origin_m),
        "edges": [edge_entry(a, b, edge) for a, b, edge in graph.edges()],
        "looks": looks_entries(graph),
        "flow": flow_entries(graph),
        "background_changes": moved(background_entries(graph), graph.origin_m),
    }


def from_document(document: Any) -> LoadedGraph:
    """The graph of a document of this format or an older version.

    Raises:
        ExportError: the document is of another format or a newer version, or is damaged.
    """
    version = _version(document)
    try:
        origin_m = _origin(document)
        graph = SceneGraph(origin_m)
        nodes = moved(document["nodes"], negative(origin_m))
        add_nodes(graph, nodes if version >= VERSION else [with_ending(entry) for entry in nodes])
        _add_edges(graph, document["edges"])
        read_looks(graph, document.get("looks", []))
        changes = document.get("background_changes", [])
        read_background(graph, moved(changes, negative(origin_m)))
        labels = label_space_of(document["label_space"])
        stamp_ns = STAMP.load(document["stamp_ns"], "stamp_ns")
        return LoadedGraph(graph=graph, labels=labels, stamp_ns=stamp_ns)
    except (KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"damaged graph document: {shortened(repr(error))}") from error
    except (ValueError, GraphError, DataError) as error:
        raise ExportError(f"damaged graph document: {str(error)[:_SHOWN]}") from error


def to_text(document: Document) -> Iterator[str]:
    """The document as JSON, a node, an edge, the looks at a node or the flow at a place a line.

    Raises:
        ExportError: a number is not finite.
    """
    separator = "{\n"
    for key, value in document.items():
        yield f"{separator}{json.dumps(key)}: "
        yield from lines(value) if key in ONE_A_LINE else (to_json(value),)
        separator = ",\n"
    yield "\n}\n"


def from_text(text: str) -> LoadedGraph:
    """The graph of the text of a graph.json.

    Raises:
        ExportError: the text is cut short, no JSON, or no graph of this version.
    """
    return from_document(from_json(text))


def _origin(document: Document) -> Origin:
    origin_m: Origin = ORIGIN.load(document.get("origin_m", AT_WORLD_ORIGIN), "origin_m")
    return origin_m


def _layers(graph: SceneGraph, nodes: Iterable[tuple[NodeSymbol, Node]]) -> Document:
    """Of each layer its number, the nodes in this file and those of them that are present."""
    counts = {info.name: [0, 0] for info in LAYERS}
    for symbol, node in nodes:
        counts[symbol.info.name][0] += 1
        counts[symbol.info.name][1] += node.is_present
    return {
        info.name: {
            "layer": int(info.layer),
            "count": counts[info.name][0],
            "present": counts[info.name][1],
        }
        for info in LAYERS
    }


def add_nodes(graph: SceneGraph, entries: list[Document]) -> None:
    """Adds nodes in their order, those of a layer in a row at once.

    Raises:
        ExportError: an entry is none of its layer, or a number is out of its range.
    """
    symbols = [NodeSymbol.parse(entry["id"]) for entry in entries]
    named = zip(symbols, entries, strict=True)
    for layer, rows in groupby(named, key=lambda row: row[0].info.name):
        group = list(rows)
        wheres = [f"node {symbol}" for symbol, _ in group]
        nodes = NODES[layer].load_many([entry for _, entry in group], wheres)
        for (symbol, _), node in zip(group, nodes, strict=True):
            graph.add_node(symbol, node)


def _add_edges(graph: SceneGraph, entries: list[Document]) -> None:
    ends = [
        (NodeSymbol.parse(entry["source"]), NodeSymbol.parse(entry["target"])) for entry in entries
    ]
    edges = EDGE.load_many(entries, [f"edge {source}-{target}" for source, target in ends])
    for (source, target), edge in zip(ends, edges, strict=True):
        graph.add_edge(source, target, edge)


def _version(document: Any) -> int:
    schema = document.get("schema") if isinstance(document, dict) else None
    match = re.fullmatch(rf"{FORMAT}/([0-9]{{1,9}})", str(schema))
    if not match:
        raise ExportError(
            f"not a graph of this package: schema {str(schema)[:80]!r}, expected '{SCHEMA}'"
        )
    if int(match[1]) > VERSION:
        raise ExportError(
            f"the graph has format {schema}, this version reads up to {SCHEMA}: "
            "update hydra-mono to read it"
        )
    return int(match[1])
