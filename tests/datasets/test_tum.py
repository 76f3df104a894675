"""TUM RGB-D: pairs, poses and pixels as the benchmark means them."""

import logging
from pathlib import Path

import numpy as np
import pytest
from helpers_datasets import (
    TUM_SIZE,
    color,
    pose,
    raw_depth,
    real_tum,
    save,
    truncate,
    write_tum_sequence,
)
from scipy.ndimage import map_coordinates
from scipy.optimize import fsolve
from scipy.spatial.transform import Rotation, Slerp

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.source import stream
from hydra_mono.datasets.camera import undistortion
from hydra_mono.datasets.readers.tum import TumSource
from hydra_mono.datasets.readers.tum_lists import associate

W, H = TUM_SIZE


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    return write_tum_sequence(tmp_path / "rgbd_dataset_freiburg3_made_up")


def test_pixels_without_distortion_are_the_files_own(sequence: Path) -> None:
    source = TumSource(sequence)
    assert len(source) == 4
    frame = source[2]
    np.testing.assert_array_equal(frame.rgb, color(2, W, H))
    assert frame.depth_m is not None
    np.testing.assert_allclose(frame.depth_m, raw_depth(2, W, H) / 5000.0, rtol=1e-6)
    assert frame.stamp_ns == 10_200_000_000
    assert source.world_up == (0.0, 0.0, 1.0)


def test_poses_are_interpolated_to_the_colour_stamp(sequence: Path) -> None:
    frame = TumSource(sequence)[1]
    earlier, later = 10.0905, 10.1005
    ends = Rotation.from_matrix(np.stack([pose(10 * (t - 10))[:3, :3] for t in (earlier, later)]))
    rotation = Slerp([earlier, later], ends)(10.1)
    np.testing.assert_allclose(frame.world_from_camera[:3, :3], rotation.as_matrix(), atol=1e-7)
    np.testing.assert_allclose(frame.camera_position_m, pose(1.0)[:3, 3], atol=1e-7)


def test_a_frame_in_a_gap_between_poses_is_bad(tmp_path: Path) -> None:
    source = TumSource(write_tum_sequence(tmp_path / "freiburg3", pose_rate=9.0))
    with pytest.raises(BadFrameError, match=r"no-pose.*0\.11 s apart"):
        source[1]


def test_a_pose_that_is_not_finite_spoils_the_frames_beside_it_alone(sequence: Path) -> None:
    path = sequence / "groundtruth.txt"
    lines = path.read_text().splitlines()
    for i, line in enumerate(lines):
        if line.startswith("10.1005"):
            lines[i] = line.split()[0] + " nan nan nan 0 0 0 1"
        if line.startswith("10.2905"):
            lines[i] = line.split()[0] + " 0 0 1 0 0 0 0"
    lines.append("10.5 1 2")
    path.write_text("\n".join(lines))
    items = list(stream(TumSource(sequence)))
    assert [getattr(item, "reason", "") for item in items] == ["", "nan-pose", "", "nan-pose"]


@pytest.mark.parametrize("name", ["rgb.txt", "depth.txt", "groundtruth.txt"])
def test_lists_are_sets(sequence: Path, name: str) -> None:
    path = sequence / name
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([first, *reversed(rest)]))
    source = TumSource(sequence)
    stamps_ns = [source[i].stamp_ns for i in range(4)]
    assert stamps_ns == [10_000_000_000, 10_100_000_000, 10_200_000_000, 10_300_000_000]
    np.testing.assert_allclose(source[3].depth_m, raw_depth(3, W, H) / 5000.0, rtol=1e-6)
    np.testing.assert_allclose(source[1].camera_position_m, pose(1.0)[:3, 3], atol=1e-7)


def test_association_is_nearest_and_one_to_one() -> None:
    ms = 10**6
    first = [0, 30 * ms, 60 * ms, 200 * ms]
    second = [19 * ms, 33 * ms, 79 * ms, 81 * ms, 220 * ms]
    assert associate(first, second) == [(0, 0), (1, 1), (2, 2)]
    assert associate([0, 10 * ms], [9 * ms]) == [(1, 0)]
    assert associate([0], [20 * ms]) == []


@pytest.mark.parametrize("depth_first", [False, True])
def test_associations_are_read_in_either_column_order(sequence: Path, depth_first: bool) -> None:
    lines = []
    for i in (3, 1):
        stamp, later = f"{10 + 0.1 * i:.6f}", f"{10.006 + 0.1 * i:.6f}"
        halves = [f"{stamp} rgb/{stamp}.png", f"{later} depth/{later}.png"]
        lines.append(" ".join(reversed(halves) if depth_first else halves))
    (sequence / "associations.txt").write_text("\n".join(lines))
    source = TumSource(sequence)
    assert [source[k].stamp_ns for k in range(len(source))] == [10_100_000_000, 10_300_000_000]
    np.testing.assert_array_equal(source[1].rgb, color(3, W, H))
    np.testing.assert_allclose(source[0].depth_m, raw_depth(1, W, H) / 5000.0, rtol=1e-6)


def test_an_association_of_two_colour_images_names_the_line(sequence: Path) -> None:
    (sequence / "associations.txt").write_text("10.0 rgb/a.png 10.0 rgb/b.png\n")
    with pytest.raises(DataError, match=r"associations\.txt, line 1.*either order"):
        TumSource(sequence)


def test_a_truncated_image_spoils_its_frame_alone(sequence: Path) -> None:
    truncate(sequence / "rgb" / "10.100000.png")
    truncate(sequence / "depth" / "10.206000.png")
    (sequence / "depth" / "10.306000.png").unlink()
    source = TumSource(sequence)
    assert source[0].index == 0
    with pytest.raises(BadFrameError, match=r"unreadable-image.*10\.100000\.png"):
        source[1]
    with pytest.raises(BadFrameError, match=r"unreadable-image.*10\.206000\.png"):
        source[2]
    with pytest.raises(BadFrameError, match=r"missing-file.*10\.306000\.png"):
        source[3]


def test_saturated_depth_is_no_measurement(sequence: Path) -> None:
    raw = raw_depth(0, W, H)
    raw[10:20, 10:20] = 65535
    save(raw, sequence / "depth" / "10.006000.png")
    save(np.full((H, W), 65535, np.uint16), sequence / "depth" / "10.106000.png")
    source = TumSource(sequence)
    depth_m = source[0].depth_m
    assert depth_m is not None
    assert not depth_m[10:20, 10:20].any()
    with pytest.raises(BadFrameError, match="saturated-depth"):
        source[1]


@pytest.mark.parametrize("name", ["groundtruth.txt", "rgb.txt", "depth.txt"])
def test_a_missing_list_is_named(sequence: Path, name: str) -> None:
    (sequence / name).unlink()
    with pytest.raises(DataError, match=name):
        TumSource(sequence)


def test_the_camera_follows_from_the_folder_or_the_override(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = write_tum_sequence(tmp_path / "my_desk", 1)
    with caplog.at_level(logging.WARNING):
        assert TumSource(odd)[0].intrinsics.fx == pytest.approx(52.5)
    assert "my_desk" in caplog.text
    (odd / "camera.yaml").write_text("{fx: 50, fy: 51, cx: 31, cy: 23, units_per_m: 1000}\n")
    frame = TumSource(odd)[0]
    assert frame.intrinsics == Intrinsics(50.0, 51.0, 31.0, 23.0, W, H)
    np.testing.assert_allclose(frame.depth_m, raw_depth(0, W, H) / 1000.0, rtol=1e-6)
    (odd / "camera.yaml").write_text("{fx: 50, fy: 51, cx: 310, cy: 23}\n")
    with pytest.raises(DataError, match=r"camera\.yaml.*cx 310.*64×48"):
        TumSource(odd)


def test_freiburg1_images_lose_their_distortion(tmp_path: Path) -> None:
    folder = write_tum_sequence(tmp_path / "rgbd_dataset_freiburg1_made_up", 1)
    smooth = gradient(W, H)
    save(smooth, folder / "rgb" / "10.000000.png")
    frame = TumSource(folder)[0]
    lens = (0.2624, -0.9531, -0.0054, 0.0026, 1.1633)
    u, v = distorted(frame.intrinsics, lens)
    expected = np.stack(
        [map_coordinates(smooth[..., c].astype(float), [v, u], order=1) for c in range(3)], axis=-1
    )
    inner = (u > 0.5) & (u < W - 1.5) & (v > 0.5) & (v < H - 1.5)
    assert inner.mean() > 0.85
    assert np.abs(frame.rgb.astype(float) - expected)[inner].max() <= 0.51
    nearest = raw_depth(0, W, H)[np.rint(v[inner]).astype(int), np.rint(u[inner]).astype(int)]
    assert frame.depth_m is not None
    assert (np.abs(frame.depth_m[inner] - nearest / 5000.0) < 1e-5).mean() > 0.999


def test_undistortion_is_brown_s_model_inverted() -> None:
    """A point drawn where the lens bends it to appears where a pinhole would see it."""
    camera = Intrinsics(fx=200.0, fy=210.0, cx=101.0, cy=74.0, width=200, height=150)
    lens = (0.3, -0.4, 0.01, -0.008, 0.2)
    target = (170, 20)  # a pixel of the bent image; find the pinhole pixel that looks there

    def miss(pixel: np.ndarray) -> list[float]:
        x, y = (pixel[0] - camera.cx) / camera.fx, (pixel[1] - camera.cy) / camera.fy
        bent = bend(x, y, lens)
        return [
            camera.fx * bent[0] + camera.cx - target[0],
            camera.fy * bent[1] + camera.cy - target[1],
        ]

    straight = fsolve(miss, np.array(target, float))
    image = np.zeros((150, 200), np.uint8)
    image[target[1] - 2 : target[1] + 3, target[0] - 2 : target[0] + 3] = 1
    seen = np.argwhere(undistortion(camera, lens).nearest(image) == 1)
    np.testing.assert_allclose(seen.mean(axis=0), straight[::-1], atol=0.6)
    assert np.abs(straight - target).max() > 1.5


def test_the_recorded_sequence_reads() -> None:
    source = TumSource(real_tum())
    assert len(source) == 139
    frame = source[70]
    assert frame.rgb.shape == (480, 640, 3)
    assert frame.depth_m is not None
    valid = frame.depth_m[frame.depth_m > 0]
    assert 0.5 < np.median(valid) < 4.0
    assert valid.size > 0.5 * frame.depth_m.size
    assert np.linalg.det(frame.world_from_camera[:3, :3]) == pytest.approx(1.0)


def bend(x: np.ndarray, y: np.ndarray, lens: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    k1, k2, p1, p2, k3 = lens
    r = np.hypot(x, y)
    radial = 1 + k1 * r**2 + k2 * r**4 + k3 * r**6
    bent_x = x * radial + 2 * p1 * x * y + p2 * (r**2 + 2 * x**2)
    bent_y = y * radial + p1 * (r**2 + 2 * y**2) + 2 * p2 * x * y
    return bent_x, bent_y


def distorted(camera: Intrinsics, lens: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Where each pinhole pixel's ray falls in the bent image."""
    v, u = np.mgrid[0 : camera.height, 0 : camera.width].astype(float)
    x, y = bend((u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, lens)
    return camera.fx * x + camera.cx, camera.fy * y + camera.cy


def gradient(width: int, height: int) -> np.ndarray:
    v, u = np.mgrid[0:height, 0:width]
    channels = [3 * u + v, 200 - 2 * u + v, 60 + u + 2 * v]
    return np.stack(channels, axis=-1).clip(0, 255).astype(np.uint8)
