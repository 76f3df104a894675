import math

import numpy as np
import pytest
from helpers_graph import TABLE, box_mesh, standing_box
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_mono.core.box import BoundingBox, box_iou
from hydra_mono.graph.objects.box_fit import (
    ARTIFACT_M,
    FRINGE_M,
    count_turns,
    find_yaw,
    fit_box,
    is_outline_round,
    wall_yaws,
)


def fitted(
    box: BoundingBox,
    extra: np.ndarray | None = None,
    trim: float = 0.0,
    is_fringe: bool = False,
    is_occlusion_artifact: bool = False,
) -> BoundingBox:
    """The fit to a box's surface and some extra points, which are fringe, or veil, or not."""
    mesh = box_mesh(box, TABLE)
    more = np.zeros((0, 3)) if extra is None else extra
    points = np.concatenate([mesh.vertices_m.astype(np.float64), more])
    normals = np.concatenate(
        [mesh.normals.astype(np.float64), np.tile([0.0, 0.0, 1.0], (len(more), 1))]
    )
    is_extra = np.arange(len(points)) >= len(mesh)
    return fit_box(points, normals, is_extra & is_fringe, is_extra & is_occlusion_artifact, trim)


DESK = standing_box(0.0, 0.0, (1.2, 0.6, 0.7))
STRAY = np.tile([[0.9, 0.0, 0.35]], (3, 1))


@settings(max_examples=60, deadline=None)
@given(st.floats(-math.pi, math.pi), st.floats(1.3, 3.0))
def test_a_turned_box_is_found_whatever_its_turn(yaw_rad: float, ratio: float) -> None:
    box = standing_box(0.3, -0.2, (0.6 * ratio, 0.6, 0.5), yaw_rad)
    assert box_iou(fitted(box), box) > 0.85


@pytest.mark.parametrize("yaw_rad", [0.0, 0.02, -0.02, math.pi / 2])
def test_a_box_almost_along_the_axes_is_taken_to_lie_along_them(yaw_rad: float) -> None:
    assert fitted(standing_box(0.0, 0.0, (1.2, 0.6, 0.7), yaw_rad)).yaw_rad == 0.0


def test_a_round_object_has_no_turn() -> None:
    angle = np.linspace(0, 2 * math.pi, 73)[:-1]
    assert find_yaw(np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)) is None


def test_a_level_object_has_no_turn() -> None:
    assert find_yaw(np.tile([0.0, 0.0, 1.0], (100, 1))) is None


def test_a_few_stray_vertices_are_trimmed_off() -> None:
    assert fitted(DESK, STRAY).dimensions_m[0] == pytest.approx(1.5)
    assert fitted(DESK, STRAY, trim=0.005).dimensions_m[0] == pytest.approx(1.2, abs=0.01)


def test_doubtful_surface_cannot_draw_a_side_out_far() -> None:
    doubtful = fitted(DESK, STRAY, is_fringe=True)
    assert doubtful.dimensions_m[0] == pytest.approx(1.2 + FRINGE_M)


def test_a_veil_behind_a_side_is_no_part_of_the_object() -> None:
    hanging = np.array([[0.6 + 0.9 * ARTIFACT_M, 0.0, 0.35]])
    assert fitted(DESK, hanging, is_occlusion_artifact=True).dimensions_m[0] == pytest.approx(1.2)


def test_what_lies_farther_out_than_a_veil_can_hang_was_seen_flatly() -> None:
    side = np.array([[0.6 + 1.1 * ARTIFACT_M, 0.0, 0.35]])
    assert fitted(DESK, side, is_occlusion_artifact=True).dimensions_m[0] == pytest.approx(
        1.2 + 1.1 * ARTIFACT_M
    )


@pytest.mark.parametrize("is_occlusion_artifact", [False, True])
def test_surface_that_is_doubtful_all_over_still_has_a_box(is_occlusion_artifact: bool) -> None:
    mesh = box_mesh(DESK, TABLE)
    points, normals = mesh.vertices_m.astype(np.float64), mesh.normals.astype(np.float64)
    everywhere = np.ones(len(points), bool)
    box = fit_box(points, normals, everywhere, everywhere & is_occlusion_artifact, 0.0)
    assert box_iou(box, DESK) > 0.99


def test_a_round_object_s_box_touches_it_though_little_surface_lies_there() -> None:
    angle, height = np.meshgrid(np.linspace(0, 2 * np.pi, 61)[:-1], np.linspace(0, 0.5, 11))
    normals = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1).reshape(-1, 3)
    points = 0.2 * normals + np.stack([0 * angle, 0 * angle, height], axis=-1).reshape(-1, 3)
    none = np.zeros(len(points), np.bool_)
    box = fit_box(points, normals, none, none, 0.03)
    assert box.dimensions_m == pytest.approx((0.4, 0.4, 0.5), abs=1e-6)
    square = np.where(np.abs(normals) > 0.5, np.sign(normals), 0.0)
    assert fit_box(points, square, none, none, 0.03).dimensions_m[0] < 0.399


def test_a_pole_in_the_middle_leaves_a_round_shade_round() -> None:
    half = np.array([0.2, 0.2, 0.8])
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    shade = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    pole = np.tile(np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]]), (40, 1))
    points = np.concatenate([0.2 * shade, 0.01 * pole])
    assert is_outline_round(points, np.concatenate([shade, pole]), half)
    assert not is_outline_round(20 * points[60:], pole, half)


def wall_normals(degrees: float, count: int, seed: int = 0) -> np.ndarray:
    """Normals of walls in both directions of a building turned so far, with noise of 1.5°."""
    rng = np.random.default_rng(seed)
    angle = np.radians(degrees + 90 * rng.integers(0, 4, count) + rng.normal(0, 1.5, count))
    return np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1).astype(np.float32)


@pytest.mark.parametrize("degrees", [0.0, 0.4, 27.0, 44.8, -13.0])
def test_the_direction_of_the_walls_is_found_to_a_quarter_of_a_degree(degrees: float) -> None:
    (yaw_rad,) = wall_yaws(count_turns(wall_normals(degrees, 2000))[0])
    off = (math.degrees(yaw_rad) - degrees + 45) % 90 - 45
    assert abs(off) < 0.25


def test_a_slanted_wall_is_a_direction_of_its_own_after_the_commoner_one() -> None:
    normals = np.concatenate([wall_normals(10, 1500), wall_normals(52, 500, seed=1)])
    assert np.degrees(wall_yaws(count_turns(normals)[0])) == pytest.approx([10, -38], abs=0.5)


def test_ceilings_and_floors_have_no_direction() -> None:
    assert wall_yaws(count_turns(np.tile(np.array([0, 0, 1], np.float32), (500, 1)))[0]) == ()


@pytest.mark.parametrize("yaw_rad", [0.3, 1.0])
def test_a_box_almost_along_the_walls_is_taken_to_lie_along_them(yaw_rad: float) -> None:
    mesh = box_mesh(standing_box(0.0, 0.0, (1.2, 0.6, 0.7), yaw_rad + 0.02), TABLE)
    points, normals = mesh.vertices_m.astype(np.float64), mesh.normals.astype(np.float64)
    none = np.zeros(len(points), np.bool_)
    assert fit_box(points, normals, none, none, 0.0, (yaw_rad,)).yaw_rad == yaw_rad


def test_two_sides_of_a_box_do_not_make_a_box_along_the_diagonal() -> None:
    mesh = box_mesh(DESK, TABLE, ("left", "front"))
    points, normals = mesh.vertices_m.astype(np.float64), mesh.normals.astype(np.float64)
    none = np.zeros(len(points), np.bool_)
    diagonal = math.atan2(0.6, 1.2)
    assert fit_box(points, normals, none, none, 0.0, (diagonal, 0.0)).yaw_rad == 0.0
