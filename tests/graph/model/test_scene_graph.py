from dataclasses import replace

import networkx as nx
import pytest
from helpers_graph import edge, object_node, place, standing_box

from hydra_mono.core.errors import GraphError
from hydra_mono.graph.model.nodes import Ending
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

O0, O1, O2 = (NodeSymbol("O", i) for i in range(3))
P0, P1, P2 = (NodeSymbol("p", i) for i in range(3))
R0 = NodeSymbol("R", 0)
NODE = place(0.0, 0.0, 0.0, 1.0)


def graph_of(*symbols: NodeSymbol) -> SceneGraph:
    graph = SceneGraph()
    for symbol in symbols:
        graph.add_node(symbol, NODE)
    return graph


def test_symbols_are_never_recycled() -> None:
    graph = graph_of(O0, O1)
    graph.remove_node(O1)
    assert graph.next_symbol("O") == O2
    graph.add_node(NodeSymbol("O", 9), NODE)
    assert graph.next_symbol("O") == NodeSymbol("O", 10)


def test_one_parent_only() -> None:
    graph = graph_of(O0, P0, P1)
    graph.add_edge(O0, P0, edge())
    with pytest.raises(GraphError, match=r"O\(0\) already has the parent p\(0\)"):
        graph.add_edge(P1, O0, edge())
    assert graph.find_parent(O0) == P0 and graph.edge_count == 1


def test_a_refused_parent_leaves_the_old_one() -> None:
    graph = graph_of(O0, O1, P0)
    graph.set_parent(O0, P0, edge())
    graph.add_node(P2, NODE)
    for parent, link in ((P1, edge()), (O1, edge()), (P2, None)):
        with pytest.raises(GraphError):
            graph.set_parent(O0, parent, link)
    assert graph.find_parent(O0) == P0


def test_merging_hands_on_children_and_neighbours_but_not_a_second_parent() -> None:
    graph = graph_of(O0, P0, P1, P2, R0)
    graph.add_edge(P0, O0, edge())
    graph.add_edge(P0, P2, edge(7))
    graph.add_edge(P0, P1, edge())
    graph.add_edge(R0, P0, edge())
    graph.merge_nodes(P0, P1)
    assert graph.find_parent(O0) == P1
    assert graph.siblings(P1) == [P2] and graph.get_edge(P1, P2).first_seen_ns == 7
    assert graph.find_parent(P1) == R0
    assert not graph.has_node(P0)


@pytest.mark.parametrize("verb", ["get_node", "remove_node"])
def test_what_is_not_there_is_an_error(verb: str) -> None:
    with pytest.raises(GraphError, match=r"O\(0\)"):
        getattr(SceneGraph(), verb)(O0)
    assert SceneGraph().find_node(O0) is None
    assert SceneGraph().find_edge(O0, P0) is None


def test_an_edge_needs_both_ends() -> None:
    graph = graph_of(O0)
    with pytest.raises(GraphError):
        graph.add_edge(O0, P0, edge())
    assert graph.edge_count == 0 and list(graph.orphans(Layer.OBJECTS)) == [(O0, NODE)]


def test_an_update_that_changes_nothing_is_no_news() -> None:
    graph = graph_of(O0, P0)
    graph.add_edge(O0, P0, edge())
    version = graph.version
    graph.update_node(O0, position_m=NODE.position_m)
    graph.update_edge(O0, P0, weight=1.0)
    graph.set_parent(O0, P0, edge(99))
    assert graph.version == version


def test_nodes_may_be_removed_while_they_are_walked() -> None:
    graph = graph_of(O0, O1, O2)
    for symbol, _ in graph.active_nodes(Layer.OBJECTS):
        graph.remove_node(symbol)
    assert graph.count(Layer.OBJECTS) == 0


def test_a_node_removed_ahead_of_the_walk_is_not_visited() -> None:
    for walk in ("nodes", "active_nodes", "orphans"):
        graph = graph_of(O0, O1, O2)
        visited = []
        for symbol, _ in getattr(graph, walk)(Layer.OBJECTS):
            visited.append(symbol)
            if graph.has_node(O1):
                graph.remove_node(O1)
        assert visited == [O0, O2]


def test_the_view_cannot_be_written_and_follows_the_graph() -> None:
    graph = graph_of(O0)
    view = graph.view()
    with pytest.raises(nx.NetworkXError):
        view.add_node(P0)
    graph.add_node(P0, NODE)
    assert set(view) == {O0, P0}


def test_at_leaves_out_what_came_later_and_what_was_gone() -> None:
    graph = SceneGraph()
    box = standing_box(0.0, 0.0, (1.0, 1.0, 1.0))
    gone = Ending(kind="removed", from_ns=3, until_ns=5)
    graph.add_node(O0, replace(object_node(box, stamp_ns=1), ending=gone))
    graph.add_node(O1, object_node(box, stamp_ns=3))
    graph.add_edge(O0, O1, edge(4))
    known = {stamp: graph.at(stamp) for stamp in range(7)}
    assert [known[stamp].symbols(Layer.OBJECTS) for stamp in range(7)] == [
        [],
        [O0],
        [O0],
        [O0, O1],
        [O0, O1],
        [O1],
        [O1],
    ]
    assert [known[stamp].edge_count for stamp in range(7)] == [0, 0, 0, 0, 1, 0, 0]
