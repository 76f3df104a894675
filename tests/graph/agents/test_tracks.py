"""Tracked agents become chains of nodes, a letter each."""

import math

import numpy as np
import pytest

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.graph.agents.records import MOST_SAMPLES, Journey, Visit, visits
from hydra_mono.graph.agents.tracks import AgentTracks
from hydra_mono.graph.model.nodes import Edge, PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol


def agent(
    track: int, second: float, x: float, *, is_seen: bool = True, formerly: int | None = None
) -> TrackedAgent:
    return TrackedAgent(
        track=track,
        stamp_ns=round(second * 1e9),
        position_m=(x, 0.0, 0.9),
        velocity_m_s=(0.0, 1.0, 0.0),
        dimensions_m=(0.5, 0.5, 1.8),
        label=0,
        color=(1, 2, 3),
        is_seen=is_seen,
        formerly=formerly,
    )


def positions(graph: SceneGraph, letter: str) -> list[float]:
    return [node.position_m[0] for _, node in graph.nodes(Layer.OBJECTS, ord(letter))]


def test_a_node_is_added_where_somebody_moved_on_and_linked_to_the_one_before() -> None:
    graph, tracks = SceneGraph(), AgentTracks(separation_m=0.25)
    for step in range(11):
        tracks.update(graph, [agent(4, 0.1 * step, 0.1 * step)])
    assert positions(graph, "b") == pytest.approx([0.0, 0.3, 0.6, 0.9])
    assert graph.has_edge(NodeSymbol("b", 0), NodeSymbol("b", 1))
    assert graph.get_node(NodeSymbol("b", 3)).last_seen_ns == 10**9
    assert [node.is_active for _, node in graph.nodes(Layer.OBJECTS, ord("b"))] == [0, 0, 0, 1]
    assert graph.counts_present()["agents"] == 1


def test_every_track_has_a_letter_of_its_own_and_nobody_unseen_is_added() -> None:
    graph, tracks = SceneGraph(), AgentTracks()
    tracks.update(
        graph, [agent(7, 0.0, 0.0), agent(9, 0.0, 5.0), agent(11, 0.0, 9.0, is_seen=False)]
    )
    tracks.update(graph, [agent(9, 1.0, 6.0)])
    assert positions(graph, "b") == [0.0] and positions(graph, "c") == [5.0, 6.0]
    assert positions(graph, "d") == []


def test_agents_face_the_way_they_go() -> None:
    graph, tracks = SceneGraph(), AgentTracks()
    tracks.update(graph, [agent(0, 0.0, 0.0)])
    w, _, _, z = graph.get_node(NodeSymbol("b", 0)).quat_wxyz  # type: ignore[attr-defined]
    assert 2 * math.atan2(z, w) == pytest.approx(math.pi / 2)


def test_forty_agents_each_keep_a_chain_of_their_own() -> None:
    graph, tracks = SceneGraph(), AgentTracks()
    for second in (0.0, 1.0):
        tracks.update(graph, [agent(track, second, second + 9.0 * track) for track in range(40)])
    records = tracks.records()
    assert [len(record.symbols) for record in records] == [2] * 40
    assert len({symbol for record in records for symbol in record.symbols}) == 80
    assert all(graph.has_edge(*record.symbols) for record in records)
    assert not graph.has_edge(records[38].symbols[1], records[39].symbols[0])


def test_a_record_tells_where_somebody_was_and_when() -> None:
    graph, tracks = SceneGraph(), AgentTracks()
    for step in range(31):
        tracks.update(graph, [agent(3, 0.1 * step, 0.07 * step)])
    (record,) = tracks.records()
    assert (record.first_seen_ns, record.last_seen_ns) == (0, 3 * 10**9)
    for second in (0.0, 0.77, 2.0, 3.0):
        position = record.position_at(round(second * 1e9))
        assert position is not None and position[0] == pytest.approx(0.7 * second, abs=0.01)
    assert record.position_at(4 * 10**9) is None
    assert np.diff(record.stamps_ns).min() > 0
    assert record.velocities_m_s[:, 1].tolist() == pytest.approx([1.0] * len(record.stamps_ns))


def test_a_record_is_bounded_and_keeps_both_ends() -> None:
    journey = Journey(agent(0, 0.0, 0.0), 0)
    for step in range(2 * MOST_SAMPLES):
        journey.add(agent(0, float(step), float(step)))
    record = journey.record("b")
    assert len(record.stamps_ns) <= MOST_SAMPLES + 1
    assert record.position_at(0) == (0.0, 0.0, 0.9)
    assert record.position_at(777 * 10**9) == pytest.approx((777.0, 0.0, 0.9))


def test_visits_are_the_places_and_rooms_somebody_was_in() -> None:
    graph, tracks = SceneGraph(), AgentTracks()
    for step in range(5):
        tracks.update(graph, [agent(0, float(step), float(step))])
    first, second, room = NodeSymbol("p", 0), NodeSymbol("p", 1), NodeSymbol("R", 0)
    edge = Edge(first_seen_ns=0, last_seen_ns=0)
    seen = {"first_seen_ns": 0, "last_seen_ns": 0, "position_m": (0.0, 0.0, 1.0)}
    for place in (first, second):
        graph.add_node(place, PlaceNode(radius_m=1.0, **seen))
    box = BoundingBox((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    graph.add_node(room, RoomNode(name="hall", color=(1, 2, 3), box=box, **seen))
    graph.set_parent(first, room, edge)
    for number in range(5):
        graph.set_parent(NodeSymbol("b", number), first if number < 3 else second, edge)
    assert visits(graph, tracks.records()[0]) == [
        Visit(first, room, 0, 2 * 10**9),
        Visit(second, None, 3 * 10**9, 4 * 10**9),
    ]


def test_tracks_go_on_from_their_saved_state() -> None:
    graph, first, second = SceneGraph(), AgentTracks(), AgentTracks()
    first.update(graph, [agent(3, 0.0, 0.0)])
    second.restore(first.state())
    second.update(graph, [agent(3, 1.0, 1.0)])
    assert positions(graph, "b") == [0.0, 1.0]
    assert graph.has_edge(NodeSymbol("b", 0), NodeSymbol("b", 1))


def returned() -> tuple[SceneGraph, AgentTracks]:
    """Track 3 walks off, and comes back after a minute as track 5, until that is found out."""
    graph, tracks = SceneGraph(), AgentTracks(separation_m=0.25)
    for step in range(4):
        tracks.update(graph, [agent(3, 0.5 * step, 0.5 * step)])
    graph.advance(60 * 10**9)
    for step in range(4):
        tracks.update(graph, [agent(5, 60 + 0.5 * step, 4.0 + 0.5 * step)])
    graph.advance(62 * 10**9)
    tracks.update(graph, [agent(3, 62, 6.0, formerly=5)])
    return graph, tracks


def test_a_track_found_out_to_be_somebody_known_is_merged_into_his_in_graph_and_record() -> None:
    graph, tracks = returned()
    assert positions(graph, "b") == pytest.approx([0.0, 0.5, 1.0, 1.5, 4.0, 4.5, 5.0, 5.5, 6.0])
    endings = [node.ending for _, node in graph.nodes(Layer.OBJECTS, ord("c"))]
    assert [ending.kind for ending in endings if ending] == ["merged"] * 4
    assert [str(ending.into) for ending in endings if ending] == ["b(4)", "b(5)", "b(6)", "b(7)"]
    assert all(graph.has_edge(NodeSymbol("b", n), NodeSymbol("b", n + 1)) for n in range(8))
    (record,) = tracks.records()
    assert (record.track, record.last_seen_ns) == (3, 62 * 10**9)
    assert record.position_at(round(60.75 * 1e9)) == pytest.approx((4.75, 0.0, 0.9))
    assert np.diff(record.stamps_ns).min() > 0
    assert graph.counts_present()["agents"] == 1


def test_the_graph_of_before_a_merge_still_tells_two_agents() -> None:
    graph, _ = returned()
    then = graph.at(round(61.5 * 1e9))
    assert len(list(then.nodes(Layer.OBJECTS, ord("c")))) == 4
    assert len(list(then.nodes(Layer.OBJECTS, ord("b")))) == 4


def test_what_was_seen_beside_somebody_and_is_a_part_of_his_adds_no_node() -> None:
    graph, tracks = SceneGraph(), AgentTracks()
    tracks.update(graph, [agent(1, 0.0, 0.0), agent(2, 0.0, 0.6)])
    tracks.update(graph, [agent(1, 0.5, 0.5)])
    tracks.update(graph, [agent(1, 1.0, 1.0, formerly=2)])
    assert positions(graph, "b") == [0.0, 0.5, 1.0]
    assert str(graph.get_node(NodeSymbol("c", 0)).ending.into) == "b(1)"  # type: ignore[union-attr]


def test_letters_are_not_recycled_after_a_merge_nor_after_a_saved_state() -> None:
    graph, tracks = returned()
    fresh = AgentTracks()
    fresh.restore(tracks.state())
    fresh.update(graph, [agent(9, 70.0, 9.0)])
    assert positions(graph, "d") == [9.0]
    assert [record.track for record in fresh.records()] == [3, 9]
