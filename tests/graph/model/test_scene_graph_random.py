"""The scene graph against a model of plain dicts, over random histories."""

from dataclasses import replace
from functools import partial

import pytest
from helpers_graph import edge, place
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hydra_mono.core.errors import GraphError
from hydra_mono.graph.model.history import EdgeKey, Version
from hydra_mono.graph.model.nodes import Edge, Ending, Node
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

NODE = place(0.0, 0.0, 0.0, 1.0)
PREFIXES = "OpRa"


class Mirror:
    """A copy kept only through the change feed."""

    def __init__(self) -> None:
        self.version: Version = (0, 0)
        self.nodes: dict[NodeSymbol, Node] = {}
        self.edges: dict[EdgeKey, Edge] = {}

    def look(self, graph: SceneGraph) -> None:
        news = graph.changes_since(self.version)
        self.version = news.version
        for key in news.edges.removed:
            del self.edges[key]
        for symbol in news.nodes.removed:
            del self.nodes[symbol]
        for symbol in news.nodes.new:
            assert symbol not in self.nodes
        for symbol in (*news.nodes.new, *news.nodes.changed):
            self.nodes[symbol] = graph.get_node(symbol)
        for a, b in news.edges.new:
            assert (a, b) not in self.edges
        for a, b in (*news.edges.new, *news.edges.changed):
            self.edges[a, b] = graph.get_edge(a, b)

    def check(self, graph: SceneGraph) -> None:
        keys = graph.layer_keys()
        nodes = {s: node for key in keys for s, node in graph.nodes(*key)}
        assert self.nodes == nodes
        assert self.edges == {(a, b): edge for a, b, edge in graph.edges()}


class SceneGraphMachine(RuleBasedStateMachine):
    """The graph against a model of plain dicts, and two mirrors that look at different times."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = SceneGraph()
        self.nodes: dict[NodeSymbol, Node] = {}
        self.edges: dict[frozenset[NodeSymbol], Edge] = {}
        self.ever: set[NodeSymbol] = set()
        self.eager, self.lazy = Mirror(), Mirror()
        self.clock = 0

    @initialize()
    def start_with_something(self) -> None:
        for prefix in PREFIXES * 2:
            self.add_node(prefix, True)

    def pick(self, data: st.DataObject) -> NodeSymbol:
        return data.draw(st.sampled_from(sorted(self.nodes)))

    def parent_of(self, symbol: NodeSymbol) -> NodeSymbol | None:
        above = [o for key in self.edges if symbol in key for o in key if o.layer > symbol.layer]
        assert len(above) <= 1
        return above[0] if above else None

    @rule(prefix=st.sampled_from(PREFIXES), is_active=st.booleans())
    def add_node(self, prefix: str, is_active: bool) -> None:
        self.clock += 1
        symbol = self.graph.next_symbol(prefix)
        assert symbol not in self.ever
        node = replace(NODE, first_seen_ns=self.clock, last_seen_ns=self.clock, is_active=is_active)
        self.graph.add_node(symbol, node)
        self.nodes[symbol] = node
        self.ever.add(symbol)

    @rule(data=st.data(), is_active=st.booleans())
    @precondition(lambda self: self.nodes)
    def update_node(self, data: st.DataObject, is_active: bool) -> None:
        symbol = self.pick(data)
        self.graph.update_node(symbol, is_active=is_active, last_seen_ns=self.clock)
        self.nodes[symbol] = replace(
            self.nodes[symbol], is_active=is_active, last_seen_ns=self.clock
        )

    @rule(data=st.data())
    @precondition(lambda self: self.nodes)
    def mark_removed(self, data: st.DataObject) -> None:
        symbol = self.pick(data)
        self.graph.mark_removed(symbol, (self.clock - 1, self.clock))
        ending = Ending(kind="removed", from_ns=self.clock - 1, until_ns=self.clock)
        self.nodes[symbol] = replace(self.nodes[symbol], is_active=False, ending=ending)

    @rule(data=st.data())
    @precondition(lambda self: self.nodes)
    def retract(self, data: st.DataObject) -> None:
        symbol = self.pick(data)
        self.graph.retract(symbol, self.clock)
        ending = Ending(kind="retracted", from_ns=self.clock, until_ns=self.clock)
        self.nodes[symbol] = replace(self.nodes[symbol], is_active=False, ending=ending)
        self.edges = {key: edge for key, edge in self.edges.items() if symbol not in key}

    @rule(data=st.data())
    @precondition(lambda self: self.nodes)
    def mark_present(self, data: st.DataObject) -> None:
        symbol = self.pick(data)
        self.graph.mark_present(symbol)
        self.nodes[symbol] = replace(self.nodes[symbol], ending=None)

    @rule(data=st.data())
    @precondition(lambda self: self.nodes)
    def remove_node(self, data: st.DataObject) -> None:
        symbol = self.pick(data)
        self.graph.remove_node(symbol)
        del self.nodes[symbol]
        self.edges = {key: edge for key, edge in self.edges.items() if symbol not in key}

    @rule(data=st.data())
    @precondition(lambda self: self.nodes)
    def add_edge(self, data: st.DataObject) -> None:
        a, b = self.pick(data), self.pick(data)
        self.clock += 1
        child = min(a, b, key=lambda s: s.layer)
        taken = a.layer != b.layer and self.parent_of(child) is not None
        if a == b or frozenset((a, b)) in self.edges or taken:
            with pytest.raises(GraphError):
                self.graph.add_edge(a, b, edge(self.clock))
            return
        self.graph.add_edge(a, b, edge(self.clock))
        self.edges[frozenset((a, b))] = edge(self.clock)

    @rule(data=st.data())
    @precondition(lambda self: self.edges)
    def remove_edge(self, data: st.DataObject) -> None:
        a, b = sorted(data.draw(st.sampled_from(sorted(map(sorted, self.edges)))))
        self.graph.remove_edge(b, a)
        del self.edges[frozenset((a, b))]

    @rule(data=st.data(), weight=st.sampled_from([0.5, 1.0]))
    @precondition(lambda self: self.edges)
    def update_edge(self, data: st.DataObject, weight: float) -> None:
        a, b = data.draw(st.sampled_from(sorted(map(sorted, self.edges))))
        self.graph.update_edge(a, b, weight=weight)
        key = frozenset((a, b))
        self.edges[key] = replace(self.edges[key], weight=weight)

    @rule(data=st.data())
    @precondition(lambda self: self.nodes)
    def set_parent(self, data: st.DataObject) -> None:
        child, parent = self.pick(data), self.pick(data)
        self.clock += 1
        current = self.parent_of(child)
        if parent.layer <= child.layer:
            with pytest.raises(GraphError):
                self.graph.set_parent(child, parent, edge(self.clock))
            return
        self.graph.set_parent(child, parent, edge(self.clock))
        if parent != current:
            self.edges.pop(frozenset((child, current)), None)
            self.edges[frozenset((child, parent))] = edge(self.clock)

    @rule(data=st.data())
    @precondition(lambda self: self.nodes)
    def detach(self, data: st.DataObject) -> None:
        child = self.pick(data)
        current = self.parent_of(child)
        self.graph.set_parent(child, None, None)
        self.edges.pop(frozenset((child, current)), None)

    @rule(data=st.data(), is_remembered=st.booleans())
    @precondition(lambda self: self.nodes)
    def merge(self, data: st.DataObject, is_remembered: bool) -> None:
        source, target = self.pick(data), self.pick(data)
        merge = partial(self.graph.mark_merged, stamp_ns=self.clock)
        merge = merge if is_remembered else self.graph.merge_nodes
        if source == target or source.prefix != target.prefix:
            with pytest.raises(GraphError):
                merge(source, target)
            return
        merge(source, target)
        has_parent = self.parent_of(target) is not None
        for key in [key for key in self.edges if source in key]:
            moved = self.edges.pop(key)
            (other,) = key - {source}
            spare = other == target or frozenset((other, target)) in self.edges
            if not spare and not (other.layer > target.layer and has_parent):
                self.edges[frozenset((other, target))] = moved
        if not is_remembered:
            del self.nodes[source]
            return
        ending = Ending(kind="merged", from_ns=self.clock, until_ns=self.clock, into=target)
        self.nodes[source] = replace(self.nodes[source], is_active=False, ending=ending)

    @rule()
    def a_lazy_look(self) -> None:
        self.lazy.look(self.graph)
        self.lazy.check(self.graph)

    @invariant()
    def is_the_model(self) -> None:
        keys = self.graph.layer_keys()
        assert {s: n for key in keys for s, n in self.graph.nodes(*key)} == self.nodes
        assert {frozenset((a, b)): e for a, b, e in self.graph.edges()} == self.edges
        assert self.graph.edge_count == len(self.edges)
        assert sum(self.graph.count(*key) for key in keys) == len(self.nodes)

    @invariant()
    def families_are_the_models(self) -> None:
        for symbol in self.nodes:
            ends = [o for key in self.edges if symbol in key for o in key if o != symbol]
            assert self.graph.find_parent(symbol) == self.parent_of(symbol)
            assert self.graph.children(symbol) == sorted(o for o in ends if o.layer < symbol.layer)
            assert self.graph.siblings(symbol) == sorted(o for o in ends if o.layer == symbol.layer)

    @invariant()
    def indices_are_the_models(self) -> None:
        for key in self.graph.layer_keys():
            here = {s: n for s, n in self.nodes.items() if (s.layer, s.partition) == key}
            active = {s: n for s, n in here.items() if n.is_active}
            present = {s: n for s, n in here.items() if n.ending is None}
            orphans = {
                s: n
                for s, n in here.items()
                if self.parent_of(s) is None and (n.ending is None or n.ending.kind == "removed")
            }
            assert dict(self.graph.active_nodes(*key)) == active
            assert dict(self.graph.present(*key)) == present
            assert self.graph.count_present(*key) == len(present)
            assert dict(self.graph.orphans(*key)) == orphans

    @invariant()
    def a_mirror_needs_only_the_news(self) -> None:
        self.eager.look(self.graph)
        self.eager.check(self.graph)


TestSceneGraphMachine = SceneGraphMachine.TestCase
TestSceneGraphMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
