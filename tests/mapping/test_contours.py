"""Contour points of objects, found in images and averaged in voxels."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_mapping import CAMERA, WALL, Renderer, World, kinect_noise, look_at, wall
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_mono.core.config import MappingConfig
from hydra_mono.core.labels import Label, LabelSpace
from hydra_mono.mapping.contours import (
    ContourRule,
    ObjectContourMap,
    contour_points,
    create_contours,
    find_borders,
)
from hydra_mono.mapping.monocular_rule import MonocularRule

PICTURE, CHAIR = 7, 9
LABELS = LabelSpace(
    name="test",
    labels=(
        Label(WALL, "wall", (200, 200, 190), "structure", "wall"),
        Label(PICTURE, "picture", (230, 25, 75), "object"),
        Label(CHAIR, "chair", (60, 120, 40), "movable"),
    ),
)
IS_OBJECT = LABELS.mask(LABELS.object_ids)
RULE = ContourRule(voxel_size_m=0.05, min_depth_m=0.1, max_depth_m=3.5, every=1)
LOWER, UPPER = np.array([-0.328, -0.023, 0.687]), np.array([0.241, 0.013, 1.362])
EYES = [(x, -1.8, z) for x in (-0.6, -0.2, 0.3, 0.7) for z in (0.8, 1.1, 1.4)]


def picture_on_a_wall() -> World:
    return wall().box(tuple(LOWER), tuple(UPPER), label=PICTURE)


def seen(world: World, contours: ObjectContourMap, seed: int = 3) -> ObjectContourMap:
    renderer, rng = Renderer(world), np.random.default_rng(seed)
    for eye in EYES:
        frame, prediction = renderer(look_at(eye, (0.0, 0.0, 1.0)))
        depth_m = kinect_noise(prediction.depth_m, rng)
        contours.integrate(frame, replace(prediction, depth_m=depth_m))
    return contours


def ends(contours: ObjectContourMap, label: int = PICTURE, margin_m: float = 0.1) -> np.ndarray:
    return contours.snapshot().near(label, LOWER - margin_m, UPPER + margin_m)


def test_the_sides_of_a_picture_are_known_to_millimetres_between_voxels() -> None:
    points = ends(seen(picture_on_a_wall(), ObjectContourMap(RULE, IS_OBJECT)))
    sides = [LOWER[0], UPPER[0], LOWER[2], UPPER[2]]
    for axis, side in zip((0, 0, 2, 2), sides, strict=True):
        near = points[np.abs(points[:, axis] - side) < 0.03, axis]
        assert len(near) >= 8
        assert np.median(near) == pytest.approx(side, abs=0.006)


def test_all_contour_points_of_an_object_lie_on_its_contour() -> None:
    points = ends(seen(picture_on_a_wall(), ObjectContourMap(RULE, IS_OBJECT)))
    beside = np.minimum(np.abs(points - LOWER), np.abs(points - UPPER))[:, (0, 2)].min(axis=1)
    assert np.quantile(beside, 0.9) < 0.015


def test_an_object_does_not_end_where_a_nearer_one_occludes_it() -> None:
    hidden = picture_on_a_wall().box((-0.1, -0.9, 0.0), (0.0, -0.8, 3.0), label=CHAIR)
    points = ends(seen(hidden, ObjectContourMap(RULE, IS_OBJECT)))
    inside = (points[:, 0] > LOWER[0] + 0.04) & (points[:, 0] < UPPER[0] - 0.04)
    inside &= (points[:, 2] > LOWER[2] + 0.04) & (points[:, 2] < UPPER[2] - 0.04)
    assert len(points) > 20
    assert not inside.any()


def test_walls_have_no_contour_points_and_objects_only_those_of_their_label() -> None:
    contours = seen(picture_on_a_wall(), ObjectContourMap(RULE, IS_OBJECT))
    assert not len(ends(contours, WALL)) and not len(ends(contours, CHAIR))


def test_an_end_that_one_image_alone_showed_does_not_count() -> None:
    renderer, contours = Renderer(picture_on_a_wall()), ObjectContourMap(RULE, IS_OBJECT)
    frame, prediction = renderer(look_at(EYES[0], (0.0, 0.0, 1.0)))
    contours.integrate(frame, prediction)
    assert not len(ends(contours))
    contours.integrate(frame, prediction)
    assert len(ends(contours)) > 20


def test_pixels_left_out_show_no_ends() -> None:
    renderer, contours = Renderer(picture_on_a_wall()), ObjectContourMap(RULE, IS_OBJECT)
    frame, prediction = renderer(look_at(EYES[0], (0.0, 0.0, 1.0)))
    for _ in range(3):
        contours.integrate(frame, prediction, prediction.labels != PICTURE)
    assert not len(ends(contours))


def test_images_between_are_skipped() -> None:
    renderer = Renderer(picture_on_a_wall())
    contours = ObjectContourMap(replace(RULE, every=3), IS_OBJECT)
    frame, prediction = renderer(look_at(EYES[0], (0.0, 0.0, 1.0)))
    for images in (1, 1, 1, 2):
        contours.integrate(frame, prediction)
        assert (len(ends(contours)) > 0) == (images > 1)


@pytest.mark.parametrize(
    "contours",
    [
        create_contours(MappingConfig(contours=False), LABELS),
        create_contours(MappingConfig(), LABELS, MonocularRule()),
    ],
    ids=["switched off", "estimated depth"],
)
def test_none_are_found(contours: ObjectContourMap) -> None:
    assert not len(ends(seen(picture_on_a_wall(), contours)))


def test_frames_without_labels_show_none() -> None:
    renderer, contours = Renderer(picture_on_a_wall()), ObjectContourMap(RULE, IS_OBJECT)
    frame, prediction = renderer(look_at(EYES[0], (0.0, 0.0, 1.0)))
    contours.integrate(frame, replace(prediction, labels=None))
    assert not len(ends(contours))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=len(EYES), max_size=len(EYES)))
def test_when_snapshots_are_taken_does_not_change_them(snapshots: list[bool]) -> None:
    renderer = Renderer(picture_on_a_wall())
    often, once = ObjectContourMap(RULE, IS_OBJECT), ObjectContourMap(RULE, IS_OBJECT)
    for eye, is_taken in zip(EYES[:6], snapshots[:6], strict=True):
        frame, prediction = renderer(look_at(eye, (0.0, 0.0, 1.0)))
        for contours in (often, once):
            contours.integrate(frame, prediction)
        if is_taken:
            ends(often)
    assert np.allclose(ends(often), ends(once), atol=1e-4)


def test_what_moved_by_less_than_a_voxel_takes_its_ends_along() -> None:
    contours = seen(picture_on_a_wall(), ObjectContourMap(RULE, IS_OBJECT))
    step_m = np.array([0.02, 0.0, 0.0])
    moved = wall().box(tuple(LOWER + step_m), tuple(UPPER + step_m), label=PICTURE)
    for seed in range(12):
        seen(moved, contours, seed)
        ends(contours)
    points = ends(contours)
    right = points[np.abs(points[:, 0] - UPPER[0]) < 0.04, 0]
    assert np.median(right) == pytest.approx(UPPER[0] + 0.02, abs=0.008)


def borders_of(labels: np.ndarray) -> set[tuple[float, float]]:
    return {
        (float(row), float(column))
        for borders in find_borders(labels, IS_OBJECT)
        for row, column in zip(borders.row, borders.column, strict=True)
    }


def test_borders_lie_between_the_last_pixel_of_an_object_and_the_first_beyond() -> None:
    labels = np.full((8, 9), WALL, np.uint8)
    labels[2:5, 3:7] = PICTURE
    across = {(float(row), column) for row in (2, 3, 4) for column in (2.5, 6.5)}
    along = {(row, float(column)) for column in (3, 4, 5, 6) for row in (1.5, 4.5)}
    assert borders_of(labels) == across | along


def test_the_edge_of_the_image_and_unknown_pixels_are_no_borders() -> None:
    labels = np.full((6, 6), PICTURE, np.uint8)
    assert not borders_of(labels)
    labels[:, 4:] = 0
    assert not borders_of(labels)


def test_a_strip_of_single_pixels_has_no_borders() -> None:
    labels = np.full((6, 6), WALL, np.uint8)
    labels[:, 3] = PICTURE
    assert not borders_of(labels)


@pytest.mark.parametrize(
    ("beyond_m", "is_end"),
    [(2.0, True), (1.5, True), (1.46, True), (1.4, False), (0.0, False), (np.nan, False)],
)
def test_an_object_ends_where_what_lies_beyond_is_measured_and_no_nearer(
    beyond_m: float, is_end: bool
) -> None:
    labels = np.full((120, 160), WALL, np.uint8)
    labels[40:80, 50:90] = PICTURE
    depth_m = np.where(labels == PICTURE, 1.5, beyond_m).astype(np.float32)
    for borders in find_borders(labels, IS_OBJECT):
        found, points_m = contour_points(borders, depth_m, CAMERA, RULE)
        assert bool(found.all()) == is_end and len(points_m) == (len(found) if is_end else 0)
        assert np.all(points_m[:, 2] == 1.5)


def test_depth_that_is_too_near_too_far_or_missing_shows_no_end() -> None:
    labels = np.full((120, 160), WALL, np.uint8)
    labels[40:80, 50:90] = PICTURE
    for depth in (0.05, 3.6, 0.0, np.nan):
        depth_m = np.where(labels == PICTURE, depth, 4.0).astype(np.float32)
        for borders in find_borders(labels, IS_OBJECT):
            assert not contour_points(borders, depth_m, CAMERA, RULE)[0].any()
