"""Room scores: vectors done by hand, and a brute-force count."""

import numpy as np
import pytest
from helpers_evaluation import ROOM_SIZE_M, add_place, add_room, one_room, run_of, two_halves
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hydra_mono.evaluation.rooms import RoomOverlaps, room_overlaps, score_overlaps, score_rooms
from hydra_mono.graph.model.scene_graph import SceneGraph

LEFT, RIGHT = (1.0, 2.0, 1.25), (3.0, 2.0, 1.25)
WHOLE = ((2.0, 2.0, 1.25), 10.0)


def rooms(truth, *balls_of_rooms):
    graph = SceneGraph()
    for balls in balls_of_rooms:
        add_room(graph, balls)
    return score_rooms(run_of(graph=graph), truth)


def test_rooms_found_exactly_score_one_on_what_places_cover() -> None:
    scores = rooms(two_halves(), [(LEFT, 0.95)], [(RIGHT, 0.95)])
    assert scores.precision == scores.precision_covered == scores.recall_covered == 1.0
    assert scores.total_precision == scores.total_recall_covered == 1.0
    assert scores.recall < 0.2
    assert (scores.truth_count, scores.estimated_count) == (2, 2)
    assert (scores.over_segmented, scores.under_segmented) == (0, 0)
    assert scores.kinds_right is None  # nobody told a kind


def test_kinds_are_right_where_they_are_those_of_the_true_rooms() -> None:
    graph = SceneGraph()
    truth = two_halves()
    kinds = [truth.rooms[0].name.rstrip(" 0123456789"), "bathroom"]
    for ball, kind in zip(((LEFT, 0.95), (RIGHT, 0.95)), kinds, strict=True):
        graph.update_node(add_room(graph, [ball]), category=kind)
    assert score_rooms(run_of(graph=graph), truth).kinds_right == 0.5


def test_two_rooms_merged_halve_the_precision_and_keep_the_recall() -> None:
    scores = rooms(two_halves(), [WHOLE])
    assert scores.precision == scores.total_precision == 0.5
    assert scores.recall == scores.recall_covered == scores.total_recall == 1.0
    assert (scores.over_segmented, scores.under_segmented) == (0, 1)


def test_one_room_split_halves_the_recall_and_keeps_the_precision() -> None:
    scores = rooms(one_room(), [(LEFT, 0.9)], [(RIGHT, 0.9)])
    assert scores.precision == 1.0
    assert scores.recall_covered == pytest.approx(0.5)
    assert (scores.over_segmented, scores.under_segmented) == (1, 0)


def test_means_and_totals_differ_where_rooms_differ_in_size() -> None:
    small_right, large_over_both = ((3.7, 2.0, 1.25), 0.25), ((1.5, 2.0, 1.25), 1.2)
    scores = rooms(two_halves(), [small_right], [large_over_both])
    assert scores.total_precision < scores.precision < 1.0


def test_no_rooms_have_no_precision_and_no_recall_but_zero() -> None:
    scores = rooms(two_halves())
    assert scores.precision is None and scores.recall == 0.0
    assert scores.recall_covered is None


def test_places_without_a_room_and_gone_rooms_count_nowhere() -> None:
    graph = SceneGraph()
    room = add_room(graph, [(LEFT, 0.95)])
    add_place(graph, RIGHT, 0.95)
    gone = add_room(graph, [(RIGHT, 0.95)])
    graph.mark_removed(gone, (0, 1))
    scores = score_rooms(run_of(graph=graph), two_halves())
    assert room != gone
    assert (scores.estimated_count, scores.precision, scores.recall_covered) == (1, 1.0, 1.0)


def test_overlaps_equal_a_count_voxel_by_voxel() -> None:
    truth, graph = two_halves(), SceneGraph()
    rng = np.random.default_rng(5)
    balls = [
        [(tuple(rng.uniform(0, ROOM_SIZE_M)), float(rng.uniform(0.2, 1.5))) for _ in range(4)]
        for _ in range(3)
    ]
    for members in balls:
        add_room(graph, members)
    overlaps = room_overlaps(run_of(graph=graph), truth)
    grid = truth.grid
    centres = grid.origin_m + np.argwhere(grid.free) * grid.voxel_size_m
    names = grid.room[grid.free]
    for column, members in enumerate(balls):
        inside = np.zeros(len(centres), dtype=bool)
        for position, radius in members:
            inside |= np.linalg.norm(centres - position, axis=1) <= radius
        assert overlaps.shared[:, column].tolist() == [
            int((inside & (names == room)).sum()) for room in (0, 1)
        ]


@given(
    shared=arrays(
        np.int64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 50)
    ),
    seed=st.integers(0, 10),
)
def test_scores_are_shares_and_know_no_order(shared, seed) -> None:
    def overlaps(table):
        # disjoint estimated rooms: what is covered is the sum
        covered = table.sum(axis=1)
        return RoomOverlaps(table, table.sum(axis=0), covered + 10, covered)

    scores = score_overlaps(overlaps(shared))
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(shared.shape[0]), rng.permutation(shared.shape[1])
    assert score_overlaps(overlaps(shared[rows][:, columns])).recall == pytest.approx(scores.recall)
    for figure in (scores.precision, scores.recall, scores.recall_covered, scores.total_recall):
        assert figure is None or 0 <= figure <= 1
    if scores.recall_covered is not None:
        assert scores.recall <= scores.recall_covered
