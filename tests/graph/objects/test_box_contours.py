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
    return fit_to_outline(box, ends_m, points, normals, np.ones(len(points), bool))


def grown(box: BoundingBox, lower_m: list[float], upper_m: list[float]) -> BoundingBox:
    half = np.array(box.dimensions_m) / 2
    return box.with_corners(-half - lower_m, half + upper_m)


steps = st.floats(-0.9 * OUTWARD_M, 0.9 * INWARD_M)


@settings(max_examples=50, deadline=None)
@given(st.lists(steps, min_size=6, max_size=6))
def test_sides_go_to_where_the_ends_are_from_either_side(offsets: list[float]) -> None:
    wrong = grown(TRUTH, [*offsets[:2], 0.0], offsets[2:5])
    result = fitted(wrong, edges(TRUTH))
    assert box_iou(result, TRUTH) > 0.985


def test_too_few_ends_change_nothing() -> None:
    wrong = grown(TRUTH, [0.04, 0.04, 0.0], [0.04, 0.04, 0.04])
    assert fitted(wrong, edges(TRUTH)[:9]) == wrong
    assert fitted(wrong, np.zeros((0, 3))) == wrong


def test_ends_of_something_else_farther_out_are_left_alone() -> None:
    other = standing_box(3.0, 2.0, (0.9, 0.5, 0.7))
    assert fitted(TRUTH, edges(other)) == TRUTH


def test_a_side_seen_flatly_stays_where_its_surface_is_but_not_the_top() -> None:
    wrong = grown(TRUTH, [0.0, 0.0, 0.0], [0.04, 0.0, 0.04])
    result = fitted(wrong, edges(TRUTH), ("right", "top"))
    assert result.dimensions_m[0] == pytest.approx(0.94, abs=1e-6)
    assert result.dimensions_m[2] == pytest.approx(0.70, abs=5e-3)


def test_the_outlines_of_a_round_thing_leave_its_level_sides_alone() -> None:
    angle = np.repeat(np.linspace(0, 2 * math.pi, 80, endpoint=False), 12)
    normals = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    points = 0.2 * normals + np.array([0.0, 0.0, 0.2])
    points[:, 2] += np.tile(np.linspace(-0.2, 0.2, 12), 80)
    box = BoundingBox((0.0, 0.0, 0.2), (0.4, 0.4, 0.4))
    inside = points * [0.9, 0.9, 1.0]
    result = fit_to_outline(box, inside, points, normals, np.ones(len(points), bool))
    assert result.dimensions_m[:2] == pytest.approx((0.4, 0.4))


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
