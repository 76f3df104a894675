"""A chair that is pushed while the camera looks on."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_change import FPS, SECOND_NS, Solid, chair, label_of, mapped, objects, swing
from helpers_graph import object_node

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.evaluation.dynamics.found import found_changes, stays_of
from hydra_mono.graph.change.routes import MOST_POINTS, MOST_ROUTES, Route, Routes
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.pipeline import Mapper

SET_OUT_S, SPEED_M_S, LENGTH_M = 3.0, 0.6, 1.5
ARRIVED_S = SET_OUT_S + LENGTH_M / SPEED_M_S
Y_M = 2.0


def pushed(from_x: float) -> list[Solid]:
    """A chair that stands, is pushed along x, and stands again: a solid for every place."""
    count = round((ARRIVED_S - SET_OUT_S) * FPS)
    xs = from_x + LENGTH_M * np.arange(1, count) / count
    times = SET_OUT_S + np.arange(count) / FPS
    route = [
        chair(float(x), Y_M, from_s=float(a), until_s=float(b))
        for x, a, b in zip(xs, times[:-1], times[1:], strict=True)
    ]
    start = chair(from_x, Y_M, until_s=SET_OUT_S)
    return [start, *route, chair(from_x + LENGTH_M, Y_M, from_s=float(times[-1]))]


@pytest.fixture(scope="module")
def mapper() -> Mapper:
    """It is looked at until it has arrived, and again after a few seconds."""
    eye, north, south = (0.0, -0.6, 1.4), (0.0, 2.2, 0.4), (0.0, -2.6, 0.4)
    spans = ((north, ARRIVED_S + 0.5), (south, 4.0), (north, 2.4))
    return mapped(pushed(-0.8), [p for side, s in spans for p in swing(eye, side, s)])


def the_chair(mapper: Mapper) -> tuple[NodeSymbol, ObjectNode]:
    there = [(s, n) for s, n in objects(mapper.graph).items() if n.name == "chair" and n.is_present]
    ((symbol, node),) = there
    return NodeSymbol.parse(symbol), node


def test_it_is_one_node_and_keeps_its_id(mapper: Mapper) -> None:
    symbol, node = the_chair(mapper)
    assert symbol == NodeSymbol("O", 0)
    assert node.position_m[:2] == pytest.approx((-0.8 + LENGTH_M, Y_M), abs=0.15)


def test_its_route_is_told_point_by_point(mapper: Mapper) -> None:
    _, node = the_chair(mapper)
    track = node.trajectory
    first, last = track.rests
    assert (first, last) == (0, len(track) - 1) and len(track) > 4
    xs = np.array(track.positions_m)[:, 0]
    aside = np.array(track.positions_m)[:, 1] - Y_M
    assert np.all(np.diff(xs[:-1]) > -0.2) and np.all(np.abs(aside) < 0.7)
    for stamp_ns, x in zip(track.stamps_ns[2:], xs[2:], strict=True):
        true = -0.8 + np.clip(stamp_ns / SECOND_NS - SET_OUT_S, 0, 2.5) * SPEED_M_S
        assert x == pytest.approx(min(true, -0.8 + LENGTH_M), abs=0.5)


def test_it_left_and_came_when_it_was_seen_to(mapper: Mapper) -> None:
    changes = {change.kind: change for change in found_changes(stays_of(the_chair(mapper)[1]))}
    assert changes["vanished"].holds(round(SET_OUT_S * SECOND_NS))
    assert changes["appeared"].holds(round(ARRIVED_S * SECOND_NS))
    assert all(change.latest_ns - change.earliest_ns < 2 * SECOND_NS for change in changes.values())


def agent(track: int, stamp_s: float, x: float) -> TrackedAgent:
    stamp_ns = round(stamp_s * SECOND_NS)
    still, size = (0.0, 0.0, 0.0), (0.5, 0.5, 0.9)
    return TrackedAgent(
        track, stamp_ns, (x, 0.0, 0.45), still, size, label_of("chair"), (9, 9, 9), is_seen=True
    )


def standing(x: float, seen_s: float) -> ObjectNode:
    node = object_node(BoundingBox((x, 0.0, 0.45), (0.45, 0.5, 0.9)), label_of("chair"))
    return replace(node, last_seen_ns=round(seen_s * SECOND_NS))


def test_the_nearest_object_of_its_label_is_the_one_that_set_out() -> None:
    graph = SceneGraph()
    for x in (0.0, 0.8):
        graph.add_node(graph.next_symbol("O"), standing(x, 1.0))
    routes = Routes()
    routes.follow(graph, [agent(0, 2.0, 0.3), agent(1, 2.0, 5.0)])
    owners = {track: route.owner for track, route in routes._routes.items()}
    assert owners == {0: NodeSymbol("O", 0), 1: None}


def test_what_was_retracted_because_it_moves_is_removed_instead() -> None:
    graph = SceneGraph()
    symbol = graph.next_symbol("O")
    graph.add_node(symbol, standing(0.0, 1.0))
    graph.retract(symbol, 2 * SECOND_NS)
    Routes().follow(graph, [agent(0, 2.2, 0.1), agent(0, 2.4, 0.5)])
    ending = graph.get_node(symbol).ending
    assert ending is not None and ending.kind == "removed"
    assert (ending.from_ns, ending.until_ns) == (2.2 * SECOND_NS, 2.4 * SECOND_NS)


def test_ways_are_bounded_and_go_on_from_their_state() -> None:
    routes, graph = Routes(), SceneGraph()
    for track in range(2 * MOST_ROUTES):
        routes.follow(graph, [agent(track, track, 0.0)])
    assert len(routes._routes) == MOST_ROUTES
    again = Routes()
    again.restore(routes.state())
    assert again._routes == routes._routes
    route = Route(None)
    for step in range(5 * MOST_POINTS):
        route.add(step, (0.5 * step, 0.0, 0.0))
    assert len(route.stamps_ns) <= MOST_POINTS and route.stamps_ns == sorted(route.stamps_ns)
    assert (route.stamps_ns[0], route.stamps_ns[-1]) == (0, 5 * MOST_POINTS - 1)
