"""What files tell of time: looks, flow, and history.json with every remembered version.

graph.json shows the present, with what is known of each node's past; history.json holds what
``SceneGraph.at`` needs beside it.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from hydra_mono.core.errors import ExportError, GraphError
from hydra_mono.graph.io.entries import BACKGROUND, FLOW, LOOK
from hydra_mono.graph.io.origin import moved, negative
from hydra_mono.graph.io.text import from_json, lines, to_json
from hydra_mono.graph.model.past import GraphPast
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.model.timed import flows

HISTORY_FORMAT = "hydra-mono/history/1"
_HEAD = re.compile(rf'\s*\{{\s*"format"\s*:\s*"{HISTORY_FORMAT}"')

Json = dict[str, Any]


def looks_entries(graph: SceneGraph) -> list[Json]:
    """The looks at each node of the graph, oldest first."""
    symbols = [symbol for symbol in graph.looks.symbols() if graph.has_node(symbol)]
    return [
        {"id": str(symbol), "looks": [LOOK.dump(look) for look in graph.looks.of(symbol)]}
        for symbol in symbols
    ]


def flow_entries(graph: SceneGraph) -> list[Json]:
    """The flow of each place that an agent visited."""
    return [{"place": str(place), **FLOW.dump(found)} for place, found in flows(graph).items()]


def background_entries(graph: SceneGraph) -> list[Json]:
    """Changes of walls, floors and what is built in."""
    return [BACKGROUND.dump(change) for change in graph.looks.background]


def read_background(graph: SceneGraph, entries: list[Json]) -> None:
    graph.looks.note(BACKGROUND.load(entry, "change of background") for entry in entries)


def read_looks(graph: SceneGraph, entries: list[Json]) -> None:
    """Puts looks of a document into a graph that has the nodes."""
    for entry in entries:
        symbol = NodeSymbol.parse(entry["id"])
        graph.get_node(symbol)
        looks = [LOOK.load(look, f"looks at {symbol}") for look in entry["looks"]]
        graph.looks.put(symbol, looks)


def history_text(graph: SceneGraph) -> Iterator[str]:
    """history.json: every version of every node and edge that is remembered, a key a line."""
    state = graph.past.state()
    head = {"format": HISTORY_FORMAT, "now_ns": state["now_ns"]}
    yield to_json(head)[:-1]
    for name in ("nodes", "edges"):
        part = state[name]
        about = to_json({key: part[key] for key in part if key != "records"})
        yield f',\n{json.dumps(name)}: {about[:-1]},"records": '
        yield from lines(moved(part["records"], graph.origin_m))
        yield "}"
    yield "}\n"


def read_history(graph: SceneGraph, text: str) -> None:
    """Gives a graph the past that ``history_text`` wrote.

    Where the graph was changed since (by hand), that is the last of what is known.

    Raises:
        ExportError: the text is no history of this format, or is damaged.
    """
    graph.past = _past_of(graph, text)


def read_history_later(graph: SceneGraph, text: str) -> None:
    """``read_history`` at the first question about the past: it takes seconds for a large map.

    Raises:
        ExportError: the text is no history of this format. Damage further on is found when it is
            read, and raised there.
    """
    if _HEAD.match(text) is None:
        raise ExportError(f"not a history of the format {HISTORY_FORMAT}")
    graph.read_past_later(lambda: _past_of(graph, text))


def _past_of(graph: SceneGraph, text: str) -> GraphPast:
    document = from_json(text)
    if not isinstance(document, dict) or document.get("format") != HISTORY_FORMAT:
        raise ExportError(f"not a history of the format {HISTORY_FORMAT}")
    back_m = negative(graph.origin_m)
    try:
        for name in ("nodes", "edges"):
            document[name]["records"] = moved(document[name]["records"], back_m)
        past = GraphPast()
        past.restore(document)
    except (KeyError, TypeError, AttributeError, ValidationError, GraphError) as error:
        found = " ".join(str(error).split())[:200]
        raise ExportError(f"damaged history: {type(error).__name__} {found}") from error
    return _brought_up_to(graph, past)


def _brought_up_to(graph: SceneGraph, past: GraphPast) -> GraphPast:
    nodes, edges = past.present()
    now = {symbol: node for key in graph.layer_keys() for symbol, node in graph.nodes(*key)}
    for symbol, node in now.items():
        if symbol not in nodes:
            past.add_node(symbol, node)
        elif nodes[symbol] != node:
            past.change_node(symbol, node)
    links = {(a, b): edge for a, b, edge in graph.edges()}
    before = dict(edges)
    for key, edge in before.items():
        if key not in links:
            past.drop_edge(key, edge)
    for key, edge in links.items():
        if key not in before:
            past.add_edge(key, edge)
    for symbol, node in nodes.items():
        if symbol not in now:
            past.drop_node(symbol, node)
    return past
