"""Every layout of posed images by name, and how a recording is written in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from helpers_datasets import save
from helpers_posed import (
    ARKIT_FROM_Z_UP,
    recording,
    write_colmap,
    write_deep_video_mvs,
    write_kitti,
    write_polycam,
    write_pose_files,
    write_record3d,
    write_stray_scanner,
    write_transforms,
    write_tum_poses,
    write_video,
)
from helpers_ros import write_ros1_bag, write_ros2_bag

from hydra_mono.core.source import WHAT_THERE_IS, Source
from hydra_mono.datasets.given import NOTHING, Given, given_by_flags
from hydra_mono.datasets.registry import open_sequence


def numbers() -> str:
    camera = recording()[0].intrinsics
    return f"{camera.fx},{camera.fy},{camera.cx},{camera.cy}"


@dataclass(frozen=True)
class Layout:
    """``world``: from the recording's world to the layout's. ``steps``: depth is so coarse."""

    write: Callable[[Path], Path]
    reader: str
    has_depth: bool = True
    depth_step: int = 1
    world: np.ndarray | None = None
    color_error: float = 0.0  # grey levels, in the mean
    given: Callable[[Path], Given] = lambda folder: NOTHING


def write_images_and_tum(folder: Path) -> Path:
    """Images with stamps for names, poses in a file of their own elsewhere."""
    for i, frame in enumerate(recording()):
        save(frame.rgb, folder / f"{1000 + 0.3 * i:.6f}.png")
    write_tum_poses(folder.parent / "poses_tum.txt")
    return folder


def _video(folder: Path) -> Path:
    write_tum_poses(folder.parent / "poses_tum.txt", start_s=0.0)
    return write_video(folder.with_suffix(".mp4"))


def _flags(folder: Path) -> Given:
    return given_by_flags(str(folder.parent / "poses_tum.txt"), numbers())


LAYOUTS = {
    "deep-video-mvs": Layout(write_deep_video_mvs, "deep-video-mvs"),
    "kitti": Layout(write_kitti, "images", has_depth=False),
    "pose files": Layout(write_pose_files, "images", color_error=8.0),
    "transforms.json": Layout(write_transforms, "images"),
    "colmap text": Layout(write_colmap, "images", color_error=8.0),
    "colmap binary": Layout(
        lambda folder: write_colmap(folder, binary=True), "images", color_error=8.0
    ),
    "tum poses": Layout(write_images_and_tum, "images", has_depth=False, given=_flags),
    "video": Layout(_video, "images", has_depth=False, color_error=6.0, given=_flags),
    "record3d": Layout(
        lambda folder: write_record3d(folder.with_suffix(".r3d")),
        "record3d",
        depth_step=3,
        world=ARKIT_FROM_Z_UP,
        color_error=8.0,
    ),
    "stray-scanner": Layout(
        write_stray_scanner, "stray-scanner", True, 3, ARKIT_FROM_Z_UP, color_error=6.0
    ),
    "polycam": Layout(write_polycam, "polycam", True, 3, ARKIT_FROM_Z_UP, color_error=8.0),
    "ros 1": Layout(lambda folder: write_ros1_bag(folder.with_suffix(".bag")), "ros-bag"),
    "ros 2": Layout(write_ros2_bag, "ros-bag", color_error=8.0),
}


def opened(path: Path, layout: Layout) -> Source:
    return open_sequence(str(path), path.parent, None, WHAT_THERE_IS, layout.given(path))
