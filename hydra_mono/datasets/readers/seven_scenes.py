"""7-Scenes: ``seq-XX/frame-NNNNNN.{color.png,depth.png,pose.txt}``.

Shotton et al., "Scene coordinate regression forests for camera relocalization in RGB-D images",
CVPR 2013. Its colour is not registered to its depth; the colour camera used here was estimated
by aligning edges.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.facts import NumberedImages, NumberedSource, SequenceFacts
from hydra_mono.datasets.files import IMAGE, file_of, numbered, numbered_if_there, read_pose
from hydra_mono.datasets.images import (
    SATURATED,
    if_needed,
    metres_without,
    read_integers,
)

DEPTH_CAMERA = Intrinsics(fx=585.0, fy=585.0, cx=320.0, cy=240.0, width=640, height=480)
COLOR_CAMERA = Intrinsics(fx=528.4, fy=528.4, cx=324.3, cy=238.5, width=640, height=480)
COLOR_OFFSET_M = -0.037  # added to a depth point's x to have it in the colour camera's axes
UNITS_PER_M = 1000.0
_DEPTH_FROM_COLOR = np.eye(4)
_DEPTH_FROM_COLOR[0, 3] = -COLOR_OFFSET_M


class SevenScenesSource(NumberedSource):
    """Frames of the depth camera, whose poses these are; colour is warped to it.

    A frame read without its depth is the colour camera's own. The world is the first camera's,
    so the layout promises no up. There are no stamps; frames come at 30 Hz.
    """

    units_per_m = UNITS_PER_M
    camera = DEPTH_CAMERA

    def __init__(self, folder: Path, needs: Needs = EVERYTHING) -> None:
        self.images = NumberedImages(
            colors=numbered(folder, rf"frame-(\d+)\.color{IMAGE}"),
            depths=numbered_if_there(folder, rf"frame-(\d+)\.depth{IMAGE}"),
            labels={},
        )
        self._poses = numbered_if_there(folder, r"frame-(\d+)\.pose\.txt")
        self.pose_of = self._pose
        name = f"{folder.resolve().parent.name}-{folder.resolve().name}"
        self.facts = SequenceFacts(name, world_up=None, has_depth=bool(self.images.depths))
        self.narrow(needs)

    def __getitem__(self, index: int) -> Frame:
        number = self.numbers[index]
        name = self.frame_name(number)
        pose = self.pose_of(number, name)
        depth_m = if_needed(self.needs.depth, lambda: self.read_depth(number, name))
        rgb = self.read_color(number, name)
        return Frame(
            index=range(len(self))[index],
            name=name,
            stamp_ns=self.stamp_ns(index, name),
            world_from_camera=pose @ _DEPTH_FROM_COLOR if depth_m is None else pose,
            intrinsics=COLOR_CAMERA if depth_m is None else DEPTH_CAMERA,
            rgb=rgb if depth_m is None else register_color(rgb, depth_m),
            depth_m=depth_m,
        )

    def frame_name(self, number: int) -> str:
        return f"frame-{number:06d}"

    def _pose(self, number: int, name: str) -> Float64[np.ndarray, "4 4"]:
        return read_pose(file_of(self._poses, number, name, "pose"), name)

    def read_depth(self, number: int, name: str) -> Float32[np.ndarray, "h w"]:
        path = file_of(self.images.depths, number, name, "depth image")
        raw = read_integers(path, name, size=(DEPTH_CAMERA.width, DEPTH_CAMERA.height))
        return metres_without(raw, raw == SATURATED, UNITS_PER_M)


def register_color(
    rgb: UInt8[np.ndarray, "h w 3"], depth_m: Float32[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """The colour of every depth pixel's point, as the colour camera saw it.

    A pixel without depth is taken to be as far away as the frame's median; past the colour
    image's border the border's colour is repeated.
    """
    some_m = depth_m[::8, ::8]
    usual_m = np.median(some_m[some_m > 0]) if some_m.any() else 2.0
    z_m = np.where(depth_m > 0, depth_m, np.float32(usual_m))
    rays = camera_rays(DEPTH_CAMERA)
    u = COLOR_CAMERA.fx * (rays[..., 0] + COLOR_OFFSET_M / z_m) + COLOR_CAMERA.cx
    v = COLOR_CAMERA.fy * rays[:, 0, 1] + COLOR_CAMERA.cy
    return _sampled(rgb, u, v)


def _sampled(
    rgb: UInt8[np.ndarray, "h w 3"], u: Float32[np.ndarray, "h w"], v: Float32[np.ndarray, " h"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Bilinear interpolation, first between rows: the cameras lie side by side, so v is a row's."""
    height, width = rgb.shape[:2]
    v, u = np.clip(v, 0, height - 1), np.clip(u, 0, width - 1)
    top = np.minimum(v.astype(np.int32), height - 2)
    left = np.minimum(u.astype(np.int32), width - 2)
    below = (v - top).astype(np.float32)[:, None, None]
    rows = rgb[top] * (1 - below) + rgb[top + 1] * below
    start = np.arange(height, dtype=np.int32)[:, None] * width + left
    beside = (u - left).astype(np.float32)[..., None]
    flat = rows.reshape(-1, 3)
    at_left = flat.take(start, axis=0)
    between = at_left + (flat.take(start + 1, axis=0) - at_left) * beside
    return np.asarray((between + np.float32(0.5)).astype(np.uint8))
