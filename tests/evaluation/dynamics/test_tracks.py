"""Scores of tracks, on cases small enough to score by hand."""

import motmetrics
import numpy as np
import pytest
from helpers_evaluation import (
    SECOND_NS,
    walker_graph,
)

from hydra_mono.evaluation.dynamics.found import found_tracks
from hydra_mono.evaluation.dynamics.tracks import Instant, score_tracks, without_optional

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


def test_a_track_is_read_between_its_nodes_and_not_across_a_pause() -> None:
    (track,) = found_tracks(walker_graph([1, 2, 10], [1.0, 2.0, 3.0], seen_s=[1, 4, 11]))
    assert track.at(int(1.5 * S))[0] == pytest.approx(1.5)
    assert track.at(4 * S)[0] == 2.0, "he stands where he was last seen to stand"
    assert track.at(5 * S) is None
    assert track.at(11 * S)[0] == 3.0
    assert track.at(12 * S) is None
