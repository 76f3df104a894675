"""Frames from a list: each with its own files, pose and camera. What readers of exports share."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.camera import Resampling
from hydra_mono.datasets.facts import DescribedSource, Direction, SequenceFacts
from hydra_mono.datasets.files import checked_pose
from hydra_mono.datasets.images import depth_from_raw, if_needed, read_integers, read_rgb
from hydra_mono.datasets.lens import LensCamera, lens_removal

logger = logging.getLogger(__name__)

_WIDEST_PX = 960  # wider images are made smaller: networks read 256, and depth 640 at most

Pose = Float64[np.ndarray, "4 4"]
ReadColor = Callable[[str], UInt8[np.ndarray, "h w 3"]]
ReadDepth = Callable[[str], Float32[np.ndarray, "h w"]]


@dataclass(frozen=True, slots=True)
class ListedFrame:
    """``color`` and ``depth`` read the images, given the frame's name for messages.

    ``pose`` may be anything that text can hold, None for none; ``camera`` is of colour as stored.
    """

    name: str
    stamp_ns: int
    pose: Float64[np.ndarray, "..."] | None
    camera: LensCamera
    color: ReadColor
    depth: ReadDepth | None = None


class ListedSource(DescribedSource):
    """A source of listed frames, by ascending stamp.

    Images wider than 960 pixels are averaged down, depth of another size takes colour's, and
    distortion is taken out of both.
    """

    def __init__(
        self,
        name: str,
        frames: Sequence[ListedFrame],
        needs: Needs = EVERYTHING,
        world_up: Direction | None = None,
    ) -> None:
        if not frames:
            raise DataError(f"{name}: not one image with a pose was found")
        self._all = sorted(frames, key=lambda frame: frame.stamp_ns)
        has_depth = any(frame.depth is not None for frame in frames)
        self.facts = SequenceFacts(name, world_up=world_up, has_depth=has_depth)
        self.narrow(needs)

    def narrow(self, needs: Needs) -> None:
        super().narrow(needs)
        deep = [frame for frame in self._all if frame.depth is not None]
        self._frames = deep if needs.depth == "required" else self._all
        self.facts = replace(self.facts, length=len(self._frames))

    def __getitem__(self, index: int) -> Frame:
        listed = self._frames[index]
        name = listed.name
        if listed.pose is None:
            raise BadFrameError(name, "no-pose", f"{self.name} has no pose for it")
        if not -(2**63) <= listed.stamp_ns < 2**63:
            raise BadFrameError(name, "unreadable-stamp", "beyond 64 bits of nanoseconds")
        pose = checked_pose(listed.pose, name, f"the pose of {name}")
        camera = mapped_camera(listed.camera)
        rgb = _resized(_checked_size(listed.color(name), listed.camera, name), camera.intrinsics)
        lens = lens_removal(camera)
        return Frame(
            index=range(len(self))[index],
            name=name,
            stamp_ns=listed.stamp_ns,
            world_from_camera=pose,
            intrinsics=camera.intrinsics,
            rgb=lens.color(rgb) if lens else rgb,
            depth_m=if_needed(self.needs.depth, lambda: _depth(listed, camera.intrinsics, lens)),
        )


def mapped_camera(camera: LensCamera) -> LensCamera:
    """The camera of the images as they are mapped."""
    width, height = camera.intrinsics.width, camera.intrinsics.height
    if width <= _WIDEST_PX:
        return camera
    return camera.resized(_WIDEST_PX, max(1, round(height * _WIDEST_PX / width)))


def color_file(path: Path) -> ReadColor:
    """Reads colour from a file."""
    return lambda name: read_rgb(path, name)


def depth_file(path: Path, units_per_m: float = 1000.0) -> ReadDepth:
    """Reads depth in whole units from a file."""
    return lambda name: depth_from_raw(read_integers(path, name), units_per_m, name)


def _checked_size(
    rgb: UInt8[np.ndarray, "h w 3"], camera: LensCamera, name: str
) -> UInt8[np.ndarray, "h w 3"]:
    expected = camera.intrinsics.height, camera.intrinsics.width
    if rgb.shape[:2] == expected:
        return rgb
    found, wanted = (f"{width}×{height}" for height, width in (rgb.shape[:2], expected))
    raise BadFrameError(name, "wrong-size", f"colour is {found}, the camera's images {wanted}")


def _depth(
    listed: ListedFrame, camera: Intrinsics, lens: Resampling | None
) -> Float32[np.ndarray, "h w"]:
    """The frame's depth at the camera's size.

    Raises:
        BadFrameError: there is none, it cannot be read, or it has other proportions.
    """
    if listed.depth is None:
        raise BadFrameError(listed.name, "missing-file", "no depth image belongs to it")
    depth_m = listed.depth(listed.name)
    height, width = depth_m.shape
    if abs(width / height - camera.width / camera.height) > 0.02 * width / height:  # a crop
        detail = f"depth is {width}×{height}, which does not fit {camera.width}×{camera.height}"
        raise BadFrameError(listed.name, "wrong-size", detail)
    rows = ((np.arange(camera.height) + 0.5) * height / camera.height).astype(np.intp)
    columns = ((np.arange(camera.width) + 0.5) * width / camera.width).astype(np.intp)
    depth_m = depth_m[rows[:, None], columns]
    return lens.nearest(depth_m) if lens else depth_m


def _resized(rgb: UInt8[np.ndarray, "y x 3"], camera: Intrinsics) -> UInt8[np.ndarray, "h w 3"]:
    if rgb.shape[:2] == (camera.height, camera.width):
        return rgb
    size = camera.width, camera.height
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))
