"""The true world as it was at the run's end, and what of it there was to see."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from hydra_mono.core.truth import GroundTruth
from hydra_mono.evaluation.inputs import RunInputs
from hydra_mono.evaluation.surface import Surface, face_areas_m2, face_normals, sample_surface
from hydra_mono.evaluation.visibility import Targets, faces_at, seen_targets

SAMPLE_AREA_M2 = 6.25e-4  # one point for 2.5 cm × 2.5 cm
MAX_SAMPLES = 400_000
_SAMPLES_PER_OBJECT = 400
_MIN_SEEN_SHARE = 0.2  # of an object's surface, for it to count as there to be found
_MIN_SEEN_AREA_M2 = 0.01


@dataclass(frozen=True, slots=True)
class TruthView:
    """``faces`` marks the triangles of the truth's mesh that exist, ``surface`` holds them.

    ``samples_m`` are spread evenly over them, ``labels`` are theirs; ``in_view`` marks those
    that were seen.
    ``present_instances``: objects that exist; ``visible_instances``: those seen well enough.
    """

    end_ns: int
    faces: Bool[np.ndarray, " f"]
    surface: Surface
    samples_m: Float32[np.ndarray, "n 3"]
    labels: UInt8[np.ndarray, " n"]
    in_view: Bool[np.ndarray, " n"]
    present_instances: frozenset[int]
    visible_instances: frozenset[int]


def view_truth(truth: GroundTruth, run: RunInputs) -> TruthView:
    """Samples the true surface and finds what the trajectory saw of it."""
    faces = faces_at(truth, run.end_ns)
    areas = face_areas_m2(truth.mesh.vertices_m, truth.mesh.faces)
    whole = _targets(truth, faces, sample_count(float(areas[faces].sum())))
    area_of = _area_of_instances(truth, np.where(faces, areas, 0.0))
    objects = [
        _targets(truth, faces & (truth.mesh.face_instances == instance), _SAMPLES_PER_OBJECT)
        for instance in area_of
    ]
    is_seen = seen_targets(_joined(objects), truth, run) if objects else np.zeros(0, dtype=bool)
    shares = is_seen.reshape(len(objects), _SAMPLES_PER_OBJECT).mean(axis=1)
    return TruthView(
        end_ns=run.end_ns,
        faces=faces,
        surface=Surface(truth.mesh.vertices_m, truth.mesh.faces[faces]),
        samples_m=whole.points_m,
        labels=whole.labels,
        in_view=seen_targets(whole, truth, run),
        present_instances=frozenset(area_of),
        visible_instances=frozenset(
            instance
            for (instance, area), share in zip(area_of.items(), shares, strict=True)
            if share >= _MIN_SEEN_SHARE and share * area >= _MIN_SEEN_AREA_M2
        ),
    )


def sample_count(area_m2: float) -> int:
    """Points for a surface of that area: dense, but never more than can be scored in time."""
    return min(MAX_SAMPLES, max(1, round(area_m2 / SAMPLE_AREA_M2)))


def _area_of_instances(truth: GroundTruth, areas: Float64[np.ndarray, " f"]) -> dict[int, float]:
    """Surface of every object (not the building) that has any, by instance, ascending."""
    totals = np.bincount(truth.mesh.face_instances, weights=areas)
    return {int(i): float(totals[i]) for i in np.flatnonzero(totals > 0) if i > 0}


def _targets(truth: GroundTruth, faces: Bool[np.ndarray, " f"], count: int) -> Targets:
    chosen = np.flatnonzero(faces)
    vertices, triangles = truth.mesh.vertices_m, truth.mesh.faces[chosen]
    samples = sample_surface(vertices, triangles, count)
    return Targets(
        points_m=samples.points_m,
        normals=face_normals(vertices, triangles)[samples.faces],
        labels=truth.mesh.face_labels[chosen[samples.faces]],
        instances=truth.mesh.face_instances[chosen[samples.faces]],
    )


def _joined(parts: list[Targets]) -> Targets:
    return Targets(
        points_m=np.concatenate([part.points_m for part in parts]),
        normals=np.concatenate([part.normals for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        instances=np.concatenate([part.instances for part in parts]),
    )
