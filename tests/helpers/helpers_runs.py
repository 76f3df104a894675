"""Tiny sequences with known faults, and settings that keep runs short."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hydra_mono.core.config import Config, load_config
from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import LabelSpace, load_label_space

SMALL = (
    "simulation.width=160",
    "simulation.height=120",
    "simulation.rooms=2",
    "simulation.frames=400",
)
CAMERA = Intrinsics(40.0, 40.0, 31.5, 23.5, 64, 48)
Fault = Callable[[Frame], Frame]


def small_config(*overrides: str) -> Config:
    return load_config(overrides=(*SMALL, *overrides))


class WallSource:
    """A camera that slides along a wall two metres away; ``faults`` spoil frames by index."""

    def __init__(self, count: int = 12, faults: dict[int, Fault] | None = None) -> None:
        self._count = count
        self._faults = faults or {}

    @property
    def name(self) -> str:
        return "wall"

    @property
    def label_space(self) -> LabelSpace:
        return load_label_space("apartment")

    @property
    def world_up(self) -> tuple[float, float, float]:
        return (0.0, 0.0, 1.0)

    @property
    def unknown_label_pixels(self) -> int:
        return 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Frame:
        if not 0 <= index < self._count:
            raise IndexError(index)
        frame = wall_frame(index)
        return self._faults[index](frame) if index in self._faults else frame


def wall_frame(index: int) -> Frame:
    """Looks along +y at the plane y = 2, 5 cm further along x each frame."""
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    pose[:3, 3] = [0.05 * index, 0.0, 1.5]
    return Frame(
        index=index,
        name=f"wall-{index}",
        stamp_ns=index * 100_000_000,
        world_from_camera=pose,
        intrinsics=CAMERA,
        rgb=np.full((48, 64, 3), 120, np.uint8),
        depth_m=np.full((48, 64), 2.0, np.float32),
        labels=np.ones((48, 64), np.uint8),
    )


def nan_pose(frame: Frame) -> Frame:
    return replace(frame, world_from_camera=np.full((4, 4), np.nan))


def jump(frame: Frame) -> Frame:
    pose = frame.world_from_camera.copy()
    pose[0, 3] += 50.0
    return replace(frame, world_from_camera=pose)


def no_depth(frame: Frame) -> Frame:
    return replace(frame, depth_m=np.zeros((48, 64), np.float32))


def back_in_time(frame: Frame) -> Frame:
    return replace(frame, stamp_ns=0)


def broken_image(frame: Frame) -> Frame:
    raise BadFrameError(frame.name, "broken-image", "cut short")


SMALL_WORLD = [
    *("--sequence", "simulated/5", "--set", "simulation.rooms=2", "--set", "simulation.frames=20"),
    *("--set", "simulation.width=64", "--set", "simulation.height=48"),
]
