"""Sides of boxes at the ends that images saw."""

import math

import numpy as np
import pytest
from helpers_graph import TABLE, box_mesh, standing_box
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_mono.core.box import BoundingBox, box_iou
from hydra_mono.graph.objects.box_fit import seen_share
from hydra_mono.graph.objects.boxes import INWARD_M, OUTWARD_M, fit_to_outline

TRUTH = standing_box(0.4, -0.3, (0.9, 0.5, 0.7), 0.4)


def edges(box: BoundingBox, step_m: float = 0.03) -> np.ndarray:
    """Points along the twelve edges of a box."""
    half = np.array(box.dimensions_m) / 2
    lines = []
    for axis in range(3):
        along = np.arange(-half[axis], half[axis], step_m)
        for signs in np.ndindex(2, 2):
            line = np.zeros((len(along), 3))
            line[:, axis] = along
            for other, sign in zip((a for a in range(3) if a != axis), signs, strict=True):
                line[:, other] = (2 * sign - 1) * half[other]
            lines.append(line)
    cos, sin = math.cos(box.yaw_rad), math.sin(box.yaw_rad)
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(np.concatenate(lines) @ turn + np.array(box.center_m))


def fitted(box: BoundingBox, ends_m: np.ndarray, sides: tuple[str, ...] = ()) -> BoundingBox:
    """The fit of a box whose named sides have surface."""
    mesh = box_mesh(box, TABLE, ("bottom", *sides))
    points, normals = mesh.vertices_m.astype(float), mesh.normals.astype(float)
    return fit_to_outline(box, ends_m, points, normals, np.ones(len(points), bool)).box


def widened(box: BoundingBox, lower_m: list[float], upper_m: list[float]) -> BoundingBox:
    half = np.array(box.dimensions_m) / 2
    return box.with_corners(-half - lower_m, half + upper_m)


steps = st.floats(-0.9 * OUTWARD_M, 0.9 * INWARD_M)


@settings(max_examples=50, deadline=None)
@given(st.lists(steps, min_size=6, max_size=6))
def test_sides_go_to_where_the_ends_are_from_either_side(offsets: list[float]) -> None:
    wrong = widened(TRUTH, [*offsets[:2], 0.0], offsets[2:5])
    result = fitted(wrong, edges(TRUTH))
    assert box_iou(result, TRUTH) > 0.985


def test_too_few_ends_change_nothing() -> None:
    wrong = widened(TRUTH, [0.04, 0.04, 0.0], [0.04, 0.04, 0.04])
    assert fitted(wrong, edges(TRUTH)[:7]) == wrong
    assert fitted(wrong, np.zeros((0, 3))) == wrong


def test_ends_of_something_else_farther_out_are_left_alone() -> None:
    other = standing_box(3.0, 2.0, (0.9, 0.5, 0.7))
    assert fitted(TRUTH, edges(other)) == TRUTH


def test_a_side_seen_flatly_stays_where_its_surface_is_but_not_the_top() -> None:
    wrong = widened(TRUTH, [0.0, 0.0, 0.0], [0.04, 0.0, 0.04])
    result = fitted(wrong, edges(TRUTH), ("right", "top"))
    assert result.dimensions_m[0] == pytest.approx(0.94, abs=1e-6)
    assert result.dimensions_m[2] == pytest.approx(0.70, abs=5e-3)


def rim(radius_m: float, told: np.ndarray, seen_m: float = 0.17) -> BoundingBox:
    """The fit to a round surface of radius ``seen_m`` whose contour is seen at some angles."""
    angle = np.repeat(np.linspace(0, 2 * math.pi, 80, endpoint=False), 12)
    height = np.tile(np.linspace(0.0, 0.4, 12), 80)
    normals = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    points = seen_m * normals + np.column_stack([0 * height, 0 * height, height])
    box = BoundingBox((0.0, 0.0, 0.2), (2 * seen_m, 2 * seen_m, 0.4))
    ends = np.column_stack([radius_m * np.cos(told), radius_m * np.sin(told), 0 * told + 0.2])
    return fit_to_outline(box, ends, points, normals, np.ones(len(points), bool)).box


def test_a_round_object_is_as_wide_as_the_circle_of_its_contours() -> None:
    half_way = rim(0.2, np.linspace(-2.0, 2.0, 120))
    assert half_way.dimensions_m[:2] == pytest.approx((0.4, 0.4), abs=0.005)
    assert half_way.center_m[:2] == pytest.approx((0.0, 0.0), abs=0.005)


def test_contours_that_are_no_circle_about_a_round_object_leave_it_alone() -> None:
    assert rim(0.2, np.linspace(-0.5, 0.5, 120)).dimensions_m[:2] == pytest.approx((0.34, 0.34))
    assert rim(0.1, np.linspace(-3.0, 3.0, 120)).dimensions_m[:2] == pytest.approx((0.34, 0.34))


@pytest.mark.parametrize(("count", "rises"), [(8, True), (2, False)])
def test_a_tap_too_thin_for_voxels_is_in_the_box_where_many_ends_show_it(
    count: int, rises: bool
) -> None:
    tap = np.tile([TRUTH.center_m], (count, 1))
    tap[:, 2] = np.linspace(0.72, 0.84, count)
    mesh = box_mesh(TRUTH, TABLE)
    points, normals = mesh.vertices_m.astype(float), mesh.normals.astype(float)
    sure = np.ones(len(points), bool)
    result = fit_to_outline(TRUTH, edges(TRUTH), points, normals, sure, tap).box
    assert result.dimensions_m[2] == pytest.approx(0.82 if rises else 0.7, abs=0.02)


def test_contours_tell_where_a_side_is_before_what_few_ends_behind_it_show() -> None:
    behind = edges(widened(TRUTH, [0.0, 0.0, 0.0], [0.0, 0.05, 0.0]), 0.8)
    mesh = box_mesh(TRUTH, TABLE, ("bottom",))
    points, normals = mesh.vertices_m.astype(float), mesh.normals.astype(float)
    sure, ends = np.ones(len(points), bool), np.concatenate([edges(TRUTH), behind])
    outlined = fit_to_outline(TRUTH, ends, points, normals, sure)
    side_m = np.array(outlined.box.dimensions_m) / 2
    middle = TRUTH.to_box_frame(np.array([outlined.box.center_m]))[0]
    true_m = TRUTH.dimensions_m[1] / 2 - middle[1] - side_m[1]
    assert outlined.ends_m[1, 1] == pytest.approx(true_m, abs=0.005)


def test_the_share_of_a_side_that_was_seen() -> None:
    box = standing_box(0.0, 0.0, (1.0, 0.6, 0.8))
    mesh = box_mesh(box, TABLE, ("front",))
    points, normals = box.to_box_frame(mesh.vertices_m.astype(float)), mesh.normals.astype(float)
    half = np.array(box.dimensions_m) / 2
    assert seen_share(points, normals, half, 1, -1) == pytest.approx(1.0, abs=0.25)
    assert seen_share(points, normals, half, 1, 1) == 0.0
    left_half = points[:, 0] < 0
    share = seen_share(points[left_half], normals[left_half], half, 1, -1)
    assert share == pytest.approx(0.5, abs=0.15)
