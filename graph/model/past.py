"""The memory of a graph: what its nodes and edges were, and since when that was known."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from hydra_mono.core.map.ranges import StampNs
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.history import (
    MAX_PAST_VERSIONS,
    EdgeKey,
    GraphChanges,
    History,
    RecordCodec,
    Version,
    changes_in,
)
from hydra_mono.graph.model.nodes import (
    AgentNode,
    BuildingNode,
    Edge,
    Node,
    ObjectNode,
    PlaceNode,
    RoomNode,
)
from hydra_mono.graph.model.symbols import NodeSymbol, SymbolText

Interval = tuple[int, int | None]

AnyNode = ObjectNode | PlaceNode | RoomNode | BuildingNode | AgentNode
_NODE_RECORD = RecordCodec(SymbolText, AnyNode)
_NOW: Any = TypeAdapter(StampNs | None, config={"strict": True})
_EDGE_RECORD = RecordCodec(tuple[SymbolText, SymbolText], Edge)


class GraphPast:
    """Told of every change by the graph's verbs; read by whoever wants changes or the past.

    ``advance`` tells the time. Before its first call (a graph read from a file, or written by
    hand) the stamps of the nodes and edges themselves are taken.
    """

    def __init__(self, max_past: int = MAX_PAST_VERSIONS) -> None:
        """``max_past``: versions of nodes, and of edges, kept beside the present ones."""
        self._nodes: History[NodeSymbol, Node] = History(_seen_again, max_past)
        self._edges: History[EdgeKey, Edge] = History(_seen_again, max_past)
        self._now_ns: int | None = None

    def advance(self, stamp_ns: int) -> None:
        """What changes from here on is known since this instant; time never goes back."""
        self._now_ns = stamp_ns if self._now_ns is None else max(self._now_ns, stamp_ns)

    def _known_ns(self, stamp_ns: int) -> int:
        return stamp_ns if self._now_ns is None else self._now_ns

    def add_node(self, symbol: NodeSymbol, node: Node) -> None:
        self._nodes.put(symbol, node, self._known_ns(node.first_seen_ns))

    def change_node(self, symbol: NodeSymbol, node: Node) -> None:
        self._nodes.put(symbol, node, self._known_ns(_latest_ns(node)))

    def drop_node(self, symbol: NodeSymbol, node: Node) -> None:
        self._nodes.drop(symbol, self._known_ns(_latest_ns(node)))

    def add_edge(self, key: EdgeKey, edge: Edge) -> None:
        self._edges.put(key, edge, self._known_ns(edge.first_seen_ns))

    def change_edge(self, key: EdgeKey, edge: Edge) -> None:
        self._edges.put(key, edge, self._known_ns(edge.last_seen_ns))

    def drop_edge(self, key: EdgeKey, edge: Edge) -> None:
        self._edges.drop(key, self._known_ns(edge.last_seen_ns))

    @property
    def version(self) -> Version:
        return self._nodes.version, self._edges.version

    def changes_since(self, version: Version) -> GraphChanges:
        return GraphChanges(
            version=self.version,
            nodes=changes_in(self._nodes, version[0]),
            edges=changes_in(self._edges, version[1]),
        )

    def nodes_at(self, stamp_ns: int) -> list[tuple[NodeSymbol, Node]]:
        """The nodes that were present as known at a stamp, sorted; no later knowledge in them."""
        found = []
        for symbol, node in self._nodes.at(stamp_ns):
            if node.exists_at(stamp_ns):
                seen_ns = max(node.first_seen_ns, min(node.last_seen_ns, stamp_ns))
                found.append((symbol, replace(as_known(node, stamp_ns), last_seen_ns=seen_ns)))
        return sorted(found, key=lambda entry: (entry[0].layer, entry[0]))

    def edges_at(self, stamp_ns: int) -> Iterator[tuple[EdgeKey, Edge]]:
        """The edges as known at a stamp."""
        for key, edge in self._edges.at(stamp_ns):
            if edge.first_seen_ns <= stamp_ns:
                yield key, replace(edge, last_seen_ns=min(edge.last_seen_ns, stamp_ns))

    def versions(self, symbol: NodeSymbol) -> list[tuple[int, Node | None]]:
        """(since when it was known, node or None once it was no part of the graph) of a node.

        Oldest first; versions that differ only in when it was last seen are one.
        """
        return self._nodes.versions(symbol)

    def edge_lives(self) -> Iterator[tuple[EdgeKey, list[tuple[int, Edge | None]]]]:
        """Every edge that ever was and its versions, as ``versions`` tells those of a node."""
        known = self._edges.keys()
        return ((key, self._edges.versions(key)) for key in known)

    def symbols(self) -> list[NodeSymbol]:
        """Every node that has ever been in the graph, as far as is remembered, sorted."""
        return sorted(self._nodes.keys(), key=lambda symbol: (symbol.layer, symbol))

    def presence(self, symbol: NodeSymbol) -> list[Interval]:
        """When a node was there: (from, until) in nanoseconds; None while it still is.

        What was retracted was never there.
        """
        versions = self.versions(symbol)
        last = next((node for _, node in reversed(versions) if node is not None), None)
        if last is not None and last.ending is not None and last.ending.kind == "retracted":
            return []
        intervals: list[Interval] = []
        for stamp_ns, node in versions:
            is_open = bool(intervals) and intervals[-1][1] is None
            if node is not None and node.is_present and not is_open:
                intervals.append((stamp_ns if intervals else node.first_seen_ns, None))
            elif is_open and (node is None or node.ending is not None):
                until_ns = node.ending.until_ns if node and node.ending else stamp_ns
                intervals[-1] = (intervals[-1][0], until_ns)
        return intervals

    def present(self) -> tuple[dict[NodeSymbol, Node], list[tuple[EdgeKey, Edge]]]:
        """The last version of what there is."""
        return dict(self._nodes.present()), list(self._edges.present())

    def state(self) -> State:
        """See ``core.map.state``."""
        return {
            "now_ns": self._now_ns,
            "nodes": self._nodes.state(_NODE_RECORD),
            "edges": self._edges.state(_EDGE_RECORD),
        }

    def restore(self, state: State) -> None:
        self._now_ns = _NOW.validate_python(state["now_ns"])
        self._nodes.restore(state["nodes"], _NODE_RECORD)
        self._edges.restore(state["edges"], _EDGE_RECORD)

    @property
    def past_count(self) -> int:
        """Versions of nodes and edges kept beside the present ones."""
        return self._nodes.past_count + self._edges.past_count

    @property
    def slot_ns(self) -> int:
        """How finely the past is told, in nanoseconds; 0 exactly."""
        return max(self._nodes.slot_ns, self._edges.slot_ns)


def as_known(node: Node, stamp_ns: int) -> Node:
    """A node without its ending, or a look at it, that came after a stamp."""
    if not isinstance(node, ObjectNode) or node.presence is None:
        return replace(node, ending=None)
    known = node.presence
    last_ns = max(known.first_seen_ns, min(known.last_seen_ns, stamp_ns))
    presence = replace(known, last_seen_ns=last_ns, vanished_before_ns=None)
    return replace(node, ending=None, presence=presence)


def _latest_ns(node: Node) -> int:
    return max(node.last_seen_ns, node.ending.until_ns if node.ending else node.last_seen_ns)


def _seen_again(before: Node | Edge, after: Node | Edge) -> bool:
    """Whether nothing but the stamp of the last look differs."""
    news: dict[str, Any] = {"last_seen_ns": after.last_seen_ns}
    if isinstance(before, ObjectNode) and isinstance(after, ObjectNode):
        old, new = before.presence, after.presence
        if old is not None and new is not None:
            news["presence"] = replace(old, last_seen_ns=new.last_seen_ns)
    return replace(before, **news) == after
