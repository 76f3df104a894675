"""Scores of what moves and changes, on cases small enough to score by hand."""

import math
from dataclasses import replace

import motmetrics
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
)

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.truth import AgentTrack, TruthChange, TruthObject
from hydra_mono.evaluation import evaluate
from hydra_mono.evaluation.dynamics.changes import FoundChange, TrueChange, score_changes
from hydra_mono.evaluation.dynamics.found import found_tracks
from hydra_mono.evaluation.dynamics.objects_over_time import Stay, score_over_time
from hydra_mono.evaluation.dynamics.tracks import Instant, score_tracks, without_optional
from hydra_mono.graph.model.nodes import AgentNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

S = SECOND_NS


def instant(truth, found, optional=()) -> Instant:
    """From {id: x} of truth and estimates, all on the x axis."""
    both = {**truth, **dict(optional)}
    return Instant(
        truth_ids=tuple(both),
        truth_m=np.array([[x, 0.0, 0.0] for x in both.values()]).reshape(-1, 3),
        is_required=np.array([key in truth for key in both], dtype=bool),
        found_ids=tuple(found),
        found_m=np.array([[x, 0.0, 0.0] for x in found.values()]).reshape(-1, 3),
    )


# tracks ------------------------------------------------------------------------------------


def test_a_perfect_track_scores_one_and_never_switches() -> None:
    scores = score_tracks([instant({1: t, 2: -t}, {7: t, 8: -t}) for t in range(5)])
    assert (scores.f1, scores.idf1, scores.mota, scores.id_switches_per_track) == (1, 1, 1, 0)


def test_a_switch_halfway_costs_one_of_mota_and_half_of_idf1() -> None:
    """Ten stamps, one track, called 1 and then 2: MOTA 1 - 1/10, IDF1 2·5 / (10 + 10)."""
    scores = score_tracks([instant({0: 0.1 * t}, {1 + (t >= 5): 0.1 * t}) for t in range(10)])
    assert scores.f1 == 1
    assert scores.mota == pytest.approx(0.9)
    assert scores.idf1 == pytest.approx(0.5)
    assert scores.id_switches_per_track == 1


def test_misses_and_false_alarms_count_alike_and_half_a_metre_is_the_gate() -> None:
    """Hits 2, misses 2, false 2: F1 4/8; MOTA 1 - 4/4."""
    shown = [instant({1: 0.0}, {1: x}) for x in (0.0, 0.5, 0.51)]
    scores = score_tracks([*shown, instant({1: 0.0}, {}), instant({}, {1: 9.0})])
    assert scores.f1 == pytest.approx(0.5)
    assert scores.mota == pytest.approx(0.0)


def test_who_was_hardly_in_view_is_neither_missed_nor_a_false_alarm() -> None:
    shown = instant({1: 0.0}, {1: 0.1, 2: 5.0}, optional={2: 5.1, 3: 9.0})
    assert score_tracks([shown]).f1 == 1
    left = without_optional(shown)
    assert (left.truth_ids, left.found_ids) == ((1,), (1,))


def test_an_estimate_that_a_required_person_needs_is_not_given_to_another() -> None:
    shown = instant({1: 0.0}, {1: 0.4}, optional={2: 0.45})
    assert score_tracks([shown]).f1 == 1


def test_nobody_and_nothing_found_scores_nothing() -> None:
    assert score_tracks([instant({}, {})]).f1 is None
    assert score_tracks([]).idf1 is None
    assert score_tracks([instant({}, {1: 0.0})]).f1 == 0


def test_scores_are_those_of_motmetrics_on_random_tracks() -> None:
    rng = np.random.default_rng(5)
    oracle, shown = motmetrics.MOTAccumulator(auto_id=True), []
    for _ in range(60):
        truth = {i: float(x) for i, x in enumerate(rng.uniform(0, 3, 3))}
        found = {i: truth[i] + float(rng.normal(0, 0.3)) for i in rng.permutation(3)[:2].tolist()}
        shown.append(instant(truth, found))
        cost = motmetrics.distances.norm2squared_matrix(
            shown[-1].truth_m, shown[-1].found_m, max_d2=0.25
        )
        oracle.update(list(truth), list(found), np.sqrt(cost))
    row = motmetrics.metrics.create().compute(oracle, metrics=["mota", "idf1"])
    scores = score_tracks(shown)
    assert scores.mota == pytest.approx(float(row["mota"].iloc[0]))
    assert scores.idf1 == pytest.approx(float(row["idf1"].iloc[0]))


def walker_graph(stamps_s, xs, prefix="b", seen_s=None) -> SceneGraph:
    graph = SceneGraph()
    for i, (stamp, x) in enumerate(zip(stamps_s, xs, strict=True)):
        node = AgentNode(
            position_m=(float(x), 2.0, 1.0),
            first_seen_ns=int(stamp * S),
            last_seen_ns=int((seen_s[i] if seen_s else stamp) * S),
            stamp_ns=int(stamp * S),
            quat_wxyz=(1.0, 0.0, 0.0, 0.0),
        )
        graph.add_node(NodeSymbol(prefix, i), node)
    return graph


def test_a_track_is_read_between_its_nodes_and_not_across_a_pause() -> None:
    (track,) = found_tracks(walker_graph([1, 2, 10], [1.0, 2.0, 3.0], seen_s=[1, 4, 11]))
    assert track.at(int(1.5 * S))[0] == pytest.approx(1.5)
    assert track.at(4 * S)[0] == 2.0, "he stands where he was last seen to stand"
    assert track.at(5 * S) is None
    assert track.at(11 * S)[0] == 3.0
    assert track.at(12 * S) is None


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


def test_a_ghost_in_the_air_is_off_the_surface_and_a_thing_not_looked_at_again_is_none() -> None:
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
