"""Tracked agents become chains of nodes, a letter each."""

import logging
import math

import pytest

from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.graph.agents.tracks import AgentTracks
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol


def agent(track: int, second: float, x: float, *, is_seen: bool = True) -> TrackedAgent:
    return TrackedAgent(
        track=track,
        stamp_ns=round(second * 1e9),
        position_m=(x, 0.0, 0.9),
        velocity_m_s=(0.0, 1.0, 0.0),
        dimensions_m=(0.5, 0.5, 1.8),
        label=0,
        color=(1, 2, 3),
        is_seen=is_seen,
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


def test_more_agents_than_letters_are_told_once_and_harm_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    graph, tracks = SceneGraph(), AgentTracks()
    with caplog.at_level(logging.WARNING):
        for second in (0.0, 1.0):
            tracks.update(
                graph, [agent(track, second, second + 9.0 * track) for track in range(40)]
            )
    assert graph.counts_present()["agents"] == 24
    assert caplog.text.count("more agents") == 1


def test_tracks_go_on_from_their_saved_state() -> None:
    graph, first, second = SceneGraph(), AgentTracks(), AgentTracks()
    first.update(graph, [agent(3, 0.0, 0.0)])
    second.restore(first.state())
    second.update(graph, [agent(3, 1.0, 1.0)])
    assert positions(graph, "b") == [0.0, 1.0]
    assert graph.has_edge(NodeSymbol("b", 0), NodeSymbol("b", 1))
