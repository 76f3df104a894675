"""Scores of what moves and changes, on cases small enough to score by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers_evaluation import (
    CHAIR,
    SECOND_NS,
    TABLE,
    add_object,
    copy_of_truth,
    joined,
    one_room,
    quad,
    run_of,
    semantic_mesh,
    trajectory,
    walker_graph,
)

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.truth import AgentTrack, TruthChange, TruthObject
from hydra_mono.evaluation import evaluate
from hydra_mono.evaluation.dynamics.changes import FoundChange, TrueChange, score_changes
from hydra_mono.evaluation.dynamics.found import found_changes, found_stays
from hydra_mono.evaluation.dynamics.objects_over_time import Stay, score_over_time
from hydra_mono.graph.model.presence import Presence, Trajectory
from hydra_mono.graph.model.scene_graph import SceneGraph

S = SECOND_NS


# changes -----------------------------------------------------------------------------------


def gone(stamp_s=10, required=True, label=CHAIR, x=0.0) -> TrueChange:
    return TrueChange("vanished", label, (x, 0.0, 0.0), stamp_s * S, required)


def said(first_s, last_s, kind="vanished", label=CHAIR, x=0.0) -> FoundChange:
    return FoundChange(kind, label, (x, 0.0, 0.0), int(first_s * S), int(last_s * S))


def test_a_change_found_in_its_interval_scores_one_and_its_middle_tells_the_error() -> None:
    scores = score_changes([gone(10)], [said(6, 12, x=0.3)])
    assert (scores.f1, scores.interval_holds_truth, scores.false_removals) == (1, 1, 0)
    assert scores.time_error_s == pytest.approx(1.0)


def test_an_interval_that_is_over_before_misses_the_truth_and_one_too_early_is_none() -> None:
    late = score_changes([gone(10)], [said(12, 14)])
    assert (late.f1, late.interval_holds_truth) == (1, 0)
    early = score_changes([gone(10)], [said(2, 8)])
    assert (early.f1, early.false_removals) == (0, 1)


def test_label_place_and_kind_have_to_agree() -> None:
    for wrong in (said(9, 11, label=TABLE), said(9, 11, x=0.6), said(9, 11, kind="appeared")):
        scores = score_changes([gone()], [wrong])
        assert scores.f1 == 0
        assert scores.false_removals == (wrong.kind == "vanished")


def test_a_change_that_nobody_could_notice_is_not_asked_for_and_not_wrong() -> None:
    assert score_changes([gone(required=False)], []).f1 is None
    assert score_changes([gone(required=False)], [said(9, 11)]).false_removals == 0
    mixed = score_changes([gone(), gone(required=False, x=3.0)], [said(9, 11), said(9, 11, x=3.0)])
    assert mixed.f1 == 1


def test_two_of_three_found_and_one_too_many_is_two_thirds() -> None:
    truth = [gone(x=0.0), gone(x=2.0), gone(x=4.0)]
    scores = score_changes(truth, [said(9, 11), said(9, 11, x=2.0), said(9, 11, x=9.0)])
    assert scores.f1 == pytest.approx(2 / 3)
    assert scores.false_removals == 1


# objects over time -------------------------------------------------------------------------


def test_presence_is_scored_stamp_by_stamp() -> None:
    """There in 2 of 4 stamps, said to be in 3: precision 2/3, recall 1, F1 0.8."""
    truth = [Stay(CHAIR, (0, 0, 0), went_ns=(2.5, 2.5))]
    found = [Stay(CHAIR, (0.2, 0, 0), went_ns=(3.5, 3.5))]
    assert score_over_time(truth, found, [1, 2, 3, 4]).f1 == pytest.approx(0.8)


def test_while_nobody_looks_both_answers_are_right() -> None:
    truth = [Stay(CHAIR, (0, 0, 0), went_ns=(1.5, 3.5))]
    for end in (1.6, 3.4):
        found = [Stay(CHAIR, (0, 0, 0), went_ns=(end, end))]
        assert score_over_time(truth, found, [1, 2, 3, 4]).f1 == 1


def test_the_middle_of_a_found_interval_is_taken() -> None:
    truth = [Stay(CHAIR, (0, 0, 0), went_ns=(2.5, 2.5))]
    found = [Stay(CHAIR, (0, 0, 0), went_ns=(1, 4))]
    assert score_over_time(truth, found, [1, 2, 3, 4]).f1 == 1
    assert score_over_time([], [], [1]).f1 is None


# whole runs --------------------------------------------------------------------------------

BOX = BoundingBox((2.0, 2.0, 0.5), (0.8, 0.8, 1.0))
CRATE = TruthObject(1, CHAIR, "crate", BOX)


def test_a_static_world_mapped_perfectly_has_no_dynamics_and_no_false_removal() -> None:
    truth = one_room((CRATE,))
    graph = SceneGraph()
    add_object(graph, CHAIR, BOX)
    scores = evaluate(run_of(copy_of_truth(truth), graph), truth)
    assert scores.dynamic.f1 is None
    assert (scores.changes.f1, scores.changes.false_removals) == (None, 0)
    assert scores.objects_over_time.f1 == 1
    assert scores.background.f1_10cm == scores.mesh.f1_10cm
    assert scores.background.off_surface_15cm == 0


def test_an_object_removed_in_a_static_world_is_a_false_removal() -> None:
    graph = SceneGraph()
    symbol = add_object(graph, CHAIR, BOX)
    graph.mark_removed(symbol, (5 * S, 9 * S))
    scores = evaluate(run_of(graph=graph), one_room((CRATE,)))
    assert (scores.changes.f1, scores.changes.false_removals) == (0.0, 1)


def test_what_was_carried_away_is_found_with_its_interval() -> None:
    truth = replace(
        one_room((replace(CRATE, disappeared_ns=8 * S),)),
        changes=(TruthChange(1, "vanished", 8 * S, 5 * S, 10 * S),),
    )
    graph = SceneGraph()
    symbol = add_object(graph, CHAIR, BOX)
    graph.mark_removed(symbol, (5 * S, 10 * S))
    scores = evaluate(run_of(graph=graph), truth)
    assert (scores.changes.f1, scores.changes.interval_holds_truth) == (1, 1)
    assert scores.changes.time_error_s == pytest.approx(0.5)
    assert scores.objects_over_time.f1 == 1


def test_what_rays_saw_come_and_go_are_two_changes_and_a_mistake_is_none() -> None:
    graph = SceneGraph()
    presence = Presence(2 * S, 4 * S, 6 * S, 7 * S)
    gone_again = add_object(graph, CHAIR, BOX, presence=presence)
    graph.mark_removed(gone_again, (6 * S, 7 * S))
    graph.retract(add_object(graph, CHAIR, BOX), 5 * S)
    (stay,) = [stay for _, stay in found_stays(graph)]
    assert (stay.came_ns, stay.went_ns) == ((2 * S, 4 * S), (6 * S, 7 * S))
    assert [c.kind for c in found_changes([stay])] == ["appeared", "vanished"]


def test_an_object_that_kept_its_name_left_one_place_and_came_to_another() -> None:
    graph = SceneGraph()
    there = (3.0, 2.0, 0.5)
    kept = add_object(
        graph,
        CHAIR,
        replace(BOX, center_m=there),
        presence=Presence(None, 1 * S, 12 * S, None),
        trajectory=Trajectory((1 * S, 9 * S), (BOX.center_m, there)),
    )
    part = add_object(graph, CHAIR, BOX, presence=Presence(7 * S, 9 * S, 10 * S, None))
    graph.mark_merged(part, kept, 10 * S)
    left, came = found_changes([stay for _, stay in found_stays(graph)])
    assert (left.kind, left.center_m, came.kind, came.center_m) == (
        "vanished",
        BOX.center_m,
        "appeared",
        there,
    )
    for change in (left, came):
        assert (change.earliest_ns, change.latest_ns) == (7 * S, 9 * S)


def test_a_ghost_in_the_air_is_off_the_surface_and_a_object_not_looked_at_again_is_none() -> None:
    gone_crate = replace(CRATE, disappeared_ns=1)
    change = TruthChange(1, "vanished", 1, 0, None)
    truth = replace(one_room((gone_crate,)), changes=(change,))
    stale = evaluate(run_of(copy_of_truth(truth)), truth)
    assert stale.background.off_surface_15cm == 0
    assert stale.background.f1_10cm > stale.mesh.f1_10cm
    looked = replace(truth, changes=(replace(change, first_look_ns=2 * S),))
    again = evaluate(run_of(copy_of_truth(truth)), looked)
    assert again.background.f1_10cm == again.mesh.f1_10cm
    room = one_room()
    solid = (room.mesh.vertices_m, room.mesh.faces)
    ghost = quad((1.0, 1.0, 1.2), (0.5, 0, 0), (0, 0.5, 0), steps=4)
    mesh = semantic_mesh(joined([solid, ghost]), 1)
    off = evaluate(run_of(mesh), room).background.off_surface_15cm
    assert off == pytest.approx(25 / (25 + len(np.unique(room.mesh.faces))))


def person_track(stamps, pixels) -> AgentTrack:
    boxes = tuple(BoundingBox((0.5 + 0.1 * i, 2.0, 1.0), (0.5, 0.5, 1.7)) for i in range(stamps))
    places = tuple((box.center_m[0], 2.0, 0.0) for box in boxes)
    stamps_ns = tuple(S * (i + 1) for i in range(stamps))
    return AgentTrack("person 1", stamps_ns, places, "person", boxes, (pixels,) * stamps)


def test_a_walker_in_the_graph_is_found_if_he_is_where_the_truth_says() -> None:
    pose = np.eye(4)
    pose[:3, :3] = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], float)  # looks along x
    pose[:3, 3] = (-1.0, 2.0, 1.0)
    path = trajectory([pose] * 6)
    graph = walker_graph(range(1, 7), 0.6 + 0.1 * np.arange(6))
    truth = replace(one_room(), agents=(person_track(6, 5000),))
    scores = evaluate(run_of(graph=graph, path=path), truth).dynamic
    assert (scores.f1, scores.idf1, scores.mota) == (1, 1, 1)
    hidden = replace(truth, agents=(person_track(6, 3),))
    assert evaluate(run_of(path=path), hidden).dynamic.f1 is None
    assert evaluate(run_of(path=path), truth).dynamic.f1 == 0
    assert math.isclose(evaluate(run_of(path=path), truth).dynamic.mota or 0.0, 0.0)
