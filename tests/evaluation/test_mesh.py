"""Mesh scores on worlds whose answers are known."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from helpers_evaluation import (
    FLOOR,
    LABELS,
    ROOM_SIZE_M,
    WALL,
    box_surface,
    copy_of_truth,
    joined,
    one_room,
    quad,
    run_of,
    semantic_mesh,
)

from hydra_mono.core.labels import NO_LABELS, Label, LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.evaluation.mesh import score_labels, score_mesh
from hydra_mono.evaluation.truth_view import view_truth


@functools.cache
def room_and_view():
    truth = one_room()
    return truth, view_truth(truth, run_of())


def mesh_scores(mesh):
    return score_mesh(mesh, room_and_view()[1])


def label_scores(mesh, **changes):
    truth, view = room_and_view()
    return score_labels(replace(run_of(mesh), **changes), truth, view)


def test_the_true_surface_scores_one() -> None:
    scores = mesh_scores(copy_of_truth(one_room()))
    assert (scores.f1_5cm, scores.f1_10cm) == (1.0, 1.0)
    assert scores.mean_error_m == pytest.approx(0, abs=1e-5)
    assert scores.mean_gap_m == pytest.approx(0, abs=1e-5)
    assert scores.in_view_share > 0.98


def test_a_room_too_large_by_3_cm_all_round_errs_by_3_cm() -> None:
    outer = box_surface((-0.03, -0.03, -0.03), np.array(ROOM_SIZE_M) + 0.03)
    scores = mesh_scores(semantic_mesh(joined(outer), WALL))
    assert scores.mean_error_m == pytest.approx(0.03, abs=2e-4)
    assert scores.median_error_m == pytest.approx(0.03, abs=1e-5)
    assert scores.mean_gap_m == pytest.approx(0.03, abs=1e-5)
    assert scores.f1_5cm == pytest.approx(1.0, abs=1e-4)  # a corner is off by √3 · 3 cm


def test_a_wall_7_cm_off_counts_at_10_cm_but_not_at_5() -> None:
    wall = quad((0.07, 0.5, 0.5), (0, 3.0, 0), (0, 0, 1.5))
    scores = mesh_scores(semantic_mesh(wall, WALL))
    assert (scores.accuracy_5cm, scores.accuracy_10cm) == (0.0, 1.0)
    assert scores.mean_error_m == pytest.approx(0.07, abs=1e-5)


def test_half_the_surface_is_half_complete_and_wholly_accurate() -> None:
    sides = box_surface((0, 0, 0), ROOM_SIZE_M)
    bottom_y_low_x_low = [sides[0], sides[2], sides[4]]
    scores = mesh_scores(semantic_mesh(joined(bottom_y_low_x_low), WALL))
    assert scores.accuracy_5cm == 1.0
    assert scores.completeness_5cm == pytest.approx(0.5, abs=0.02)
    assert scores.f1_5cm == pytest.approx(2 / 3, abs=0.02)


def test_scores_weigh_area_and_not_triangles() -> None:
    coarse = quad((0, 0, 0), (4, 0, 0), (0, 4, 0))
    fine_but_wrong = quad((1, 1, 1), (1, 0, 0), (0, 1, 0), steps=40)
    scores = mesh_scores(semantic_mesh(joined([coarse, fine_but_wrong]), FLOOR))
    assert scores.accuracy_5cm == pytest.approx(16 / 17, abs=1e-3)


def test_no_mesh_is_nothing_complete() -> None:
    scores = mesh_scores(SemanticMesh.empty())
    assert (scores.completeness_5cm, scores.f1_5cm) == (0.0, 0.0)
    assert scores.accuracy_5cm is None and scores.mean_error_m is None


def test_the_order_of_triangles_hardly_matters() -> None:
    sides = box_surface((0.02, 0.02, 0.02), ROOM_SIZE_M, steps=12)
    mesh = semantic_mesh(joined(sides), WALL)
    order = np.random.default_rng(3).permutation(len(mesh.faces))
    shuffled = replace(mesh, faces=mesh.faces[order])
    one, other = mesh_scores(mesh), mesh_scores(shuffled)
    assert one.mean_error_m == pytest.approx(other.mean_error_m, abs=2e-4)
    assert one.completeness_5cm == other.completeness_5cm


def test_the_true_labels_score_one() -> None:
    scores = label_scores(copy_of_truth(one_room()))
    assert scores.miou == 1.0 and scores.accuracy == 1.0
    assert set(scores.iou_by_label) == {"wall", "floor"}


def test_swapped_labels_score_zero() -> None:
    mesh = copy_of_truth(one_room())
    swapped = replace(mesh, labels=np.where(mesh.labels == WALL, FLOOR, WALL).astype(np.uint8))
    scores = label_scores(swapped)
    assert scores.miou == 0.0 and scores.accuracy == 0.0


def test_all_called_wall_scores_the_walls_share_of_the_area() -> None:
    mesh = copy_of_truth(one_room())
    scores = label_scores(replace(mesh, labels=np.full_like(mesh.labels, WALL)))
    x, y, z = ROOM_SIZE_M
    floor, rest = x * y, x * y + 2 * z * (x + y)
    assert scores.iou_by_label["wall"] == pytest.approx(rest / (rest + floor), abs=5e-3)
    assert scores.iou_by_label["floor"] == 0.0
    assert scores.miou == pytest.approx(rest / (rest + floor) / 2, abs=5e-3)


def test_labels_are_compared_by_name() -> None:
    mesh = copy_of_truth(one_room())
    renumbered = LabelSpace(
        "other",
        (
            Label(7, "wall", (0, 0, 0), "structure", "wall"),
            Label(9, "floor", (0, 0, 0), "structure", "floor"),
        ),
    )
    labels = np.where(mesh.labels == WALL, 7, 9).astype(np.uint8)
    assert label_scores(replace(mesh, labels=labels), label_space=renumbered).miou == 1.0
    assert label_scores(mesh, label_space=LABELS).miou == 1.0


def test_a_run_without_labels_has_no_label_score() -> None:
    mesh = copy_of_truth(one_room())
    blank = replace(mesh, labels=np.zeros_like(mesh.labels))
    assert label_scores(blank, label_space=NO_LABELS).miou is None
