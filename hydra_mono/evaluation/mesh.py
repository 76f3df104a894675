"""How near the reconstructed surface is to the true one, both directions, and how well labelled."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from scipy.spatial import KDTree

from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.core.truth import GroundTruth
from hydra_mono.evaluation.inputs import RunInputs, truth_ids
from hydra_mono.evaluation.ratios import harmonic, mean, share
from hydra_mono.evaluation.surface import Surface, SurfaceSamples, face_areas_m2, sample_surface
from hydra_mono.evaluation.truth_view import TruthView, sample_count

_LABEL_REACH_M = 0.2  # surface farther from the truth has no true label
_HIDDEN_M = 0.05  # nor has surface nearer by so much to some that was never in view


@dataclass(frozen=True, slots=True)
class MeshScores:
    """Accuracy: share of the reconstructed surface within a distance of the truth.

    Completeness: share of the true surface that was in view within it of the reconstruction.
    Errors are distances from the reconstruction to the truth, gaps the reverse.
    """

    accuracy_5cm: float | None
    completeness_5cm: float | None
    f1_5cm: float | None
    accuracy_10cm: float | None
    completeness_10cm: float | None
    f1_10cm: float | None
    mean_error_m: float | None
    median_error_m: float | None
    mean_gap_m: float | None
    in_view_share: float | None


@dataclass(frozen=True, slots=True)
class SemanticMeshScores:
    """Labels of the reconstructed surface against those of the true one next to it, by area."""

    miou: float | None
    accuracy: float | None
    iou_by_label: dict[str, float]


def score_mesh(mesh: SemanticMesh, view: TruthView) -> MeshScores:
    """Knapitsch et al. (Tanks and Temples, 2017), on samples of equal area of both surfaces."""
    errors = surface_errors_m(mesh, view.surface)
    gaps = Surface(mesh.vertices_m, mesh.faces).distance_m(view.samples_m[view.in_view])
    accuracy_5cm, accuracy_10cm = _within(errors, 0.05), _within(errors, 0.10)
    completeness_5cm, completeness_10cm = _within(gaps, 0.05), _within(gaps, 0.10)
    return MeshScores(
        accuracy_5cm=accuracy_5cm,
        completeness_5cm=completeness_5cm,
        f1_5cm=harmonic(accuracy_5cm, completeness_5cm),
        accuracy_10cm=accuracy_10cm,
        completeness_10cm=completeness_10cm,
        f1_10cm=harmonic(accuracy_10cm, completeness_10cm),
        mean_error_m=_mean(errors),
        median_error_m=_median(errors),
        mean_gap_m=_mean(gaps),
        in_view_share=share(int(view.in_view.sum()), len(view.in_view)),
    )


def surface_errors_m(mesh: SemanticMesh, surface: Surface) -> Float64[np.ndarray, " n"]:
    """Distances from samples of equal area of a mesh to a surface."""
    return surface.distance_m(_samples(mesh).points_m)


def score_labels(run: RunInputs, truth: GroundTruth, view: TruthView) -> SemanticMeshScores:
    """IoU of every label the true surface has there, and their mean.

    The true label is that of the nearest surface that was in view, 0.2 m away at most: what it
    hides (a floor under a rug) must not decide. Surface that belongs to something hidden is left
    out. Surface without a label counts as wrong, and a label that was in view without any
    surface near it has an IoU of 0.
    """
    samples = _samples(run.mesh)
    seen_m, seen_labels = view.samples_m[view.in_view], view.labels[view.in_view]
    distances, nearest = _nearest(seen_m, samples)
    hidden, _ = _nearest(view.samples_m[~view.in_view], samples)
    near = np.isfinite(distances) & (distances <= hidden + _HIDDEN_M)
    expected = seen_labels[nearest[near]]
    found = truth_ids(run.label_space, truth.label_space)[_labels(run.mesh, samples)[near]]
    known = expected > 0
    ious = _ious(expected[known], found[known], np.unique(seen_labels[seen_labels > 0]))
    return SemanticMeshScores(
        miou=mean(list(ious.values())) if run.label_space.labels else None,
        accuracy=share(int((expected == found)[known].sum()), int(known.sum())),
        iou_by_label={truth.label_space.name_of(label): iou for label, iou in ious.items()},
    )


def _samples(mesh: SemanticMesh) -> SurfaceSamples:
    area = float(face_areas_m2(mesh.vertices_m, mesh.faces).sum())
    return sample_surface(mesh.vertices_m, mesh.faces, sample_count(area))


def _nearest(
    points_m: Float32[np.ndarray, "n 3"], samples: SurfaceSamples
) -> tuple[Float64[np.ndarray, " k"], Int64[np.ndarray, " k"]]:
    """Distance to and index of the nearest point; infinite where none is in reach."""
    tree = KDTree(points_m)
    distances, nearest = tree.query(samples.points_m, distance_upper_bound=_LABEL_REACH_M)
    return distances, nearest


def _labels(mesh: SemanticMesh, samples: SurfaceSamples) -> UInt8[np.ndarray, " n"]:
    """Label of the corner nearest (in barycentric weight) to each sample."""
    corners = mesh.faces[samples.faces].reshape(-1, 3)
    corner = np.argmax(samples.barycentric, axis=1)
    return np.asarray(mesh.labels[corners[np.arange(len(corners)), corner]])


def _ious(
    expected: UInt8[np.ndarray, " n"],
    found: UInt8[np.ndarray, " n"],
    required: UInt8[np.ndarray, " k"],
) -> dict[int, float]:
    confusion = np.bincount(expected.astype(np.int64) * 256 + found, minlength=256 * 256)
    table = confusion.reshape(256, 256)
    hits, unions = np.diag(table), table.sum(axis=0) + table.sum(axis=1) - np.diag(table)
    return {int(i): float(hits[i] / max(unions[i], 1)) for i in required}


def _within(distances_m: Float64[np.ndarray, " n"], limit_m: float) -> float | None:
    return share(int((distances_m <= limit_m).sum()), len(distances_m))


def _mean(distances_m: Float64[np.ndarray, " n"]) -> float | None:
    """None where one of the two surfaces is empty."""
    return float(distances_m.mean()) if np.isfinite(distances_m).any() else None


def _median(distances_m: Float64[np.ndarray, " n"]) -> float | None:
    return float(np.median(distances_m)) if np.isfinite(distances_m).any() else None
