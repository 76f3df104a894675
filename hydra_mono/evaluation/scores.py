"""The whole evaluation: one call, nested scores, rows of a table."""

from dataclasses import asdict, dataclass
from typing import Any

from hydra_mono.core.truth import GroundTruth
from hydra_mono.evaluation.dynamics.background import BackgroundScores, score_background
from hydra_mono.evaluation.dynamics.changes import ChangeScores
from hydra_mono.evaluation.dynamics.objects_over_time import ObjectTimeScores
from hydra_mono.evaluation.dynamics.run import score_time
from hydra_mono.evaluation.dynamics.tracks import DynamicScores
from hydra_mono.evaluation.inputs import RunInputs
from hydra_mono.evaluation.label_spaces import in_labels_of
from hydra_mono.evaluation.mesh import MeshScores, SemanticMeshScores, score_labels, score_mesh
from hydra_mono.evaluation.objects import ObjectScores, score_objects
from hydra_mono.evaluation.offset import moved_truth
from hydra_mono.evaluation.places import PlaceScores, score_places
from hydra_mono.evaluation.rooms import RoomScores, score_rooms
from hydra_mono.evaluation.truth_view import view_truth
from hydra_mono.graph.io.origin import negative

Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Scores:
    """Every share lies in 0..1; None where there was nothing to score."""

    mesh: MeshScores
    semantic_mesh: SemanticMeshScores
    objects: ObjectScores
    places: PlaceScores
    rooms: RoomScores
    background: BackgroundScores
    dynamic: DynamicScores
    changes: ChangeScores
    objects_over_time: ObjectTimeScores

    def as_dict(self) -> dict[str, Any]:
        """Nested dicts of plain values, ready for JSON."""
        return asdict(self)


def evaluate(run: RunInputs, truth: GroundTruth) -> Scores:
    """Scores a run against the world as it was at the stamp of its last pose.

    Raises:
        DataError: run and truth have different label spaces with no map between them.
    """
    truth = in_labels_of(run.label_space, moved_truth(truth, negative(run.graph.origin_m)))
    view = view_truth(truth, run)
    mesh, time = score_mesh(run.mesh, view), score_time(run, truth, view)
    return Scores(
        mesh=mesh,
        semantic_mesh=score_labels(run, truth, view),
        objects=score_objects(run, truth, view),
        places=score_places(run, truth, view),
        rooms=score_rooms(run, truth),
        background=score_background(run.mesh, truth, view, mesh),
        dynamic=time.dynamic,
        changes=time.changes,
        objects_over_time=time.objects_over_time,
    )


def table(scores: Scores) -> list[Row]:
    """(metric, value, unit) of every single figure, names as in ``as_dict`` joined by dots."""
    return [
        _row(f"{subject}.{name}", value)
        for subject, figures in scores.as_dict().items()
        for name, value in figures.items()
        if not isinstance(value, dict | tuple)
    ]


def _row(name: str, value: float | int | None) -> Row:
    unit = "m" if name.endswith("_m") else "s" if name.endswith("_s") else ""
    if value is None:
        return name, "–", unit
    return name, str(value) if isinstance(value, int) else f"{value:.3f}", unit
