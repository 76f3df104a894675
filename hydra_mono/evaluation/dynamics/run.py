"""The scores of a run on what moves and what changes."""

from dataclasses import dataclass, replace

from hydra_mono.core.truth import GroundTruth
from hydra_mono.evaluation.dynamics.changes import ChangeScores, score_changes
from hydra_mono.evaluation.dynamics.found import found_changes, found_stays, found_tracks
from hydra_mono.evaluation.dynamics.known import instants, true_changes, true_stays
from hydra_mono.evaluation.dynamics.objects_over_time import (
    ObjectTimeScores,
    query_stamps,
    score_over_time,
)
from hydra_mono.evaluation.dynamics.tracks import DynamicScores, score_tracks
from hydra_mono.evaluation.inputs import RunInputs, truth_ids
from hydra_mono.evaluation.truth_view import TruthView


@dataclass(frozen=True, slots=True)
class TimeScores:
    """What a run knew of who moved, what changed, and what was there when."""

    dynamic: DynamicScores
    changes: ChangeScores
    objects_over_time: ObjectTimeScores


def score_time(run: RunInputs, truth: GroundTruth, view: TruthView) -> TimeScores:
    """Scores a run's graph; ``truth`` is relative to the graph's origin."""
    ids = truth_ids(run.label_space, truth.label_space)
    stays = [replace(stay, label=int(ids[label])) for label, stay in found_stays(run.graph)]
    stamps = run.trajectory.stamps_ns
    start_ns = int(stamps[0]) if len(stamps) else 0
    return TimeScores(
        dynamic=score_tracks(instants(truth, found_tracks(run.graph), run)),
        changes=score_changes(true_changes(truth, run.end_ns), found_changes(stays)),
        objects_over_time=score_over_time(
            true_stays(truth, view.visible_instances, run.end_ns),
            stays,
            query_stamps(start_ns, run.end_ns),
        ),
    )
