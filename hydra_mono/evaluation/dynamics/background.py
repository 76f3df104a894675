"""Whether the static surface is free of whoever moved, and complete all the same."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.core.truth import GroundTruth
from hydra_mono.evaluation.mesh import MeshScores, surface_errors_m
from hydra_mono.evaluation.ratios import harmonic, share
from hydra_mono.evaluation.surface import Surface
from hydra_mono.evaluation.truth_view import TruthView
from hydra_mono.evaluation.visibility import faces_at

NEAR_M, OFF_M = 0.10, 0.15  # the two distances the scores are named after


@dataclass(frozen=True, slots=True)
class BackgroundScores:
    """``f1_10cm``: of the surface at the run's end; what vanished and was not looked at since may
    still be there. ``off_surface_15cm``: share of vertices farther than that from everything that
    ever stood still."""

    f1_10cm: float | None
    off_surface_15cm: float | None


def score_background(
    mesh: SemanticMesh, truth: GroundTruth, view: TruthView, at_end: MeshScores
) -> BackgroundScores:
    """Accuracy, completeness and ghosts; ``at_end`` are the scores against the last state."""
    accuracy = at_end.accuracy_10cm
    excused = _excused(truth, view)
    if not np.array_equal(excused, view.faces):
        errors = surface_errors_m(mesh, Surface(truth.mesh.vertices_m, truth.mesh.faces[excused]))
        accuracy = share(int((errors <= NEAR_M).sum()), len(errors))
    whole = Surface(truth.mesh.vertices_m, truth.mesh.faces)
    used = mesh.vertices_m[np.unique(mesh.faces)] if len(mesh.faces) else mesh.vertices_m[:0]
    off = whole.distance_m(used) > OFF_M
    return BackgroundScores(
        f1_10cm=harmonic(accuracy, at_end.completeness_10cm),
        off_surface_15cm=share(int(off.sum()), len(off)),
    )


def _excused(truth: GroundTruth, view: TruthView) -> Bool[np.ndarray, " f"]:
    """Faces there at the end, and of what vanished while its place was not looked at since."""
    unnoticed = [
        change.instance
        for change in truth.changes
        if change.kind == "vanished"
        and (change.first_look_ns is None or change.first_look_ns > view.end_ns)
    ]
    return faces_at(truth, view.end_ns) | np.isin(truth.mesh.face_instances, unnoticed)
