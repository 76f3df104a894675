"""The layered scene graph: verbs over one networkx graph, and a feed of what changed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import networkx as nx

from hydra_mono.core.errors import GraphError
from hydra_mono.graph.model.change_log import ChangeLog
from hydra_mono.graph.model.nodes import Edge, Node, Position
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

EdgeKey = tuple[NodeSymbol, NodeSymbol]
Version = tuple[int, int]

Key = TypeVar("Key", NodeSymbol, EdgeKey)


@dataclass(frozen=True, slots=True)
class Changes(Generic[Key]):
    """What takes a mirror from a version to now; every key is in one list only, all sorted."""

    new: tuple[Key, ...]
    changed: tuple[Key, ...]
    removed: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class GraphChanges:
    """News of a graph since some version; ``version`` is the one to ask from next time."""

    version: Version
    nodes: Changes[NodeSymbol]
    edges: Changes[EdgeKey]


class SceneGraph:
    """Nodes in layers; edges between siblings, or from a parent to a child one layer or more below.

    Structure changes only through the verbs here, and every node has at most one parent. What
    an edge means follows from its ends: same layer (and partition), siblings; else, parenthood.
    Positions are relative to ``origin_m``, a point of the world.
    """

    def __init__(self, origin_m: Position = (0.0, 0.0, 0.0)) -> None:
        self.origin_m = origin_m
        self._graph = nx.Graph()
        self._node_log: ChangeLog[NodeSymbol] = ChangeLog()
        self._edge_log: ChangeLog[EdgeKey] = ChangeLog()
        self._layers: dict[tuple[Layer, int], dict[NodeSymbol, None]] = {}
        self._next_index: dict[str, int] = {}
        self._parents: dict[NodeSymbol, NodeSymbol] = {}
        self._active: dict[tuple[Layer, int], set[NodeSymbol]] = {}
        self._orphans: dict[tuple[Layer, int], set[NodeSymbol]] = {}

    # nodes -------------------------------------------------------------------------------

    def next_symbol(self, prefix: str) -> NodeSymbol:
        """A symbol never used before in this graph; indices are not recycled."""
        return NodeSymbol(prefix, self._next_index.get(prefix, 0))

    def add_node(self, symbol: NodeSymbol, node: Node) -> None:
        if symbol in self._graph:
            raise GraphError(f"node {symbol} exists already")
        key = (symbol.layer, symbol.partition)
        self._graph.add_node(symbol, node=node)
        self._layers.setdefault(key, {})[symbol] = None
        self._orphans.setdefault(key, set()).add(symbol)
        self._index_activity(symbol, node)
        self._next_index[symbol.prefix] = max(
            symbol.number + 1, self._next_index.get(symbol.prefix, 0)
        )
        self._node_log.add(symbol)

    def has_node(self, symbol: NodeSymbol) -> bool:
        return symbol in self._graph

    def find_node(self, symbol: NodeSymbol) -> Node | None:
        return self._graph.nodes[symbol]["node"] if symbol in self._graph else None

    def get_node(self, symbol: NodeSymbol) -> Node:
        node = self.find_node(symbol)
        if node is None:
            raise GraphError(f"there is no node {symbol}")
        return node

    def update_node(self, symbol: NodeSymbol, **changes: Any) -> None:
        """Replaces fields of a node; nothing is recorded where nothing differs."""
        before = self.get_node(symbol)
        after = replace(before, **changes)
        if after != before:
            self._graph.nodes[symbol]["node"] = after
            self._index_activity(symbol, after)
            self._node_log.change(symbol)

    def remove_node(self, symbol: NodeSymbol) -> None:
        self.get_node(symbol)
        for other in list(self._graph.neighbors(symbol)):
            self.remove_edge(symbol, other)
        self._graph.remove_node(symbol)
        for index in (self._active, self._orphans):
            index[(symbol.layer, symbol.partition)].discard(symbol)
        del self._layers[(symbol.layer, symbol.partition)][symbol]
        self._node_log.remove(symbol)

    def _index_activity(self, symbol: NodeSymbol, node: Node) -> None:
        active = self._active.setdefault((symbol.layer, symbol.partition), set())
        (active.add if node.is_active else active.discard)(symbol)

    def merge_nodes(self, source: NodeSymbol, target: NodeSymbol) -> None:
        """Gives ``target`` every edge of ``source`` that it lacks, then removes ``source``."""
        self._check_merge(source, target)
        for other in sorted(self._graph.neighbors(source)):
            edge = self.get_edge(source, other)
            self.remove_edge(source, other)
            if other == target or self.has_edge(target, other):
                continue
            if self._is_parent(other, target) and target in self._parents:
                continue
            self.add_edge(target, other, edge)
        self.remove_node(source)

    def _check_merge(self, source: NodeSymbol, target: NodeSymbol) -> None:
        self.get_node(source), self.get_node(target)
        same_layer = (source.layer, source.partition) == (target.layer, target.partition)
        if source == target or not same_layer:
            raise GraphError(f"cannot merge {source} into {target}: not two nodes of one layer")

    def nodes(self, layer: Layer, partition: int = 0) -> Iterator[tuple[NodeSymbol, Node]]:
        """Nodes of a layer in the order they were added; safe while the graph changes."""
        return self._existing(list(self._layers.get((layer, partition), {})))

    def _existing(self, symbols: list[NodeSymbol]) -> Iterator[tuple[NodeSymbol, Node]]:
        for symbol in symbols:
            if symbol in self._graph:
                yield symbol, self._graph.nodes[symbol]["node"]

    def active_nodes(self, layer: Layer, partition: int = 0) -> Iterator[tuple[NodeSymbol, Node]]:
        """Active nodes of a layer, sorted; costs as much as there are active ones."""
        return self._existing(sorted(self._active.get((layer, partition), ())))

    def orphans(self, layer: Layer, partition: int = 0) -> Iterator[tuple[NodeSymbol, Node]]:
        """Nodes of a layer without a parent, sorted; costs as much as there are of them."""
        return self._existing(sorted(self._orphans.get((layer, partition), ())))

    def symbols(self, layer: Layer, partition: int = 0) -> list[NodeSymbol]:
        return list(self._layers.get((layer, partition), {}))

    def count(self, layer: Layer, partition: int = 0) -> int:
        return len(self._layers.get((layer, partition), {}))

    def layer_keys(self) -> list[tuple[Layer, int]]:
        """(layer, partition) of every layer that was ever used, sorted."""
        return sorted(self._layers)

    # edges -------------------------------------------------------------------------------

    def add_edge(self, a: NodeSymbol, b: NodeSymbol, edge: Edge) -> None:
        self.get_node(a), self.get_node(b)
        if a == b or self._graph.has_edge(a, b):
            raise GraphError(f"edge {a}-{b} is a loop or exists already")
        if self._is_parent(a, b) or self._is_parent(b, a):
            parent, child = (a, b) if a.layer > b.layer else (b, a)
            if child in self._parents:
                raise GraphError(f"{child} already has the parent {self._parents[child]}")
            self._parents[child] = parent
            self._orphans[(child.layer, child.partition)].discard(child)
        self._graph.add_edge(a, b, edge=edge)
        self._edge_log.add(_ordered(a, b))

    def has_edge(self, a: NodeSymbol, b: NodeSymbol) -> bool:
        return bool(self._graph.has_edge(a, b))

    def find_edge(self, a: NodeSymbol, b: NodeSymbol) -> Edge | None:
        return self._graph.edges[a, b]["edge"] if self._graph.has_edge(a, b) else None

    def get_edge(self, a: NodeSymbol, b: NodeSymbol) -> Edge:
        edge = self.find_edge(a, b)
        if edge is None:
            raise GraphError(f"there is no edge {a}-{b}")
        return edge

    def update_edge(self, a: NodeSymbol, b: NodeSymbol, **changes: Any) -> None:
        before = self.get_edge(a, b)
        after = replace(before, **changes)
        if after != before:
            self._graph.edges[a, b]["edge"] = after
            self._edge_log.change(_ordered(a, b))

    def remove_edge(self, a: NodeSymbol, b: NodeSymbol) -> None:
        self.get_edge(a, b)
        child = a if a.layer < b.layer else b
        if a.layer != b.layer:
            del self._parents[child]
            self._orphans[(child.layer, child.partition)].add(child)
        self._graph.remove_edge(a, b)
        self._edge_log.remove(_ordered(a, b))

    def edges(self) -> Iterator[tuple[NodeSymbol, NodeSymbol, Edge]]:
        """Every edge, lower end first, in sorted order."""
        for a, b in sorted(_ordered(a, b) for a, b in self._graph.edges):
            yield a, b, self._graph.edges[a, b]["edge"]

    @property
    def edge_count(self) -> int:
        return int(self._graph.number_of_edges())

    # family ------------------------------------------------------------------------------

    @staticmethod
    def _is_parent(upper: NodeSymbol, lower: NodeSymbol) -> bool:
        return upper.layer > lower.layer

    def find_parent(self, symbol: NodeSymbol) -> NodeSymbol | None:
        return self._parents.get(symbol)

    def set_parent(self, child: NodeSymbol, parent: NodeSymbol | None, edge: Edge | None) -> None:
        """Hangs ``child`` under ``parent`` instead of where it hung; ``None`` lets it loose."""
        current = self._parents.get(child)
        if current == parent:
            return
        if parent is not None:
            self._check_parent(child, parent, edge)
        if current is not None:
            self.remove_edge(child, current)
        if parent is not None and edge is not None:
            self.add_edge(child, parent, edge)

    def _check_parent(self, child: NodeSymbol, parent: NodeSymbol, edge: Edge | None) -> None:
        """Before anything is taken apart, so that a refusal leaves the graph as it was."""
        self.get_node(child), self.get_node(parent)
        if not self._is_parent(parent, child) or edge is None:
            raise GraphError(f"{parent} cannot be the parent of {child}: wrong layer or no edge")

    def children(self, symbol: NodeSymbol) -> list[NodeSymbol]:
        """Nodes below, sorted."""
        return sorted(n for n in self._graph.neighbors(symbol) if n.layer < symbol.layer)

    def edges_of(self, symbol: NodeSymbol) -> list[EdgeKey]:
        """Every edge at a node, lower end first, sorted."""
        return sorted(_ordered(symbol, other) for other in self._graph.neighbors(symbol))

    def siblings(self, symbol: NodeSymbol) -> list[NodeSymbol]:
        """Neighbours in the same layer, sorted."""
        return sorted(n for n in self._graph.neighbors(symbol) if n.layer == symbol.layer)

    # looking at it -----------------------------------------------------------------------

    @property
    def version(self) -> Version:
        """Grows with every change; start from ``(0, 0)`` to be told everything."""
        return self._node_log.version, self._edge_log.version

    def changes_since(self, version: Version) -> GraphChanges:
        """What happened after ``version``; costs as much as there are changes, not nodes."""
        return GraphChanges(
            version=self.version,
            nodes=_changes(self._node_log, version[0]),
            edges=_changes(self._edge_log, version[1]),
        )

    def view(self) -> nx.Graph:
        """The networkx graph, read-only: node key ``node``, edge key ``edge``."""
        return self._graph.copy(as_view=True)

    def at(self, stamp_ns: int) -> "SceneGraph":
        """The world as known at a stamp: what had been seen by then and not yet found gone."""
        past = SceneGraph(self.origin_m)
        for symbol, data in self._graph.nodes(data=True):
            if data["node"].exists_at(stamp_ns):
                past.add_node(symbol, data["node"])
        for a, b, edge in self.edges():
            if past.has_node(a) and past.has_node(b) and edge.first_seen_ns <= stamp_ns:
                past.add_edge(a, b, edge)
        return past


def _ordered(a: NodeSymbol, b: NodeSymbol) -> tuple[NodeSymbol, NodeSymbol]:
    return (a, b) if (a.layer, a) <= (b.layer, b) else (b, a)


def _changes(log: ChangeLog[Key], version: int) -> Changes[Key]:
    touched = list(log.since(version))
    return Changes(
        new=tuple(sorted(key for key, before, now in touched if now and not before)),
        changed=tuple(sorted(key for key, before, now in touched if now and before)),
        removed=tuple(sorted(key for key, before, now in touched if before and not now)),
    )
