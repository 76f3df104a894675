"""Truth in one label space, a run in another."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_evaluation import add_object, copy_of_truth, one_room, run_of

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.errors import DataError
from hydra_mono.core.labels import NO_LABELS, LabelSpace, load_label_space
from hydra_mono.core.truth import GroundTruth, TruthObject
from hydra_mono.evaluation import evaluate
from hydra_mono.evaluation.label_spaces import in_labels_of
from hydra_mono.graph.model.scene_graph import SceneGraph

APARTMENT, NYU40 = load_label_space("apartment"), load_label_space("nyu40")
BOX = BoundingBox((2.0, 2.0, 0.5), (0.8, 0.8, 1.0))


def id_of(space: LabelSpace, name: str) -> int:
    return next(label.id for label in space.labels if label.name == name)


def apartment_with_an_oven() -> GroundTruth:
    """The test room, its surfaces called wall and floor as apartments call them."""
    truth = one_room((TruthObject(1, id_of(APARTMENT, "oven"), "oven", BOX),))
    names = {label.id: label.name for label in truth.label_space.labels}
    labels = truth.mesh.face_labels.copy()
    for name in ("wall", "floor"):
        old = next(i for i, known in names.items() if known == name)
        labels[truth.mesh.face_labels == old] = id_of(APARTMENT, name)
    labels[truth.mesh.face_instances == 1] = id_of(APARTMENT, "oven")
    return replace(truth, label_space=APARTMENT, mesh=replace(truth.mesh, face_labels=labels))


def test_a_perfect_run_in_the_networks_labels_scores_one() -> None:
    truth = apartment_with_an_oven()
    mapped = in_labels_of(NYU40, truth)
    graph = SceneGraph()
    add_object(graph, id_of(NYU40, "otherfurniture"), BOX)
    run = replace(run_of(copy_of_truth(mapped), graph), label_space=NYU40)
    scores = evaluate(run, truth)
    assert scores.semantic_mesh.miou == pytest.approx(1.0, abs=0.02)
    assert set(scores.semantic_mesh.iou_by_label) == {"wall", "floor", "otherfurniture"}
    assert scores.objects.f1 == 1.0


def test_the_same_space_is_left_alone_and_so_is_a_run_without_labels() -> None:
    truth = apartment_with_an_oven()
    assert in_labels_of(APARTMENT, truth) is truth
    assert in_labels_of(NO_LABELS, truth) is truth


def test_spaces_without_a_map_are_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"'apartment'.*'replica'"):
        in_labels_of(load_label_space("replica"), apartment_with_an_oven())


def test_labels_of_faces_and_objects_are_mapped_alike() -> None:
    mapped = in_labels_of(NYU40, apartment_with_an_oven())
    obj = mapped.objects[0]
    of_object = np.unique(mapped.mesh.face_labels[mapped.mesh.face_instances == obj.instance])
    assert of_object.tolist() == [obj.label] == [id_of(NYU40, "otherfurniture")]
