"""Cypher, the query language of graph databases, on a snapshot: grand-cypher runs it.

Labels and edges are named as Heracles names them: ``Object``, ``Place``, ``Room``, ``Building``;
``CONTAINS`` from parent to child, ``OBJECT_CONNECTED``, ``PLACE_CONNECTED`` and ``ROOM_CONNECTED``
both ways between siblings. Only what is present is in it, and nothing can be changed.
"""

from typing import Any

import networkx as nx

from hydra_mono.core.errors import MissingDependencyError, QueryError
from hydra_mono.graph.model.nodes import BuildingNode, Node, ObjectNode, PlaceNode, RoomNode
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.query.snapshot.index import GraphIndex, category_of
from hydra_mono.graph.query.snapshot.words import display_name, room_category

Row = dict[str, Any]


def property_graph(index: GraphIndex) -> nx.DiGraph:
    """Nodes by id with plain attributes; positions are the world's."""
    plain, graph = nx.DiGraph(), index.graph
    origin_m = graph.origin_m
    for key in graph.layer_keys():
        for symbol, node in graph.present(*key):
            if symbol.is_agent:
                continue
            x, y, z = (a + b for a, b in zip(node.position_m, origin_m, strict=True))
            about = {"id": str(symbol), "x": x, "y": y, "z": z, **_about(index, symbol, node)}
            plain.add_node(str(symbol), __labels__={_label(symbol)}, **about)
    for a, b, edge in graph.edges():
        ends = str(a), str(b)
        if ends[0] not in plain or ends[1] not in plain:
            continue
        if a.layer != b.layer:
            plain.add_edge(ends[1], ends[0], __labels__={"CONTAINS"})
            continue
        for start, end in (ends, ends[::-1]):
            kind = f"{_label(a).upper()}_CONNECTED"
            plain.add_edge(start, end, __labels__={kind}, clearance=edge.weight)
    return plain


def _label(symbol: NodeSymbol) -> str:
    return symbol.info.singular.capitalize()


def _about(index: GraphIndex, symbol: NodeSymbol, node: Node) -> Row:
    match node:
        case ObjectNode():
            length, width, height = node.box.dimensions_m
            size = {"length": length, "width": width, "height": height}
            name = display_name(symbol, node)
            return {"class": category_of(index.labels, node), "name": name, **size}
        case PlaceNode():
            return {"radius": node.radius_m}
        case RoomNode():
            about = {"name": node.name, "class": room_category(node), "area": node.area_m2}
            return about | {"storey": node.storey}
        case BuildingNode():
            return {"name": node.name, "storeys": len(node.storey_heights_m)}
    return {}


def cypher(index: GraphIndex, text: str) -> list[Row]:
    """The rows that a query returns, of its columns by name.

    Raises:
        MissingDependencyError: grand-cypher is not installed.
        QueryError: the text is no query that grand-cypher runs.
    """
    try:
        from grandcypher import GrandCypher
    except ImportError as error:
        raise MissingDependencyError(
            f"Cypher is run by grand-cypher ({error}); pip install 'hydra-mono[cypher]'"
        ) from error
    try:
        found = GrandCypher(property_graph(index)).run(text)
    except Exception as error:  # the parser's and whatever the query makes of its own graph
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise QueryError(f"no Cypher that can be run: {line}") from error
    columns = {str(name): [_plain(value) for value in values] for name, values in found.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(value: Any) -> Any:
    """A whole node or edge without what only the language knows; sets as lists."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items() if key != "__labels__"}
    return sorted(value) if isinstance(value, set | frozenset) else value
