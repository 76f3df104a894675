"""Object scores on rooms whose objects are known."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from helpers_evaluation import (
    CHAIR,
    LABELS,
    SECOND_NS,
    TABLE,
    WALL,
    add_object,
    all_round,
    look,
    one_room,
    run_of,
    trajectory,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.truth import TruthObject
from hydra_mono.evaluation.objects import score_objects
from hydra_mono.evaluation.surface import Surface
from hydra_mono.evaluation.truth_view import TruthView, view_truth
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer

CHAIR_BOX = BoundingBox((1.0, 3.0, 0.5), (0.6, 0.6, 1.0))
TABLE_BOX = BoundingBox((3.0, 1.0, 0.4), (1.0, 0.8, 0.8))
OBJECTS = (
    TruthObject(1, CHAIR, "chair 1", CHAIR_BOX),
    TruthObject(2, TABLE, "table 1", TABLE_BOX),
)


def graph_of(*objects):
    graph = SceneGraph()
    for label, box in objects:
        add_object(graph, label, box)
    return graph


def moved(box, x=0.0):
    return replace(box, center_m=(box.center_m[0] + x, *box.center_m[1:]))


@functools.cache
def furnished_room():
    truth = one_room(OBJECTS)
    return truth, view_truth(truth, run_of())


def scores(graph, objects=OBJECTS, path=None):
    run = run_of(graph=graph, path=path)
    if objects is OBJECTS and path is None:
        truth, view = furnished_room()
    else:
        truth = one_room(objects)
        view = view_truth(truth, run)
    return score_objects(run, truth, view)


def test_the_true_objects_score_one() -> None:
    result = scores(graph_of((CHAIR, CHAIR_BOX), (TABLE, TABLE_BOX)))
    assert (result.found, result.correct, result.f1, result.duplicates) == (1.0, 1.0, 1.0, 0)
    assert result.mean_box_iou == pytest.approx(1.0)
    assert (result.truth_count, result.estimated_count) == (2, 2)
    assert result.missed == result.spurious == ()


def test_half_a_metre_counts_and_more_does_not() -> None:
    near = scores(graph_of((CHAIR, moved(CHAIR_BOX, 0.49)), (TABLE, TABLE_BOX)))
    far = scores(graph_of((CHAIR, moved(CHAIR_BOX, 0.51)), (TABLE, TABLE_BOX)))
    assert (near.found, near.correct) == (1.0, 1.0)
    assert (far.found, far.correct) == (0.5, 0.5)
    assert far.missed == ("chair 1",) and far.spurious == ("O(0) chair",)


def test_the_iou_of_a_box_half_aside_is_a_third() -> None:
    result = scores(graph_of((CHAIR, moved(CHAIR_BOX, 0.3))))
    assert result.mean_box_iou == pytest.approx(1 / 3)


def test_the_wrong_label_is_neither_found_nor_correct() -> None:
    result = scores(graph_of((TABLE, CHAIR_BOX), (CHAIR, TABLE_BOX)))
    assert (result.found, result.correct, result.f1) == (0.0, 0.0, 0.0)
    assert result.mean_box_iou is None


def test_two_estimates_of_one_object_are_one_duplicate_and_the_nearer_is_compared() -> None:
    result = scores(graph_of((CHAIR, moved(CHAIR_BOX, 0.2)), (CHAIR, CHAIR_BOX)))
    assert (result.found, result.correct, result.duplicates) == (0.5, 1.0, 1)
    assert result.mean_box_iou == pytest.approx(1.0)


def test_nothing_estimated_finds_nothing() -> None:
    result = scores(SceneGraph())
    assert (result.found, result.correct, result.f1) == (0.0, None, 0.0)
    assert result.missed == ("chair 1", "table 1")


def test_nodes_found_gone_are_no_estimates() -> None:
    graph = graph_of((CHAIR, CHAIR_BOX), (TABLE, TABLE_BOX), (TABLE, moved(TABLE_BOX, -2)))
    graph.mark_removed(graph.symbols(Layer.OBJECTS)[2], (0, 1))
    assert scores(graph).correct == 1.0


def test_objects_carried_away_before_the_end_are_not_asked_for() -> None:
    gone = (replace(OBJECTS[0], disappeared_ns=SECOND_NS), OBJECTS[1])
    result = scores(graph_of((CHAIR, CHAIR_BOX), (TABLE, TABLE_BOX)), gone)
    assert (result.truth_count, result.found, result.correct) == (1, 1.0, 0.5)


def test_objects_brought_after_the_camera_had_looked_are_not_asked_for_but_right() -> None:
    end_ns = all_round().stamps_ns[-1]
    late = (replace(OBJECTS[0], appeared_ns=int(end_ns)), OBJECTS[1])
    result = scores(graph_of((CHAIR, CHAIR_BOX), (TABLE, TABLE_BOX)), late)
    assert (result.truth_count, result.correct) == (1, 1.0)


def test_objects_out_of_view_are_not_asked_for_but_right_to_find() -> None:
    toward_the_table = trajectory([look((0.5, 1.0, 1.25), (1.0, 0.0, -0.2))])
    result = scores(graph_of((CHAIR, CHAIR_BOX), (TABLE, TABLE_BOX)), path=toward_the_table)
    assert (result.truth_count, result.found, result.correct) == (1, 1.0, 1.0)


def test_the_table_by_label_adds_up() -> None:
    result = scores(graph_of((CHAIR, CHAIR_BOX), (CHAIR, moved(CHAIR_BOX, 2)), (WALL, TABLE_BOX)))
    chair, table, wall = (result.by_label[name] for name in ("chair", "table", "wall"))
    assert (chair.truth, chair.found, chair.estimated, chair.correct) == (1, 1, 2, 1)
    assert (table.truth, table.found, table.estimated) == (1, 0, 0)
    assert (wall.truth, wall.estimated, wall.correct) == (0, 1, 0)


EMPTY_ROOM = one_room()
NO_POINTS = np.zeros((0, 3), np.float32)
NOTHING_IN_VIEW = TruthView(
    end_ns=0,
    faces=np.zeros(0, bool),
    surface=Surface(NO_POINTS, np.zeros((0, 3), np.int32)),
    samples_m=NO_POINTS,
    labels=np.zeros(0, np.uint8),
    in_view=np.zeros(0, bool),
    present_instances=frozenset(),
    visible_instances=frozenset(),
)
POINTS = st.tuples(*[st.floats(0, 2).map(lambda v: round(v, 3))] * 3)
BOXES = st.lists(st.tuples(st.sampled_from([CHAIR, TABLE]), POINTS), max_size=6)


@given(true=BOXES, estimated=BOXES, seed=st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_found_and_correct_equal_a_plain_count_in_any_order(true, estimated, seed) -> None:
    def box(point):
        return BoundingBox(point, (0.5, 0.5, 0.5))

    def run(order):
        chosen = [estimated[i] for i in order]
        objects = tuple(
            TruthObject(i + 1, label, str(i), box(point)) for i, (label, point) in enumerate(true)
        )
        truth = replace(EMPTY_ROOM, objects=objects)
        every = frozenset(range(1, len(true) + 1))
        seen = replace(NOTHING_IN_VIEW, present_instances=every, visible_instances=every)
        graph = graph_of(*[(label, box(point)) for label, point in chosen])
        return score_objects(run_of(graph=graph), truth, seen)

    def near(a, b):
        return a[0] == b[0] and np.linalg.norm(np.subtract(a[1], b[1])) <= 0.5

    one = run(range(len(estimated)))
    other = run(np.random.default_rng(seed).permutation(len(estimated)))
    found = [any(near(a, b) for b in estimated) for a in true]
    correct = [any(near(a, b) for a in true) for b in estimated]
    assert one.found == (np.mean(found) if true else None)
    assert one.correct == (np.mean(correct) if estimated else None)
    assert (one.found, one.correct, one.duplicates) == (
        other.found,
        other.correct,
        other.duplicates,
    )
    assert one.duplicates >= 0
    assert one.mean_box_iou is None or 0 <= one.mean_box_iou <= 1


def test_labels_of_the_test_world_are_objects() -> None:
    assert set(LABELS.object_ids) == {CHAIR, TABLE}
