from helpers_graph import edge, object_node, place, standing_box
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_mono.graph.hierarchy import ParentAssigner
from hydra_mono.graph.model.nodes import AgentNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

O0, O1 = NodeSymbol("O", 0), NodeSymbol("O", 1)
P0, P1, P2 = (NodeSymbol("p", i) for i in range(3))
A0 = NodeSymbol("a", 0)
TABLE_BOX = standing_box(0.0, 0.0, (1.0, 1.0, 0.7))


def agent(x: float) -> AgentNode:
    return AgentNode(
        position_m=(x, 0.0, 1.5),
        first_seen_ns=3,
        last_seen_ns=3,
        stamp_ns=3,
        quat_wxyz=(1.0, 0.0, 0.0, 0.0),
    )


def test_without_places_nothing_has_a_parent() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    graph.add_node(O0, object_node(TABLE_BOX))
    assigner.update(graph, 5)
    assert graph.find_parent(O0) is None


def test_objects_and_agents_belong_to_the_nearest_place() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    graph.add_node(O0, object_node(TABLE_BOX))
    graph.add_node(A0, agent(4.0))
    graph.add_node(P0, place(1.2, 0.0, 1.0, 0.7))
    graph.add_node(P1, place(4.0, 0.0, 1.0, 0.7))
    assigner.update(graph, 5)
    assert graph.find_parent(O0) == P0
    assert graph.find_parent(A0) == P1
    assert graph.get_edge(A0, P1).first_seen_ns == 3


def test_a_place_beyond_the_wall_loses_to_one_whose_ball_touches() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    graph.add_node(O0, object_node(standing_box(0.0, 0.0, (0.4, 1.0, 0.7))))
    graph.add_node(P0, place(1.7, 0.0, 0.4, 1.45))  # this side: wide room, centre far away
    graph.add_node(P1, place(-0.8, 0.0, 0.4, 0.4))  # behind a wall of 20 cm: centre near
    assigner.update(graph, 5)
    assert graph.find_parent(O0) == P0


def test_a_nearer_place_takes_over_while_the_object_is_active() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    graph.add_node(O0, object_node(TABLE_BOX))
    graph.add_node(P0, place(3.0, 0.0, 1.0, 0.5))
    assigner.update(graph, 5)
    graph.add_node(P1, place(1.0, 0.0, 1.0, 0.5))
    assigner.update(graph, 6)
    assert graph.find_parent(O0) == P1
    assert graph.edge_count == 1


def test_a_frozen_object_keeps_its_place_until_the_place_is_gone() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    graph.add_node(O0, object_node(TABLE_BOX))
    graph.add_node(P0, place(3.0, 0.0, 1.0, 0.5))
    assigner.update(graph, 5)
    graph.update_node(O0, is_active=False)
    graph.add_node(P1, place(1.0, 0.0, 1.0, 0.5))
    assigner.update(graph, 6)
    assert graph.find_parent(O0) == P0
    graph.remove_node(P0)
    assigner.update(graph, 7)
    assert graph.find_parent(O0) == P1


def test_archived_places_serve_where_none_is_active() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    graph.add_node(O0, object_node(TABLE_BOX))
    graph.add_node(P0, place(3.0, 0.0, 1.0, 0.5, is_active=False))
    assigner.update(graph, 5)
    assert graph.find_parent(O0) == P0


def test_an_archived_parent_that_is_nearer_is_kept() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    graph.add_node(O0, object_node(TABLE_BOX))
    graph.add_node(P0, place(1.0, 0.0, 0.4, 0.5))
    assigner.update(graph, 5)
    graph.update_node(P0, is_active=False)
    graph.add_node(P1, place(5.0, 0.0, 1.0, 0.5))
    assigner.update(graph, 6)
    assert graph.find_parent(O0) == P0


def test_once_no_place_is_active_a_nearer_archived_one_takes_over() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    graph.add_node(P0, place(1.0, 0.0, 0.4, 0.5, is_active=False))
    graph.add_node(P1, place(5.0, 0.0, 1.0, 0.5))
    graph.add_node(O0, object_node(TABLE_BOX))
    assigner.update(graph, 5)
    assert graph.find_parent(O0) == P1
    graph.update_node(P1, is_active=False)
    assigner.update(graph, 6)
    assert graph.find_parent(O0) == P0


def test_an_archived_parent_that_was_corrected_away_loses_to_a_nearer_place() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    graph.add_node(O0, object_node(TABLE_BOX))
    graph.add_node(P0, place(1.0, 0.0, 0.4, 0.5, is_active=False))
    assigner.update(graph, 5)
    graph.update_node(P0, position_m=(9.0, 0.0, 0.4))
    assigner.update(graph, 6)
    graph.add_node(P1, place(3.0, 0.0, 1.0, 0.5))
    assigner.update(graph, 7)
    assert graph.find_parent(O0) == P1


def test_edges_know_when_both_ends_were_seen() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    graph.add_node(O0, object_node(TABLE_BOX, stamp_ns=2))
    graph.add_node(P0, place(1.0, 0.0, 0.4, 0.5))
    assigner.update(graph, 5)
    assert (graph.get_edge(O0, P0).first_seen_ns, graph.get_edge(O0, P0).last_seen_ns) == (2, 2)
    version = graph.version
    assigner.update(graph, 6)
    assert graph.version == version, "nothing new was seen"
    graph.update_node(O0, last_seen_ns=9)
    assigner.update(graph, 9)
    assert (graph.get_edge(O0, P0).first_seen_ns, graph.get_edge(O0, P0).last_seen_ns) == (2, 9)


def test_other_edges_are_left_alone() -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    for symbol in (O0, O1):
        graph.add_node(symbol, object_node(TABLE_BOX))
    graph.add_edge(O0, O1, edge())
    graph.add_node(P0, place(1.0, 0.0, 0.4, 0.5))
    graph.add_node(P2, place(2.0, 0.0, 0.4, 0.5))
    graph.add_edge(P0, P2, edge())
    assigner.update(graph, 5)
    assert graph.has_edge(O0, O1) and graph.has_edge(P0, P2)
    assert graph.children(P0) == [O0, O1]


numbers = st.integers(0, 6).map(float)
moves = st.lists(
    st.tuples(
        st.sampled_from(["place", "object", "move", "drop", "freeze", "wake"]),
        st.integers(0, 9),
        numbers,
        numbers,
    ),
    max_size=40,
)


@given(moves)
@settings(max_examples=60, deadline=None)
def test_looking_at_the_news_alone_gives_what_looking_at_everything_gives(
    steps: list[tuple[str, int, float, float]],
) -> None:
    graph, assigner = SceneGraph(), ParentAssigner()
    for stamp_ns, (move, which, x, y) in enumerate(steps, start=1):
        change(graph, move, which, x, y)
        assigner.update(graph, stamp_ns)
        version = graph.version
        ParentAssigner().update(graph, stamp_ns)  # knows nothing, so it looks at everything
        assert graph.version == version


def change(graph: SceneGraph, move: str, which: int, x: float, y: float) -> None:
    nodes = [s for layer in (Layer.OBJECTS, Layer.PLACES) for s in graph.symbols(layer)]
    if move == "place":
        graph.add_node(graph.next_symbol("p"), place(x, y, 1.0, 0.5 + which / 10))
    elif move == "object" or not nodes:
        graph.add_node(graph.next_symbol("O"), object_node(standing_box(x, y, (1.0, 0.5, 0.7))))
    elif move == "move":
        symbol = nodes[which % len(nodes)]
        graph.update_node(symbol, position_m=(x, y, 1.0))
        if symbol.prefix == "O":
            graph.update_node(symbol, box=standing_box(x, y, (1.0, 0.5, 0.7)))
    elif move == "drop":
        graph.remove_node(nodes[which % len(nodes)])
    else:
        graph.update_node(nodes[which % len(nodes)], is_active=move == "wake")
