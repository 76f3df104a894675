"""The layered scene graph: verbs over one networkx graph, its news and its past."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import networkx as nx

from hydra_mono.core.errors import GraphError
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.history import EdgeKey, GraphChanges, Version, edge_key
from hydra_mono.graph.model.layer_index import LayerIndex, LayerKey
from hydra_mono.graph.model.looks import LookLog
from hydra_mono.graph.model.nodes import Edge, Ending, Node, Position
from hydra_mono.graph.model.past import GraphPast
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.model.timed import GraphInTime

Nodes = Iterator[tuple[NodeSymbol, Node]]


class SceneGraph(GraphInTime):
    """Nodes in layers; edges between siblings, or from a parent to a child one layer or more below.

    Structure changes only through the verbs here, and every node has at most one parent. What
    an edge means follows from its ends: same layer (and partition), siblings; else, parenthood.
    Positions are relative to ``origin_m``, a point of the world.

    Every change is remembered in ``past`` with the instant at which it was known, and in ``looks``
    which nodes' places were looked at, and what was seen there.
    """

    def __init__(self, origin_m: Position = (0.0, 0.0, 0.0)) -> None:
        self.origin_m = origin_m
        self._graph = nx.Graph()
        self._index = LayerIndex()
        self._next_number: dict[str, int] = {}
        self._parents: dict[NodeSymbol, NodeSymbol] = {}
        self.past = GraphPast()
        self.looks = LookLog()

    def advance(self, stamp_ns: int) -> None:
        """What changes from here on is known since this instant; time never goes back."""
        self.past.advance(stamp_ns)

    def next_symbol(self, prefix: str) -> NodeSymbol:
        """A symbol never used before in this graph; indices are not recycled."""
        return NodeSymbol(prefix, self._next_number.get(prefix, 0))

    def add_node(self, symbol: NodeSymbol, node: Node) -> None:
        if symbol in self._graph:
            raise GraphError(f"node {symbol} exists already")
        self.past.add_node(symbol, node)
        self._graph.add_node(symbol, node=node)
        self._next_number[symbol.prefix] = max(
            symbol.number + 1, self._next_number.get(symbol.prefix, 0)
        )
        self._index.put(symbol, node, has_parent=False)

    def has_node(self, symbol: NodeSymbol) -> bool:
        return symbol in self._graph

    def find_node(self, symbol: NodeSymbol) -> Node | None:
        return self._graph.nodes[symbol]["node"] if symbol in self._graph else None

    def get_node(self, symbol: NodeSymbol) -> Node:
        if (node := self.find_node(symbol)) is None:
            raise GraphError(f"there is no node {symbol}")
        return node

    def update_node(self, symbol: NodeSymbol, **changes: Any) -> None:
        """Replaces fields of a node; nothing is recorded where nothing differs.

        What a person decided stays: see ``Node.by_hand``.
        """
        before = self.get_node(symbol)
        after = before.updated(**changes)
        if after != before:
            self.past.change_node(symbol, after)
            self._graph.nodes[symbol]["node"] = after
            self._index.put(symbol, after, symbol in self._parents)

    def remove_node(self, symbol: NodeSymbol) -> None:
        """Takes a node out of the present graph; only the past knows of it still."""
        node = self.get_node(symbol)
        self._detach(symbol)
        self.past.drop_node(symbol, node)
        self._graph.remove_node(symbol)
        self._index.drop(symbol)

    def _detach(self, symbol: NodeSymbol) -> None:
        for other in list(self._graph.neighbors(symbol)):
            self.remove_edge(symbol, other)

    def mark_removed(self, symbol: NodeSymbol, interval_ns: tuple[int, int]) -> None:
        """It left the world between two stamps: last seen there, and seen to be gone."""
        from_ns, until_ns = interval_ns
        if from_ns > until_ns:
            raise GraphError(f"{symbol}: gone at {until_ns}, before it was last seen at {from_ns}")
        self._end(symbol, Ending("removed", from_ns, until_ns))

    def retract(self, symbol: NodeSymbol, stamp_ns: int) -> None:
        """It never was there, as known since a stamp; its edges go."""
        self._end(symbol, Ending("retracted", stamp_ns, stamp_ns))
        self._detach(symbol)

    def mark_merged(self, symbol: NodeSymbol, into: NodeSymbol, stamp_ns: int) -> None:
        """It is part of another, as known since a stamp, which takes its edges over."""
        self._check_merge(symbol, into)
        self._hand_over_edges(symbol, into)
        self._end(symbol, Ending("merged", stamp_ns, stamp_ns, into))

    def mark_present(self, symbol: NodeSymbol) -> None:
        """It is there after all, or again."""
        self.update_node(symbol, ending=None)

    def _end(self, symbol: NodeSymbol, ending: Ending) -> None:
        self.update_node(symbol, ending=ending, is_active=False)

    def merge_nodes(self, source: NodeSymbol, target: NodeSymbol) -> None:
        """Gives ``target`` every edge of ``source`` that it lacks, then removes ``source``."""
        self._check_merge(source, target)
        self._hand_over_edges(source, target)
        self.remove_node(source)

    def _hand_over_edges(self, source: NodeSymbol, target: NodeSymbol) -> None:
        for other in sorted(self._graph.neighbors(source)):
            edge = self.get_edge(source, other)
            self.remove_edge(source, other)
            if other == target or self.has_edge(target, other):
                continue
            if other.layer > target.layer and target in self._parents:
                continue
            self.add_edge(target, other, edge)

    def _check_merge(self, source: NodeSymbol, target: NodeSymbol) -> None:
        self.get_node(source), self.get_node(target)
        same_layer = (source.layer, source.is_agent) == (target.layer, target.is_agent)
        if source == target or not same_layer:
            raise GraphError(f"cannot merge {source} into {target}: not two nodes of one layer")

    def nodes(self, layer: Layer, partition: int = 0) -> Nodes:
        """Nodes of a layer in the order they were added; safe while the graph changes."""
        return self._existing(list(self._index.of(layer, partition).all))

    def _existing(self, symbols: list[NodeSymbol]) -> Nodes:
        nodes = self._graph.nodes
        for symbol in symbols:
            if symbol in nodes:
                yield symbol, nodes[symbol]["node"]

    def present(self, layer: Layer, partition: int = 0) -> Nodes:
        """Nodes of a layer that have not ended, in the order they were added."""
        members = self._index.of(layer, partition)
        return self._existing([symbol for symbol in members.all if symbol not in members.ended])

    def active_nodes(self, layer: Layer, partition: int = 0) -> Nodes:
        """Active nodes of a layer, sorted; costs as much as there are active ones."""
        return self._existing(sorted(self._index.of(layer, partition).active))

    def orphans(self, layer: Layer, partition: int = 0) -> Nodes:
        """Nodes of a layer without a parent, sorted, but for those retracted or merged.

        Costs as much as there are of them.
        """
        return self._existing(sorted(self._index.of(layer, partition).orphans))

    def symbols(self, layer: Layer, partition: int = 0) -> list[NodeSymbol]:
        return list(self._index.of(layer, partition).all)

    def count(self, layer: Layer, partition: int = 0) -> int:
        return len(self._index.of(layer, partition).all)

    def count_present(self, layer: Layer, partition: int = 0) -> int:
        return self._index.of(layer, partition).present_count

    def counts_present(self) -> dict[str, int]:
        """What is there, by name of layer; of agents how many there are, not their poses."""
        return self._index.counts_present()

    def layer_keys(self) -> list[LayerKey]:
        """(layer, partition) of every layer that was ever used, sorted."""
        return self._index.keys()

    def add_edge(self, a: NodeSymbol, b: NodeSymbol, edge: Edge) -> None:
        self.get_node(a), self.get_node(b)
        if a == b or self._graph.has_edge(a, b):
            raise GraphError(f"edge {a}-{b} is a loop or exists already")
        if a.layer != b.layer:
            parent, child = (a, b) if a.layer > b.layer else (b, a)
            if child in self._parents:
                raise GraphError(f"{child} already has the parent {self._parents[child]}")
            self._parents[child] = parent
            self._index.put(child, self.get_node(child), has_parent=True)
        self.past.add_edge(edge_key(a, b), edge)
        self._graph.add_edge(a, b, edge=edge)

    def has_edge(self, a: NodeSymbol, b: NodeSymbol) -> bool:
        return bool(self._graph.has_edge(a, b))

    def find_edge(self, a: NodeSymbol, b: NodeSymbol) -> Edge | None:
        return self._graph.edges[a, b]["edge"] if self._graph.has_edge(a, b) else None

    def get_edge(self, a: NodeSymbol, b: NodeSymbol) -> Edge:
        if (edge := self.find_edge(a, b)) is None:
            raise GraphError(f"there is no edge {a}-{b}")
        return edge

    def update_edge(self, a: NodeSymbol, b: NodeSymbol, **changes: Any) -> None:
        before = self.get_edge(a, b)
        after = replace(before, **changes)
        if after != before:
            self.past.change_edge(edge_key(a, b), after)
            self._graph.edges[a, b]["edge"] = after

    def remove_edge(self, a: NodeSymbol, b: NodeSymbol) -> None:
        edge = self.get_edge(a, b)
        if a.layer != b.layer:
            child = min(a, b, key=lambda end: end.layer)
            del self._parents[child]
            self._index.put(child, self.get_node(child), has_parent=False)
        self.past.drop_edge(edge_key(a, b), edge)
        self._graph.remove_edge(a, b)

    def edges(self) -> Iterator[tuple[NodeSymbol, NodeSymbol, Edge]]:
        """Every edge, lower end first, in sorted order."""
        for a, b in sorted(edge_key(a, b) for a, b in self._graph.edges):
            yield a, b, self._graph.edges[a, b]["edge"]

    @property
    def edge_count(self) -> int:
        return int(self._graph.number_of_edges())

    def find_parent(self, symbol: NodeSymbol) -> NodeSymbol | None:
        return self._parents.get(symbol)

    def set_parent(self, child: NodeSymbol, parent: NodeSymbol | None, edge: Edge | None) -> None:
        """Re-parents ``child``; a parent of None detaches it from the one it has."""
        current = self._parents.get(child)
        if current == parent:
            return
        if parent is not None:
            self.get_node(child), self.get_node(parent)
            if parent.layer <= child.layer or edge is None:  # refused before anything changes
                raise GraphError(f"{parent} cannot be the parent of {child}: layer, or no edge")
        if current is not None:
            self.remove_edge(child, current)
        if parent is not None and edge is not None:
            self.add_edge(child, parent, edge)

    def children(self, symbol: NodeSymbol) -> list[NodeSymbol]:
        """Nodes below, sorted."""
        return sorted(n for n in self._graph.neighbors(symbol) if n.layer < symbol.layer)

    def edges_of(self, symbol: NodeSymbol) -> list[EdgeKey]:
        """Every edge at a node, lower end first, sorted."""
        return sorted(edge_key(symbol, other) for other in self._graph.neighbors(symbol))

    def siblings(self, symbol: NodeSymbol) -> list[NodeSymbol]:
        """Neighbours in the same layer, sorted."""
        return sorted(n for n in self._graph.neighbors(symbol) if n.layer == symbol.layer)

    @property
    def version(self) -> Version:
        """Grows with every change; start from ``(0, 0)`` to be told everything."""
        return self._past.version

    def changes_since(self, version: Version) -> GraphChanges:
        """What happened after ``version``; costs as much as there are changes, not nodes."""
        return self.past.changes_since(version)

    def view(self) -> nx.Graph:
        """The networkx graph, read-only: node key ``node``, edge key ``edge``."""
        return self._graph.copy(as_view=True)

    def _fill(self, nodes: Iterable[Any], edges: Iterable[Any]) -> None:
        for symbol, node in nodes:
            self.add_node(symbol, node)
        for (a, b), edge in edges:
            if self.has_node(a) and self.has_node(b):
                self.add_edge(a, b, edge)

    def state(self) -> State:
        """See ``core.map.state``; the present is the last version of everything in the past."""
        symbols = [str(s) for key in self.layer_keys() for s in self.symbols(*key)]
        return {
            "symbols": symbols,
            "next_number": dict(self._next_number),
            "past": self.past.state(),
            "looks": self.looks.state(),
        }

    def restore(self, state: State) -> None:
        past = GraphPast()
        past.restore(state["past"])
        nodes, edges = past.present()
        SceneGraph.__init__(self, self.origin_m)
        self._fill([(s, nodes[s]) for s in map(NodeSymbol.parse, state["symbols"])], edges)
        self.past, self._next_number = past, dict(state["next_number"])
        self.looks.restore(state["looks"])
