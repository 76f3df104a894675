"""Damaged or incomplete layouts of posed images: refused in one line, or one bad frame."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers_datasets import save
from helpers_layouts import LAYOUTS, opened, write_images_and_tum
from helpers_posed import (
    COUNT,
    recording,
    write_colmap,
    write_kitti,
    write_pose_files,
    write_record3d,
)

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.source import EVERYTHING, WHAT_THERE_IS
from hydra_mono.datasets.given import Given
from hydra_mono.datasets.registry import open_sequence


def spoil(path: Path, name: str, content: bytes) -> None:
    (path / name).write_bytes(content)


FAULTS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "poses cut off": ("deep-video-mvs", lambda p: _cut(p / "poses.txt"), "13 poses for 20 images"),
    "words for poses": (
        "deep-video-mvs",
        lambda p: spoil(p, "poses.txt", b"a b c d e f g h\n"),
        "expected a stamp, found 'a'|expected 'timestamp",
    ),
    "no camera": ("deep-video-mvs", lambda p: (p / "K.txt").unlink(), "give --intrinsics fx,fy"),
    "odd model": (
        "colmap text",
        lambda p: spoil(p / "sparse/0", "cameras.txt", b"7 FOV 96 72 80 80 48 36 0.9\n"),
        "FOV is not read .* image_undistorter",
    ),
    "binary cut off": ("colmap binary", lambda p: _cut(p / "sparse/0/images.bin"), "no model as"),
    "no frames": (
        "transforms.json",
        lambda p: spoil(p, "transforms.json", b'{"frames": []}'),
        "expected a list of frames",
    ),
    "no matrix": ("stray-scanner", lambda p: (p / "camera_matrix.csv").unlink(), "is missing"),
    "columns": (
        "stray-scanner",
        lambda p: spoil(p, "odometry.csv", b"timestamp, x\n1, 2\n"),
        "expected 'timestamp, frame, x",
    ),
    "no video": ("stray-scanner", lambda p: spoil(p, "rgb.mp4", b"nothing"), "no video that"),
    "camera file": (
        "polycam",
        lambda p: spoil(p / "keyframes/corrected_cameras", "1000000000.json", b"{}"),
        "expected numbers fx fy cx cy",
    ),
}


def _cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(
        b"\n".join(data.split(b"\n")[:13]) + b"\n" if path.suffix == ".txt" else data[:99]
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_layout_is_one_line(tmp_path: Path, fault: str) -> None:
    name, wreck, line = FAULTS[fault]
    path = LAYOUTS[name].write(tmp_path / "sequence")
    wreck(path)
    with pytest.raises(DataError, match=line) as caught:
        opened(path, LAYOUTS[name])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["record3d", "ros 1", "video"])
def test_a_file_that_is_something_else_is_one_line(tmp_path: Path, name: str) -> None:
    path = LAYOUTS[name].write(tmp_path / "sequence")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"no zip|no bag|no video"):
        opened(path, LAYOUTS[name])


def test_poses_that_fit_no_image_are_refused(tmp_path: Path) -> None:
    folder = write_pose_files(tmp_path / "sequence")
    for path in (folder / "poses").iterdir():
        path.rename(path.with_name(f"other{int(path.stem) + 500}.txt"))
    with pytest.raises(DataError, match="20 poses, of which none belongs to one of the 20 images"):
        open_sequence(str(folder), tmp_path)


def test_an_image_without_a_pose_is_a_bad_frame(tmp_path: Path) -> None:
    folder = write_images_and_tum(tmp_path / "images")
    save(recording()[0].rgb, folder / "2000.000000.png")
    source = opened(folder, LAYOUTS["tum poses"])
    with pytest.raises(BadFrameError, match="no-pose"):
        source[COUNT]


def test_colmap_says_that_its_scale_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        open_sequence(str(write_colmap(tmp_path / "scene")), tmp_path, None, WHAT_THERE_IS)
    assert "metres only if the model was aligned" in caplog.text


def test_depth_that_is_required_and_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no depth images"):
        open_sequence(str(write_kitti(tmp_path / "00")), tmp_path, None, EVERYTHING)


def test_a_layout_with_poses_of_its_own_takes_no_others(tmp_path: Path) -> None:
    path = write_record3d(tmp_path / "a.r3d")
    with pytest.raises(DataError, match="record3d has its own poses"):
        open_sequence(str(path), tmp_path, "record3d", EVERYTHING, Given(poses=tmp_path / "x"))
