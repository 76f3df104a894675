import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_mono.core.box import BoundingBox, axis_aligned_box, box_iou

UNIT = BoundingBox((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

sizes = st.floats(0.2, 3.0)
places = st.floats(-1.0, 1.0)
boxes = st.builds(
    BoundingBox,
    st.tuples(places, places, places),
    st.tuples(sizes, sizes, sizes),
    st.floats(-math.pi, math.pi),
)


def moved(x: float, y: float, z: float, yaw_rad: float = 0.0) -> BoundingBox:
    return BoundingBox((x, y, z), (1.0, 1.0, 1.0), yaw_rad)


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        (UNIT, 1.0),
        (moved(0.5, 0.0, 0.0), 1 / 3),
        (moved(0.5, 0.5, 0.5), 1 / 15),
        (moved(1.5, 0.0, 0.0), 0.0),
        (moved(0.0, 0.0, 1.0), 0.0),
        (moved(0.0, 0.0, 0.0, math.pi / 4), 1 / math.sqrt(2)),
        (moved(0.0, 0.0, 0.0, math.pi / 2), 1.0),
    ],
)
def test_iou_of_known_pairs(other: BoundingBox, iou: float) -> None:
    assert box_iou(UNIT, other) == pytest.approx(iou, abs=1e-9)
    assert box_iou(other, UNIT) == pytest.approx(iou, abs=1e-9)


def sampled_iou(a: BoundingBox, b: BoundingBox) -> float:
    """Monte Carlo over a box that holds both."""
    low = np.minimum(*(np.array(x.center_m) - np.linalg.norm(x.dimensions_m) for x in (a, b)))
    high = np.maximum(*(np.array(x.center_m) + np.linalg.norm(x.dimensions_m) for x in (a, b)))
    points = np.random.default_rng(0).uniform(low, high, (200_000, 3))
    in_a, in_b = a.contains(points), b.contains(points)
    return float((in_a & in_b).sum() / max((in_a | in_b).sum(), 1))


@settings(max_examples=25, deadline=None)
@given(boxes, boxes)
def test_iou_agrees_with_counting_random_points(a: BoundingBox, b: BoundingBox) -> None:
    assert box_iou(a, b) == pytest.approx(sampled_iou(a, b), abs=0.06)


@settings(max_examples=100, deadline=None)
@given(boxes, boxes, places, places, st.floats(-math.pi, math.pi))
def test_iou_is_symmetric_bounded_and_the_same_wherever_both_are_carried(
    a: BoundingBox, b: BoundingBox, dx: float, dy: float, turn: float
) -> None:
    iou = box_iou(a, b)
    assert 0.0 <= iou <= 1.0 + 1e-9
    assert box_iou(b, a) == pytest.approx(iou, abs=1e-7)
    assert box_iou(carried(a, dx, dy, turn), carried(b, dx, dy, turn)) == pytest.approx(
        iou, abs=1e-6
    )


def carried(box: BoundingBox, dx: float, dy: float, turn: float) -> BoundingBox:
    x, y, z = box.center_m
    cos, sin = math.cos(turn), math.sin(turn)
    center = (cos * x - sin * y + dx, sin * x + cos * y + dy, z)
    return BoundingBox(center, box.dimensions_m, box.yaw_rad + turn)


def test_a_flat_box_shares_no_volume() -> None:
    assert box_iou(UNIT, BoundingBox((0.0, 0.0, 0.0), (1.0, 1.0, 0.0))) == 0.0
    flat = BoundingBox((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert box_iou(flat, flat) == 0.0


@settings(max_examples=50, deadline=None)
@given(boxes)
def test_corners_are_on_the_box_and_points_beyond_are_out(box: BoundingBox) -> None:
    corners = np.column_stack([box.footprint(), np.full(4, box.center_m[2])])
    assert box.contains(corners * (1 - 1e-12) + np.array(box.center_m) * 1e-12).all()
    beyond = np.array(box.center_m) + 1.01 * (corners - np.array(box.center_m))
    assert not box.contains(beyond).any()
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    assert sides == pytest.approx(np.tile(box.dimensions_m[:2], 2))


def test_yaw_turns_counter_clockwise_seen_from_above() -> None:
    long = BoundingBox((0.0, 0.0, 0.0), (4.0, 1.0, 1.0), math.pi / 4)
    assert long.contains(np.array([[1.2, 1.2, 0.0]])).all()
    assert not long.contains(np.array([[1.2, -1.2, 0.0]])).any()


def test_the_axis_aligned_box_holds_its_points_and_touches_them() -> None:
    points = np.random.default_rng(3).normal(size=(50, 3))
    box = axis_aligned_box(points)
    assert box.contains(points).all()
    assert np.allclose(np.array(box.center_m) + np.array(box.dimensions_m) / 2, points.max(axis=0))
    assert box.volume_m3 == pytest.approx(np.prod(np.ptp(points, axis=0)))


@settings(max_examples=50, deadline=None)
@given(boxes)
def test_a_box_between_its_own_corners_is_itself(box: BoundingBox) -> None:
    half = np.array(box.dimensions_m) / 2
    again = box.with_corners(-half, half)
    assert again.center_m == pytest.approx(box.center_m)
    assert again.dimensions_m == pytest.approx(box.dimensions_m)
    assert again.yaw_rad == box.yaw_rad


@settings(max_examples=50, deadline=None)
@given(boxes, st.floats(0.0, 0.5))
def test_bounds_hold_every_corner_and_no_more(box: BoundingBox, margin_m: float) -> None:
    lower, upper = box.bounds(margin_m)
    plan = box.footprint()
    assert lower[:2] == pytest.approx(plan.min(axis=0) - margin_m)
    assert upper[:2] == pytest.approx(plan.max(axis=0) + margin_m)
    assert upper[2] - lower[2] == pytest.approx(box.dimensions_m[2] + 2 * margin_m)
