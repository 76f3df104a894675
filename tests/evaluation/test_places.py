"""Place scores in an empty box room, where every distance is known."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from helpers_evaluation import ROOM_SIZE_M, add_place, add_room, one_room, run_of

from hydra_mono.evaluation.grid import is_free, voxels_in_balls
from hydra_mono.evaluation.places import score_places
from hydra_mono.evaluation.truth_view import view_truth
from hydra_mono.graph.model.nodes import Edge, PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer

CENTRE = np.array(ROOM_SIZE_M) / 2


def clearance(point):
    """Distance to the nearest side of the room, from inside."""
    return float(np.minimum(point, np.array(ROOM_SIZE_M) - point).min())


@functools.cache
def room_and_view():
    truth = one_room()
    return truth, view_truth(truth, run_of())


def scores(graph, grid=None):
    truth, view = room_and_view()
    return score_places(run_of(graph=graph), replace(truth, grid=grid or truth.grid), view)


def graph_of(points, radius_error_m=0.0):
    graph = SceneGraph()
    for point in points:
        add_place(graph, point, clearance(np.asarray(point)) + radius_error_m)
    return graph


def test_true_radii_have_no_error() -> None:
    points = np.random.default_rng(1).uniform(0.3, np.array(ROOM_SIZE_M) - 0.3, (40, 3))
    result = scores(graph_of(points))
    assert result.clearance_error_m == pytest.approx(0, abs=1e-5)
    assert result.mean_clearance_error_m == pytest.approx(0, abs=1e-5)
    assert result.count == 40


def test_radii_too_large_err_by_as_much() -> None:
    points = np.random.default_rng(2).uniform(0.3, np.array(ROOM_SIZE_M) - 0.3, (21, 3))
    result = scores(graph_of(points, radius_error_m=0.12))
    assert result.clearance_error_m == pytest.approx(0.12, abs=1e-5)
    assert result.p90_clearance_error_m == pytest.approx(0.12, abs=1e-5)


def test_a_place_outside_the_free_space_has_no_clearance() -> None:
    graph = SceneGraph()
    add_place(graph, (-1.0, 2.0, 1.2), 1.0)
    assert scores(graph).clearance_error_m == pytest.approx(1.0)


def test_places_on_the_middle_plane_lie_on_the_diagram_and_others_off_it() -> None:
    middle = [(x, 2.05, CENTRE[2]) for x in (1.65, 2.05, 2.35)]
    off = [(x, y, z + 0.4) for x, y, z in middle]
    assert scores(graph_of(middle)).gvd_error_m < 0.06
    assert scores(graph_of(off)).gvd_error_m == pytest.approx(0.4, abs=0.08)


def test_one_ball_over_everything_covers_everything_and_none_nothing() -> None:
    graph = SceneGraph()
    add_place(graph, CENTRE, 10.0)
    assert scores(graph).free_space_covered == 1.0
    assert scores(SceneGraph()).free_space_covered == 0.0


def test_one_ball_covers_its_volume() -> None:
    graph = graph_of([CENTRE])
    ball = 4 / 3 * np.pi * clearance(CENTRE) ** 3
    share = ball / np.prod(ROOM_SIZE_M)
    assert scores(graph).free_space_covered == pytest.approx(share, rel=0.01)


def test_free_space_of_no_room_is_not_asked_for() -> None:
    grid, graph = one_room().grid, SceneGraph()
    room = grid.room.copy()
    room[20:] = -1
    add_place(graph, (0.0, 2.0, 1.25), 3.5)
    assert scores(graph, replace(grid, room=room)).free_space_covered == 1.0


def test_balls_equal_a_count_voxel_by_voxel() -> None:
    grid, rng = one_room().grid, np.random.default_rng(4)
    graph = SceneGraph()
    for _ in range(12):
        add_place(graph, rng.uniform(-0.5, 4.5, 3), rng.uniform(0.05, 1.3))
    places = [node for _, node in graph.nodes(Layer.PLACES) if isinstance(node, PlaceNode)]
    centres = grid.origin_m + np.argwhere(grid.free) * grid.voxel_size_m
    expected = np.zeros(len(centres), dtype=bool)
    for place in places:
        expected |= np.linalg.norm(centres - place.position_m, axis=1) <= place.radius_m
    assert np.array_equal(voxels_in_balls(grid, places)[grid.free], expected)


def test_the_outside_of_the_grid_is_not_free() -> None:
    grid = one_room().grid
    points = np.array([[0.01, 0.01, 0.01], [-0.01, 1, 1], [3.99, 3.99, 2.49], [4.01, 1, 1]])
    assert is_free(grid, points).tolist() == [True, False, True, False]


def edge(weight):
    return Edge(first_seen_ns=0, last_seen_ns=0, weight=weight, is_weighted=True)


def test_edges_are_passable_where_they_keep_their_clearance() -> None:
    graph = SceneGraph()
    a, b, c = (add_place(graph, (x, 2.0, 1.25), 0.5) for x in (1.0, 2.0, 3.7))
    graph.add_edge(a, b, edge(1.0))
    graph.add_edge(b, c, edge(0.5))  # only 0.3 m at its end
    result = scores(graph)
    assert (result.edges_passable, result.edge_count) == (0.5, 2)


def test_an_edge_through_a_wall_is_not_passable() -> None:
    graph = SceneGraph()
    a, b = add_place(graph, (3.0, 2.0, 1.2), 0.5), add_place(graph, (5.0, 2.0, 1.2), 0.5)
    graph.add_edge(a, b, edge(0.3))
    assert scores(graph).edges_passable == 0.0


def test_parents_and_places_gone_count_nowhere() -> None:
    graph = SceneGraph()
    room = add_room(graph, [(tuple(CENTRE), clearance(CENTRE))])
    gone = add_place(graph, (1.0, 1.0, 1.0), 5.0, room=room)
    graph.mark_removed(gone, (0, 1))
    graph.add_edge(gone, graph.symbols(Layer.PLACES)[0], edge(9.0))
    result = scores(graph)
    assert (result.count, result.edge_count, result.edges_passable) == (1, 0, None)


def test_no_places_have_no_errors() -> None:
    result = scores(SceneGraph())
    assert result.clearance_error_m is None and result.gvd_error_m is None
