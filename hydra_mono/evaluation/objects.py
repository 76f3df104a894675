"""Whether the objects of the world were found, where they are and as large as they are."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.optimize import linear_sum_assignment

from hydra_mono.core.box import BoundingBox, box_iou
from hydra_mono.core.truth import GroundTruth
from hydra_mono.evaluation.inputs import RunInputs, truth_ids
from hydra_mono.evaluation.ratios import harmonic, mean, share
from hydra_mono.evaluation.truth_view import TruthView
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.symbols import Layer

MATCH_RADIUS_M = 0.5
_FORBIDDEN = 1e6


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """One row of the table by label; ``truth`` counts the objects seen well enough."""

    truth: int
    found: int
    estimated: int
    correct: int
    mean_box_iou: float | None


@dataclass(frozen=True, slots=True)
class ObjectScores:
    """Found: true objects with an estimate of the same label within 0.5 m, centre to centre.

    Correct: estimates with a true object so. Duplicates: correct estimates that a one-to-one
    assignment leaves over. Boxes are compared over that assignment. False removals: objects
    marked as removed where nothing of their label left the world within that distance.
    """

    found: float | None
    correct: float | None
    f1: float | None
    mean_box_iou: float | None
    duplicates: int
    false_removals: int
    truth_count: int
    estimated_count: int
    missed: tuple[str, ...]
    spurious: tuple[str, ...]
    by_label: dict[str, LabelCounts]


@dataclass(frozen=True, slots=True)
class _Scored:
    name: str
    label: int
    box: BoundingBox
    is_required: bool = True


def score_objects(run: RunInputs, truth: GroundTruth, view: TruthView) -> ObjectScores:
    """Hughes et al. (Hydra, 2022): objects found and correct; objects barely seen are not asked
    for, but finding them is right."""
    objects, estimates = _true_objects(truth, view), _estimates(run, truth, view.end_ns)
    distances = _distances(objects, estimates)
    is_near = np.asarray(distances <= MATCH_RADIUS_M)
    is_found = np.asarray(is_near.any(axis=1))
    is_correct = np.asarray(is_near.any(axis=0))
    ious = _matched_ious(objects, estimates, distances)
    required = np.array([obj.is_required for obj in objects], dtype=bool)
    found = share(int(is_found[required].sum()), int(required.sum()))
    correct = share(int(is_correct.sum()), len(estimates))
    return ObjectScores(
        found=found,
        correct=correct,
        f1=harmonic(correct, found),
        mean_box_iou=mean([iou for _, iou in ious]),
        duplicates=int(is_correct.sum()) - len(ious),
        false_removals=_false_removals(run, truth, view.end_ns),
        truth_count=int(required.sum()),
        estimated_count=len(estimates),
        missed=tuple(objects[i].name for i in np.flatnonzero(required & ~is_found)),
        spurious=tuple(estimates[i].name for i in np.flatnonzero(~is_correct)),
        by_label=_by_label(truth, objects, estimates, is_near, ious),
    )


def _true_objects(truth: GroundTruth, view: TruthView) -> list[_Scored]:
    labels = truth.label_space.object_ids
    return [
        _Scored(obj.name, obj.label, obj.box, obj.instance in view.visible_instances)
        for obj in truth.objects
        if obj.label in labels and obj.instance in view.present_instances
    ]


def _estimates(run: RunInputs, truth: GroundTruth, end_ns: int) -> list[_Scored]:
    ids = truth_ids(run.label_space, truth.label_space)
    return [
        _Scored(f"{symbol} {node.name}", int(ids[node.label]), node.box)
        for symbol, node in run.graph.nodes(Layer.OBJECTS)
        if isinstance(node, ObjectNode) and node.exists_at(end_ns)
    ]


def _false_removals(run: RunInputs, truth: GroundTruth, end_ns: int) -> int:
    ids = truth_ids(run.label_space, truth.label_space)
    removed = [
        _Scored(f"{symbol} {node.name}", int(ids[node.label]), node.box)
        for symbol, node in run.graph.nodes(Layer.OBJECTS)
        if isinstance(node, ObjectNode) and node.removed_ns is not None
    ]
    left = [
        _Scored(obj.name, obj.label, obj.box)
        for obj in truth.objects
        if obj.disappeared_ns is not None and obj.disappeared_ns <= end_ns
    ]
    near = np.asarray(_distances(left, removed) <= MATCH_RADIUS_M)
    return len(removed) - int(near.any(axis=0).sum())


def _distances(objects: list[_Scored], estimates: list[_Scored]) -> Float64[np.ndarray, "t e"]:
    """Centre to centre; infinite between different labels."""
    a = np.array([obj.box.center_m for obj in objects]).reshape(-1, 1, 3)
    b = np.array([obj.box.center_m for obj in estimates]).reshape(1, -1, 3)
    labels_a = np.array([obj.label for obj in objects]).reshape(-1, 1)
    labels_b = np.array([obj.label for obj in estimates]).reshape(1, -1)
    return np.where(labels_a == labels_b, np.linalg.norm(a - b, axis=2), np.inf)


def _matched_ious(
    objects: list[_Scored],
    estimates: list[_Scored],
    distances: Float64[np.ndarray, "t e"],
) -> list[tuple[int, float]]:
    """(true object, box IoU) over the one-to-one assignment with most and then nearest pairs."""
    costs = np.where(distances <= MATCH_RADIUS_M, distances, _FORBIDDEN)
    rows, columns = linear_sum_assignment(costs)
    return [
        (int(row), min(1.0, box_iou(objects[row].box, estimates[column].box)))
        for row, column in zip(rows, columns, strict=True)
        if costs[row, column] < _FORBIDDEN
    ]


def _by_label(
    truth: GroundTruth,
    objects: list[_Scored],
    estimates: list[_Scored],
    is_near: Bool[np.ndarray, "t e"],
    ious: list[tuple[int, float]],
) -> dict[str, LabelCounts]:
    rows = np.array([obj.label for obj in objects], dtype=np.int64)
    required = np.array([obj.is_required for obj in objects], dtype=bool)
    columns = np.array([obj.label for obj in estimates], dtype=np.int64)
    found, correct = is_near.any(axis=1), is_near.any(axis=0)
    return {
        truth.label_space.name_of(label): LabelCounts(
            truth=int((required & (rows == label)).sum()),
            found=int((required & found & (rows == label)).sum()),
            estimated=int((columns == label).sum()),
            correct=int((correct & (columns == label)).sum()),
            mean_box_iou=mean([iou for row, iou in ious if rows[row] == label]),
        )
        for label in sorted({*rows.tolist(), *columns.tolist()})
    }
