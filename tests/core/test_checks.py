"""What makes a frame unusable, and what does not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers_datasets import HEIGHT, WIDTH, frame, pose
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hydra_mono.core.checks import (
    FrameGate,
    create_gate,
    is_measured,
    measured_depth,
    unknown_labels,
)
from hydra_mono.core.config import DataConfig
from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.labels import Label, LabelSpace


def gate(**changes: Any) -> FrameGate:
    values = {"max_jump_m": 1.0, "max_turn_rad": 1.5, "max_lost": 3, "min_valid_depth": 0.01}
    return FrameGate(**(values | changes))


def reason_of(check: Callable[[], None]) -> str:
    with pytest.raises(BadFrameError) as caught:
        check()
    return caught.value.reason


def moved(position: tuple[float, float, float], turn_deg: float = 0.0) -> np.ndarray:
    result = np.eye(4)
    result[:3, :3] = Rotation.from_euler("y", turn_deg, degrees=True).as_matrix()
    result[:3, 3] = position
    return result


def test_a_steady_walk_passes() -> None:
    passing = gate()
    for index in range(20):
        passing.check(frame(index))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pose_that_is_not_finite_is_bad(value: float) -> None:
    broken = pose(0)
    broken[1, 3] = value
    assert reason_of(lambda: gate().check(frame(world_from_camera=broken))) == "nan-pose"


@pytest.mark.parametrize(
    "matrix",
    [np.zeros((4, 4)), 2 * np.eye(4), np.diag([1.0, 1.0, -1.0, 1.0]), np.eye(4)[::-1].copy()],
)
def test_a_matrix_that_is_no_rigid_pose_is_bad(matrix: np.ndarray) -> None:
    assert reason_of(lambda: gate().check(frame(world_from_camera=matrix))) == "nan-pose"


def test_a_pose_written_with_few_digits_passes() -> None:
    gate().check(frame(world_from_camera=np.round(pose(3), 3)))


@pytest.mark.parametrize("kind", ["rgb", "depth_m", "labels", "instances", "normals"])
def test_an_image_of_another_size_than_the_camera_is_bad(kind: str) -> None:
    shapes = {
        "rgb": np.zeros((HEIGHT, WIDTH + 1, 3), np.uint8),
        "depth_m": np.ones((HEIGHT - 1, WIDTH), np.float32),
        "labels": np.zeros((HEIGHT, WIDTH * 2), np.uint8),
        "instances": np.zeros((HEIGHT * 2, WIDTH), np.uint16),
        "normals": np.zeros((WIDTH, HEIGHT, 3), np.float32),
    }
    broken = frame()
    object.__setattr__(broken, kind, shapes[kind])  # the type checker of the tests refuses it
    with pytest.raises(BadFrameError, match=f"wrong-size.*{kind}.*32×24"):
        gate().check(broken)


def test_depth_with_hardly_a_measurement_is_empty() -> None:
    depth = np.full((HEIGHT, WIDTH), np.nan, np.float32)
    depth[0, 0], depth[0, 1], depth[0, 2] = -1.0, np.inf, 2.0
    assert reason_of(lambda: gate().check(frame(depth_m=depth))) == "empty-depth"
    gate(min_valid_depth=1 / (HEIGHT * WIDTH)).check(frame(depth_m=depth))
    zero = np.zeros((HEIGHT, WIDTH), np.float32)
    assert reason_of(lambda: gate(min_valid_depth=0.0).check(frame(depth_m=zero))) == "empty-depth"


def test_depth_at_the_sensor_s_ceiling_is_saturated_and_a_flat_wall_is_not() -> None:
    ceiling = np.full((HEIGHT, WIDTH), 65.535, np.float32)
    ceiling[:, :2] = 1.0
    assert reason_of(lambda: gate().check(frame(depth_m=ceiling))) == "saturated-depth"
    gate().check(frame(depth_m=np.full((HEIGHT, WIDTH), 3.0, np.float32)))
    far_and_varied = np.linspace(9, 14, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    gate().check(frame(depth_m=far_and_varied))


def test_a_frame_without_depth_passes() -> None:
    gate().check(frame(depth_m=None))


def test_stamps_must_grow_and_a_rejected_frame_leaves_no_trace() -> None:
    checked = gate()
    checked.check(frame(5))
    assert reason_of(lambda: checked.check(frame(5))) == "stamp-order"
    assert reason_of(lambda: checked.check(frame(4))) == "stamp-order"
    late_and_empty = frame(50, depth_m=np.zeros((HEIGHT, WIDTH), np.float32))
    assert reason_of(lambda: checked.check(late_and_empty)) == "empty-depth"
    checked.check(frame(6))


def test_a_jump_is_measured_from_the_last_good_pose() -> None:
    checked = gate()
    checked.check(frame(0, world_from_camera=moved((0, 0, 0))))
    jump = frame(1, world_from_camera=moved((1.01, 0, 0)))
    with pytest.raises(BadFrameError, match=r"pose-jump \(1\.01 m and 0° from the last frame\)"):
        checked.check(jump)
    checked.check(frame(2, world_from_camera=moved((0.99, 0, 0))))
    turned = frame(3, world_from_camera=moved((0.99, 0, 0), turn_deg=87.0))
    assert reason_of(lambda: checked.check(turned)) == "pose-jump"


def test_a_camera_that_stays_away_is_believed_after_max_lost_frames() -> None:
    checked = gate(max_lost=3)
    checked.check(frame(0, world_from_camera=moved((0, 0, 0))))
    away = [frame(i, world_from_camera=moved((5 + 0.1 * i, 0, 0))) for i in range(1, 7)]
    assert [reason_of(lambda f=f: checked.check(f)) for f in away[:3]] == ["pose-jump"] * 3
    checked.check(away[3])
    checked.check(away[4])
    assert (
        reason_of(lambda: checked.check(frame(9, world_from_camera=moved((0, 0, 0)))))
        == "pose-jump"
    )


def test_a_good_frame_between_jumps_starts_the_count_again() -> None:
    checked = gate(max_lost=2)
    checked.check(frame(0, world_from_camera=moved((0, 0, 0))))
    for index in range(1, 10):
        if index % 2:
            jump = frame(index, world_from_camera=moved((9, 0, 0)))
            assert reason_of(lambda f=jump: checked.check(f)) == "pose-jump"
        else:
            checked.check(frame(index, world_from_camera=moved((0, 0, 0))))


def test_the_settings_reach_the_gate() -> None:
    checked = create_gate(DataConfig(max_jump=0.2, max_turn=20.0, max_lost=1))
    checked.check(frame(0, world_from_camera=moved((0, 0, 0))))
    checked.check(frame(1, world_from_camera=moved((0.19, 0, 0), turn_deg=19.0)))
    turned = frame(2, world_from_camera=moved((0.19, 0, 0), turn_deg=41.0))
    assert reason_of(lambda: checked.check(turned)) == "pose-jump"
    checked.check(turned)


@given(st.lists(st.floats(width=32), min_size=1, max_size=12))
def test_measured_depth_keeps_measurements_and_nothing_else(values: list[float]) -> None:
    depth = np.array([values], np.float32)
    clean = measured_depth(depth)
    expected = [v if v > 0 and v != float("inf") else 0.0 for v in depth[0].tolist()]
    assert clean[0].tolist() == expected
    np.testing.assert_array_equal(is_measured(clean), clean > 0)


def test_unknown_labels_are_counted_and_become_zero() -> None:
    names = [Label(i, f"thing {i}", (0, 0, 0), "object") for i in (1, 5, 255)]
    space = LabelSpace("three", tuple(names))
    labels = np.array([[0, 1, 5], [255, 7, 200]], np.uint8)
    clean, count = unknown_labels(labels, space)
    assert clean.tolist() == [[0, 1, 5], [255, 0, 0]]
    assert count == 2
    assert unknown_labels(clean, space)[1] == 0
    assert labels[1, 1] == 7


def test_one_wild_future_stamp_does_not_blind_the_gate() -> None:
    watching = gate(max_gap_s=10.0)
    watching.check(frame(0))
    assert reason_of(lambda: watching.check(frame(1, stamp_ns=10**15))) == "stamp-leap"
    watching.check(frame(2))


def test_who_skips_frames_allows_for_longer_steps() -> None:
    far = frame(5, world_from_camera=moved((3.0, 0.0, 0.0)))
    plain, strided = (create_gate(DataConfig(stride=stride)) for stride in (1, 5))
    for each in (plain, strided):
        each.check(frame(0, world_from_camera=moved((0.0, 0.0, 0.0))))
    assert reason_of(lambda: plain.check(far)) == "pose-jump"
    strided.check(far)
