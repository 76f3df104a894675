"""Which way is up: told, promised or found from rooms whose up is known."""

import logging
from typing import Any

import numpy as np
import pytest
from helpers_datasets import HEIGHT, WIDTH, ListSource, frame, pose, real_tum
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hydra_mono.core.config import DataConfig
from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.source import Source
from hydra_mono.datasets.prepare import Conversion, PreparedSource, prepare
from hydra_mono.datasets.readers.tum import TumSource
from hydra_mono.datasets.up import Z_UP, estimate_up, first_frames, up_evidence


def upright(source: Source, up: tuple[float, float, float] | None = None) -> Source:
    return prepare(source, DataConfig(up=up))[0]


CAMERA = Intrinsics(fx=280.0, fy=280.0, cx=159.5, cy=119.5, width=320, height=240)
ROOM_M = np.array([[-2.5, -2.0, 0.0], [2.5, 2.0, 2.6]])  # lowest and highest corner


def camera_pose(yaw_deg: float, pitch_deg: float, roll_deg: float) -> np.ndarray:
    """World z up; the camera stands in the room 1.5 m above its floor. Pitch is upwards."""
    level = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # x right, y down, z along world y
    turn = Rotation.from_euler("ZXY", [yaw_deg, pitch_deg, roll_deg], degrees=True)
    result = np.eye(4)
    result[:3, :3] = turn.as_matrix() @ level
    result[:3, 3] = [0.3, -0.2, 1.5]
    return result


def room_frame(index: int, true_pose: np.ndarray, noise: float, **changes: Any) -> Frame:
    """Depth of the empty room's inside, computed from the slabs of its box."""
    rays = camera_rays(CAMERA).reshape(-1, 3) @ true_pose[:3, :3].T
    with np.errstate(divide="ignore"):
        reach = (ROOM_M[:, None] - true_pose[:3, 3]) / rays
    depth = np.where(reach > 0, reach, np.inf).min(axis=(0, 2)).reshape(240, 320)
    depth += np.random.default_rng(index).normal(0, noise, depth.shape) * depth**2
    values = {
        "intrinsics": CAMERA,
        "world_from_camera": true_pose,
        "rgb": np.zeros((240, 320, 3), np.uint8),
        "depth_m": depth.astype(np.float32),
    }
    return frame(index, **(values | changes))


def in_first_camera_s_world(poses: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """The same motion told in the first camera's axes, and where up is there."""
    first = np.linalg.inv(poses[0])
    return [first @ p for p in poses], first[:3, :3] @ [0.0, 0.0, 1.0]


def room_frames(poses: list[np.ndarray], noise: float = 0.0014) -> tuple[list[Frame], np.ndarray]:
    """Frames of the room that know only the first camera's world, and where up is there."""
    told, up = in_first_camera_s_world(poses)
    pairs = enumerate(zip(poses, told, strict=True))
    return [room_frame(i, true, noise, world_from_camera=pose) for i, (true, pose) in pairs], up


def angle_deg(a: Any, b: Any) -> float:
    return float(np.degrees(np.arccos(np.clip(np.dot(a, b), -1, 1))))


@settings(max_examples=10, deadline=None)
@given(
    yaw=st.floats(0, 360),
    pitch=st.floats(-40, 15),
    roll=st.floats(-10, 10),
)
def test_up_of_a_room_is_found_from_its_surfaces(yaw: float, pitch: float, roll: float) -> None:
    poses = [camera_pose(yaw + 9 * i, pitch, roll * (-1) ** i) for i in range(6)]
    frames, up = room_frames(poses)
    assert angle_deg(estimate_up(frames), up) < 1.0


def test_one_frame_of_floor_and_walls_is_enough() -> None:
    frames, up = room_frames([camera_pose(20, -25, 6)])
    assert angle_deg(estimate_up(frames), up) < 1.0


def test_without_surfaces_the_camera_s_own_up_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    poses = [camera_pose(yaw, -20, 0) for yaw in range(0, 360, 30)]
    frames = [room_frame(i, p, 0.0, depth_m=None) for i, p in enumerate(poses)]
    with caplog.at_level(logging.WARNING):
        up = estimate_up(frames)
    assert angle_deg(up, (0, 0, 1)) < 5.0
    assert "too little surface" in caplog.text


def test_the_recorded_desk_is_level() -> None:
    """Motion capture says where up is; the desk and the walls say the same."""
    source = TumSource(real_tum())
    frames = [source[index] for index in range(30, 139, 6)]
    assert angle_deg(estimate_up(frames), (0, 0, 1)) < 3.0


def test_turning_upright_keeps_everything_but_the_axes() -> None:
    poses = [camera_pose(20 * i, -10, 3) for i in range(3)]
    told, up = in_first_camera_s_world(poses)
    frames = [frame(i, world_from_camera=p) for i, p in enumerate(told)]
    turned = PreparedSource(ListSource(frames), Conversion(up=tuple(up.tolist())), Z_UP)
    assert (turned.world_up, turned.name, len(turned)) == ((0.0, 0.0, 1.0), "list", 3)
    heights = [turned[i].world_from_camera[2, :3] for i in range(3)]
    expected = [p[2, :3] for p in poses]  # how the camera's axes rise, seen in the true world
    np.testing.assert_allclose(heights, expected, atol=1e-9)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        motion = np.linalg.inv(turned[i].world_from_camera) @ turned[j].world_from_camera
        np.testing.assert_allclose(motion, np.linalg.inv(poses[i]) @ poses[j], atol=1e-9)
    assert turned[1].rgb is frames[1].rgb


def test_what_the_user_says_wins_over_the_layout() -> None:
    source = ListSource([frame(0)], world_up=(0.0, 0.0, 1.0))
    assert upright(source) is source
    turned = upright(source, (0.0, -2.0, 0.0))
    expected = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]) @ pose(0)[:3, :3]
    np.testing.assert_allclose(turned[0].world_from_camera[:3, :3], expected, atol=1e-12)


def test_a_promise_of_another_axis_is_turned_to_z() -> None:
    turned = upright(ListSource([frame(0)], world_up=(0.0, 1.0, 0.0)))
    height = turned[0].world_from_camera[2, 3]
    assert height == pytest.approx(pose(0)[1, 3])


def test_upside_down_is_turned_round() -> None:
    turned = upright(ListSource([frame(0)], world_up=(0.0, 0.0, -1.0)))
    result = turned[0].world_from_camera
    assert result[2, 3] == pytest.approx(-pose(0)[2, 3])
    assert np.linalg.det(result[:3, :3]) == pytest.approx(1.0)


def test_without_promise_or_order_up_is_estimated_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    frames, up = room_frames([camera_pose(15 * i, -15, 0) for i in range(5)])
    source = ListSource(frames)
    with caplog.at_level(logging.INFO):
        turned = upright(source)
    assert "estimated from the first surfaces" in caplog.text
    rises = turned[0].world_from_camera[:3, :3] @ up
    assert angle_deg(rises, (0, 0, 1)) < 1.0


def test_no_readable_frame_or_no_direction_is_an_error_with_the_way_out() -> None:
    class Broken(ListSource):
        def __getitem__(self, index: int) -> Frame:
            raise BadFrameError(str(index), "nan-pose")

    with pytest.raises(DataError, match="--up X,Y,Z"):
        upright(Broken([frame(0), frame(1)]))
    with pytest.raises(DataError, match="direction"):
        upright(ListSource([frame(0)]), (0.0, 0.0, 0.0))


def test_the_search_looks_at_few_frames_of_the_start() -> None:
    frames = [frame(i, rgb=np.zeros((HEIGHT, WIDTH, 3), np.uint8)) for i in range(300)]
    looked_at = [f.index for f in first_frames(ListSource(frames), 24)]
    assert len(looked_at) == 24
    assert looked_at[0] == 0 and 200 < looked_at[-1] < 240


def test_surfaces_contradict_a_promise_that_is_askew() -> None:
    frames = [room_frame(i, camera_pose(40 * i, -20, 0), 0.0014) for i in range(6)]
    fine, askew = up_evidence(frames, (0, 0, 1)), up_evidence(frames, (0, 0.5, 0.866))
    assert fine is not None and askew is not None
    assert fine.angle_rad < 0.02 and fine.support == fine.told_support > 0.9
    assert np.degrees(askew.angle_rad) == pytest.approx(30.0, abs=1.0)
    assert askew.told_support < askew.support - 0.3
    assert up_evidence([frame(0, depth_m=None)], (0, 0, 1)) is None
