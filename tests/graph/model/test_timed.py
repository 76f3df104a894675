"""Questions about time, to graphs made by hand."""

import math
from dataclasses import replace

import pytest
from helpers_graph import SECOND_NS, edge, object_node, place, standing_box

from hydra_mono.core.errors import GraphError
from hydra_mono.graph.model.differences import Change
from hydra_mono.graph.model.looks import MOST_LOOKS, LookLog, Seen
from hydra_mono.graph.model.nodes import AgentNode, RoomNode
from hydra_mono.graph.model.presence import Presence, Trajectory
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

O0, O1, O2 = (NodeSymbol("O", i) for i in range(3))
P0, P1, R0, R1 = NodeSymbol("p", 0), NodeSymbol("p", 1), NodeSymbol("R", 0), NodeSymbol("R", 1)
BOX = standing_box(0.0, 0.0, (0.5, 0.5, 0.9))
HOUR_NS = 3600 * SECOND_NS


def two_rooms() -> SceneGraph:
    """Place and room 0 at x = 0, place and room 1 at x = 4; a chair in the first."""
    graph = SceneGraph()
    graph.advance(0)
    for number, (at, inside) in enumerate(((P0, R0), (P1, R1))):
        graph.add_node(at, place(4.0 * number, 0.0, 1.0, 1.0))
        room = RoomNode(
            position_m=(4.0 * number, 0.0, 1.0),
            first_seen_ns=0,
            last_seen_ns=0,
            name=f"room {number}",
            color=(1, 2, 3),
            box=BOX,
        )
        graph.add_node(inside, room)
        graph.set_parent(at, inside, edge())
    graph.add_node(O0, replace(object_node(BOX), presence=Presence(None, 0, 0, None)))
    graph.set_parent(O0, P0, edge())
    return graph


def kinds(graph: SceneGraph, from_ns: int, until_ns: int) -> list[tuple[str, NodeSymbol]]:
    return [(str(d.change), d.symbol) for d in graph.between(from_ns, until_ns)]


def test_between_two_equal_worlds_is_nothing() -> None:
    graph = two_rooms()
    assert kinds(graph, 0, 100) == []


def test_what_came_is_told_apart_by_whether_its_place_was_seen_free() -> None:
    graph = two_rooms()
    graph.advance(10)
    new = replace(object_node(BOX, stamp_ns=10), presence=Presence(5, 10, 10, None))
    graph.add_node(O1, new)
    graph.add_node(O2, object_node(BOX, stamp_ns=10))
    assert kinds(graph, 0, 20) == [("appeared", O1), ("discovered", O2)]
    assert graph.between(0, 20)[0].after_ns == 5


def test_three_endings_are_three_differences() -> None:
    graph = two_rooms()
    graph.add_node(O1, object_node(BOX))
    graph.add_node(O2, object_node(BOX))
    graph.advance(10)
    graph.mark_removed(O0, (4, 9))
    graph.retract(O1, 10)
    graph.advance(12)
    graph.mark_merged(O2, O0, 12)
    assert kinds(graph, 0, 20) == [("vanished", O0), ("retracted", O1), ("merged", O2)]
    vanished, _, merged = graph.between(0, 20)
    assert (vanished.after_ns, vanished.before_ns) == (4, 9) and merged.to_node == O0
    assert kinds(graph, 0, 11) == [("vanished", O0), ("retracted", O1)]


def test_a_move_into_another_room_and_another_name_are_told() -> None:
    graph = two_rooms()
    graph.advance(10)
    moves = Trajectory((0, 10), ((0.0, 0.0, 0.45), (4.0, 0.0, 0.45)))
    graph.update_node(O0, trajectory=moves, position_m=(4.0, 0.0, 0.45), name="armchair")
    graph.set_parent(O0, P1, edge(10))
    found = {d.change: d for d in graph.between(0, 20)}
    assert set(found) == {Change.MOVED, Change.RELABELLED, Change.REPARENTED}
    assert found[Change.MOVED].from_m == (0.0, 0.0, 0.45)
    assert found[Change.MOVED].to_m == (4.0, 0.0, 0.45)
    assert (found[Change.REPARENTED].from_node, found[Change.REPARENTED].to_node) == (R0, R1)
    assert found[Change.RELABELLED].from_name == "table"


def test_between_is_the_difference_of_at_of_any_two_stamps() -> None:
    graph = two_rooms()
    graph.advance(10)
    graph.add_node(O1, object_node(BOX, stamp_ns=10))
    graph.advance(20)
    graph.mark_removed(O0, (10, 20))
    for a, b in ((0, 10), (10, 20), (0, 20), (5, 15)):
        before, after = ({s for s, _ in graph.at(t).nodes(O0.layer)} for t in (a, b))
        came = {d.symbol for d in graph.between(a, b) if d.change is Change.DISCOVERED}
        went = {d.symbol for d in graph.between(a, b) if d.change is Change.VANISHED}
        assert (came, went) == (after - before, before - after)


def test_a_time_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(GraphError, match="before"):
        two_rooms().between(5, 4)


def test_last_seen_tells_when_where_and_in_which_room() -> None:
    graph = two_rooms()
    graph.update_node(O0, presence=Presence(None, 0, 7, None))
    last = graph.last_seen(O0)
    assert (last.stamp_ns, last.position_m, last.room) == (7, (0.0, 0.0, 0.45), R0)
    graph.advance(9)
    graph.update_node(O0, presence=Presence(None, 0, 6, 9))
    graph.mark_removed(O0, (6, 9))
    assert graph.last_seen(O0).stamp_ns == 6
    with pytest.raises(GraphError, match="never"):
        graph.last_seen(NodeSymbol("O", 99))


def walk(graph: SceneGraph, letter: str, xs: list[float], start_ns: int) -> None:
    """Poses a second apart along x, each at the nearer of the two places."""
    for number, x in enumerate(xs):
        stamp_ns = start_ns + number * SECOND_NS
        symbol = graph.next_symbol(letter)
        graph.add_node(
            symbol,
            AgentNode(
                position_m=(x, 0.0, 0.9),
                first_seen_ns=stamp_ns,
                last_seen_ns=stamp_ns,
                stamp_ns=stamp_ns,
                quat_wxyz=(1.0, 0.0, 0.0, 0.0),
            ),
        )
        graph.set_parent(symbol, P0 if x < 2 else P1, edge(stamp_ns))
        if number:
            graph.add_edge(NodeSymbol(letter, symbol.number - 1), symbol, edge(stamp_ns))


def test_the_flow_of_a_place_counts_visits_directions_and_hours() -> None:
    graph = two_rooms()
    walk(graph, "b", [0.0, 1.0, 3.0, 4.0, 3.0, 1.0, 0.0], 9 * HOUR_NS)
    walk(graph, "c", [4.0, 3.0, 1.0], 17 * HOUR_NS)
    walk(graph, "a", [0.0, 4.0], 0)  # the camera is nobody who walks through
    flow = graph.flow(P0)
    assert [visit.agent for visit in flow.visits] == ["b", "b", "c"]
    assert flow.directions == (1, 0, 0, 0, 2, 0, 0, 0), "once along +x, twice along -x"
    assert (flow.hours[9], flow.hours[17], sum(flow.hours)) == (2, 1, 3)
    assert flow.visits[0].until_ns == 9 * HOUR_NS + SECOND_NS
    assert flow.visits[1].direction_rad == pytest.approx(math.pi)
    there = graph.flow(P1)
    assert there.count == 2 and there.visits[0].direction_rad is None, "came and went back"
    with pytest.raises(GraphError):
        graph.flow(NodeSymbol("p", 9))


def test_agents_that_share_a_letter_are_told_apart_by_their_links() -> None:
    graph = two_rooms()
    walk(graph, "z", [0.0, 1.0], 0)
    walk(graph, "z", [0.0, 1.0], 2 * SECOND_NS)
    assert [visit.from_ns for visit in graph.flow(P0).visits] == [0, 2 * SECOND_NS]


def test_an_agent_was_last_seen_at_its_latest_pose() -> None:
    graph = two_rooms()
    walk(graph, "b", [0.0, 3.0, 4.0], 10)
    last = graph.last_seen(NodeSymbol("b", 0))
    assert (last.position_m, last.room) == ((4.0, 0.0, 0.9), R1)


def test_looks_in_a_row_are_one_and_the_oldest_are_forgotten() -> None:
    log = LookLog()
    for second in range(10):
        log.add(O0, second * SECOND_NS, Seen.PRESENT)
    assert [(look.from_ns, look.until_ns) for look in log.of(O0)] == [(0, 9 * SECOND_NS)]
    for number in range(40):
        log.add(O0, (20 + 10 * number) * SECOND_NS, Seen.PRESENT)
    assert len(log.of(O0)) == MOST_LOOKS and log.of(O0)[-1].until_ns == 410 * SECOND_NS


def test_an_occluded_look_does_not_undo_what_a_certain_one_told() -> None:
    log = LookLog()
    log.add(O0, 10, Seen.ABSENT)
    log.add(O0, 20, Seen.OCCLUDED)
    assert log.since(O0, 0).seen is Seen.ABSENT
    assert log.since(O0, 15).seen is Seen.OCCLUDED
    assert log.since(O0, 25).seen is Seen.NOT_LOOKED


def test_the_interval_of_vanishing_is_between_the_last_look_on_and_the_first_through() -> None:
    log = LookLog()
    for stamp_ns, seen in ((1, "present"), (5, "absent"), (8, "present"), (20, "occluded")):
        log.add(O0, stamp_ns, Seen(seen))
    assert log.vanished(O0) is None
    log.add(O0, 30, Seen.ABSENT)
    log.add(O0, 40, Seen.ABSENT)
    assert log.vanished(O0) == (8, 30)
