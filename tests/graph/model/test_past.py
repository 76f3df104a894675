"""The past of a graph: random histories replayed, and the lives of single nodes."""

import json
from dataclasses import replace

import pytest
from helpers_exports import same_graph, small_house
from helpers_graph import edge, object_node, place, standing_box
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_mono.core.errors import GraphError
from hydra_mono.graph.model.differences import (
    TOLD,
    Difference,
    differences,
    in_order,
    reparented,
)
from hydra_mono.graph.model.nodes import Edge, Node
from hydra_mono.graph.model.past import GraphPast
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.model.timed import room_of

O0, O1 = NodeSymbol("O", 0), NodeSymbol("O", 1)
P0, P1 = NodeSymbol("p", 0), NodeSymbol("p", 1)
VERBS = ("add", "move", "remove", "mark_removed", "retract", "mark_present", "merge")
VERBS += ("mark_merged", "link", "unlink", "weigh", "parent")
steps = st.lists(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 30), st.integers(0, 30), st.booleans()),
    max_size=60,
)
Content = tuple[dict[NodeSymbol, Node], dict[tuple[NodeSymbol, NodeSymbol], Edge]]


def content(graph: SceneGraph) -> Content:
    """What is present, but for when it was last seen."""
    nodes = {
        symbol: replace(node, last_seen_ns=0)
        for key in graph.layer_keys()
        for symbol, node in graph.present(*key)
    }
    edges = {
        (a, b): replace(link, last_seen_ns=0)
        for a, b, link in graph.edges()
        if a in nodes and b in nodes
    }
    return nodes, edges


def apply(graph: SceneGraph, verb: str, a: NodeSymbol, b: NodeSymbol, now_ns: int) -> None:
    """One verb on two nodes; what the graph refuses leaves it as it was."""
    match verb:
        case "add":
            symbol = graph.next_symbol("OpR"[now_ns % 3])
            node = place(0.0, 0.0, 0.0, 1.0)
            graph.add_node(symbol, replace(node, first_seen_ns=now_ns, last_seen_ns=now_ns))
        case "move":
            graph.update_node(a, position_m=(float(now_ns), 0.0, 0.0), last_seen_ns=now_ns)
        case "remove":
            graph.remove_node(a)
        case "mark_removed":
            graph.mark_removed(a, (now_ns - 1, now_ns))
        case "retract":
            graph.retract(a, now_ns)
        case "mark_present":
            graph.mark_present(a)
        case "merge":
            graph.merge_nodes(a, b)
        case "mark_merged":
            graph.mark_merged(a, b, now_ns)
        case "link":
            graph.add_edge(a, b, edge(now_ns))
        case "unlink":
            graph.remove_edge(a, b)
        case "weigh":
            graph.update_edge(a, b, weight=float(now_ns), last_seen_ns=now_ns)
        case "parent":
            graph.set_parent(a, b, edge(now_ns))


def play(graph: SceneGraph, moves: list[tuple[str, int, int, bool]]) -> dict[int, Content]:
    """Snapshots taken at the time, by stamp."""
    now_ns, snapshots = 10, {4: ({}, {})}
    for verb, first, second, moves_on in moves:
        graph.advance(now_ns)
        symbols = [s for key in graph.layer_keys() for s in graph.symbols(*key)]
        verb = verb if len(symbols) > 1 else "add"
        a, b = (symbols[i % len(symbols)] if symbols else O0 for i in (first, second))
        try:
            apply(graph, verb, a, b, now_ns)
        except GraphError:
            continue
        snapshots[now_ns] = content(graph)
        now_ns += 10 * moves_on
    return snapshots


@given(steps)
@settings(max_examples=150, deadline=None)
def test_the_replay_of_any_history_equals_the_snapshots_taken_at_the_time(
    moves: list[tuple[str, int, int, bool]],
) -> None:
    graph = SceneGraph()
    for stamp_ns, then in play(graph, moves).items():
        assert content(graph.at(stamp_ns)) == then
        assert content(graph.at(stamp_ns + 5)) == then, "until the next change all stays"


@given(steps)
@settings(max_examples=60, deadline=None)
def test_with_hardly_any_memory_the_past_is_still_a_graph(
    moves: list[tuple[str, int, int, bool]],
) -> None:
    graph = SceneGraph()
    graph.past = GraphPast(max_past=3)
    snapshots = play(graph, moves)
    assert graph.past.past_count <= 6
    for stamp_ns in snapshots:
        graph.at(stamp_ns)
    assert content(graph.at(max(snapshots))) == content(graph)


def slow_between(graph: SceneGraph, from_ns: int, until_ns: int) -> list[Difference]:
    """By two whole worlds, node by node: the definition."""
    before, after = graph.at(from_ns), graph.at(until_ns)
    told = [s for s in graph.past.symbols() if s.layer in TOLD and not s.is_agent]
    found = [
        d
        for s in told
        for d in differences(s, *(version(graph, s, t) for t in (from_ns, until_ns)), until_ns)
    ]
    nodes = {s: n for layer in TOLD for s, n in after.nodes(layer) if before.has_node(s)}
    was_in, is_in = (
        {s: a for s in nodes if (a := above(w, s)) is not None} for w in (before, after)
    )
    return in_order([*found, *reparented(nodes, was_in, is_in, (from_ns, until_ns))])


def version(graph: SceneGraph, symbol: NodeSymbol, stamp_ns: int) -> Node | None:
    return ([None] + [node for known, node in graph.past.versions(symbol) if known <= stamp_ns])[-1]


def above(world: SceneGraph, symbol: NodeSymbol) -> NodeSymbol | None:
    return room_of(world, symbol) if symbol.layer < Layer.ROOMS else world.find_parent(symbol)


@given(steps)
@settings(max_examples=80, deadline=None)
def test_between_any_two_stamps_is_what_two_whole_worlds_differ_by(
    moves: list[tuple[str, int, int, bool]],
) -> None:
    graph = SceneGraph()
    stamps_ns = sorted(play(graph, moves))
    for from_ns, until_ns in zip(stamps_ns, stamps_ns[2:] + stamps_ns[-1:] * 2, strict=False):
        assert graph.between(from_ns, until_ns) == slow_between(graph, from_ns, until_ns)


def chair_at(stamp_ns: int) -> SceneGraph:
    graph = SceneGraph()
    graph.advance(stamp_ns)
    graph.add_node(P0, place(0.0, 0.0, 1.0, 1.0))
    graph.add_node(O0, object_node(standing_box(0.0, 0.0, (0.5, 0.5, 0.9)), stamp_ns=stamp_ns))
    graph.set_parent(O0, P0, edge(stamp_ns))
    return graph


def test_a_removed_object_is_where_it_was_under_the_place_it_had() -> None:
    graph = chair_at(5)
    graph.advance(7)
    graph.add_node(P1, place(4.0, 0.0, 1.0, 1.0))
    graph.set_parent(O0, P1, edge(7))
    graph.update_node(O0, position_m=(4.0, 0.0, 0.5))
    graph.advance(9)
    graph.mark_removed(O0, (7, 9))
    graph.remove_node(P0)
    then = graph.at(6)
    assert then.get_node(O0).position_m == (0.0, 0.0, 0.45) and then.find_parent(O0) == P0
    assert graph.at(8).find_parent(O0) == P1 and graph.at(8).has_node(P0)
    assert not graph.at(9).has_node(O0) and not graph.at(9).has_node(P0)
    assert graph.get_node(O0).removed_ns == 9


def test_what_is_known_later_does_not_show_before() -> None:
    graph = chair_at(5)
    graph.update_node(O0, last_seen_ns=8)
    graph.advance(9)
    graph.mark_removed(O0, (8, 9))
    then = graph.at(6).get_node(O0)
    assert then.ending is None and then.last_seen_ns == 6


def test_presence_has_an_interval_for_every_stay() -> None:
    graph = chair_at(5)
    graph.advance(9)
    graph.mark_removed(O0, (8, 9))
    assert graph.past.presence(O0) == [(5, 9)]
    graph.advance(20)
    graph.mark_present(O0)
    assert graph.past.presence(O0) == [(5, 9), (20, None)]
    graph.advance(30)
    graph.remove_node(O0)
    assert graph.past.presence(O0) == [(5, 9), (20, 30)]


def test_what_is_retracted_was_never_there_though_it_was_believed_once() -> None:
    graph = chair_at(5)
    graph.advance(9)
    graph.retract(O0, 9)
    assert graph.past.presence(O0) == []
    assert graph.at(6).has_node(O0), "as known then"
    assert graph.find_parent(O0) is None and graph.get_node(O0).removed_ns is None


def test_what_is_merged_hands_on_its_edges_and_says_into_what() -> None:
    graph = chair_at(5)
    graph.add_node(O1, graph.get_node(O0))
    graph.advance(9)
    graph.mark_merged(O0, O1, 9)
    ending = graph.get_node(O0).ending
    assert ending is not None and (ending.kind, ending.into) == ("merged", O1)
    assert graph.find_parent(O1) == P0 and graph.find_parent(O0) is None
    assert dict(graph.present(O0.layer)).keys() == {O1}
    assert graph.counts_present()["objects"] == 1 and graph.count(O0.layer) == 2


def test_an_interval_that_runs_backwards_is_refused() -> None:
    graph = chair_at(5)
    with pytest.raises(GraphError, match=r"O\(0\)"):
        graph.mark_removed(O0, (9, 8))


def test_agents_are_counted_not_their_poses() -> None:
    graph = SceneGraph()
    for prefix in "aaaz":
        graph.add_node(graph.next_symbol(prefix), place(0.0, 0.0, 0.0, 1.0))
    assert graph.counts_present()["agents"] == 2


@given(steps, steps)
@settings(max_examples=60, deadline=None)
def test_a_graph_put_back_goes_on_as_the_one_it_was_taken_from(
    before: list[tuple[str, int, int, bool]], after: list[tuple[str, int, int, bool]]
) -> None:
    one, other = SceneGraph(), SceneGraph()
    play(one, before)
    other.restore(json.loads(json.dumps(one.state())))
    assert other.state() == one.state() and content(other) == content(one)
    play(one, after), play(other, after)
    assert other.state() == one.state() and other.version == one.version
    assert other.changes_since((0, 0)) == one.changes_since((0, 0))
    assert content(other) == content(one) and content(other.at(15)) == content(one.at(15))


def test_every_kind_of_node_is_put_back_as_it_was() -> None:
    house, again = small_house(), SceneGraph()
    again.restore(house.state())
    assert same_graph(again, house)
