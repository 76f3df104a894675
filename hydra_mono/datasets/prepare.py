"""From a sequence as it was recorded to one that can be mapped: in OpenCV axes, metres and z-up."""

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.config import DataConfig
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import rotation_between
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.source import Source
from hydra_mono.datasets.first_frames.pairs import read_first_frames
from hydra_mono.datasets.first_frames.readings import opencv_pose
from hydra_mono.datasets.first_frames.suspect import Verdict, judge
from hydra_mono.datasets.given import NOTHING, Given
from hydra_mono.datasets.lens import GivenCamera, lens_removal
from hydra_mono.datasets.up import Z_UP, Direction, choose_up

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Conversion:
    """What is done to every frame.

    ``intrinsics``: fx, fy, cx, cy in pixels of the images as they come, None to keep them.
    ``camera``: that of the images as stored, whose distortion is taken out.
    """

    convention: str = "opencv"
    depth_scale: float = 1.0
    intrinsics: tuple[float, float, float, float] | None = None
    camera: GivenCamera | None = None
    up: Direction = Z_UP


class PreparedSource:
    """Another source with its poses, calibration and depth converted, in a z-up world.

    ``source_up`` is up in the world of the source, once its poses are in OpenCV axes.
    """

    def __init__(self, source: Source, conversion: Conversion, world_up: Direction | None) -> None:
        self._source, self._conversion = source, conversion
        self.source_up, self._world_up = conversion.up, world_up
        self._upright_from_world = np.eye(4)
        up = np.array(conversion.up, np.float64)
        self._upright_from_world[:3, :3] = rotation_between(up, np.array(Z_UP))

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def label_space(self) -> LabelSpace:
        return self._source.label_space

    @property
    def world_up(self) -> Direction | None:
        return self._world_up

    @property
    def unknown_label_pixels(self) -> int:
        return self._source.unknown_label_pixels

    def narrow(self, needs: Any) -> None:
        """Tells the source what will be read of its frames, where it wants to know."""
        listen = getattr(self._source, "narrow", None)
        if listen is not None:
            listen(needs)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Frame:
        frame, conversion = self._source[index], self._conversion
        pose = self._pose(frame.world_from_camera)
        depth = frame.depth_m
        if depth is not None and conversion.depth_scale != 1.0:
            depth = depth * np.float32(conversion.depth_scale)
        frame = replace(frame, world_from_camera=pose, depth_m=depth)
        if conversion.camera is not None:
            frame = _through_lens(frame, conversion.camera)
        camera = frame.intrinsics
        if conversion.intrinsics is not None:
            camera = Intrinsics(*conversion.intrinsics, camera.width, camera.height)
        return replace(frame, intrinsics=camera)

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        return getattr(self._source, "details", ())

    def _pose(self, pose: Float64[np.ndarray, "4 4"]) -> Float64[np.ndarray, "4 4"]:
        if not np.isfinite(pose).all():
            return pose
        converted = opencv_pose(pose, self._conversion.convention)
        return np.asarray(self._upright_from_world @ converted)


def _through_lens(frame: Frame, given: GivenCamera) -> Frame:
    """The frame by the camera given, with its distortion taken out."""
    camera = given.of(frame.intrinsics.width, frame.intrinsics.height)
    frame = replace(frame, intrinsics=camera.intrinsics)
    lens = lens_removal(camera)
    if lens is None:
        return frame
    return replace(
        frame,
        rgb=lens.color(frame.rgb),
        depth_m=None if frame.depth_m is None else lens.nearest(frame.depth_m),
        labels=None if frame.labels is None else lens.nearest(frame.labels),
    )


def prepare(source: Source, config: DataConfig, given: Given = NOTHING) -> tuple[Source, Verdict]:
    """The source as the settings and flags have it, z-up, and what its first frames say of that.

    With ``pose_convention`` auto, poses are read as the first frames agree best.

    Raises:
        DataError: up must be estimated and not one of the first frames can be read.
    """
    is_auto = config.pose_convention == "auto"
    conversion = Conversion(
        convention="opencv" if is_auto else config.pose_convention,
        depth_scale=config.depth_scale,
        intrinsics=config.intrinsics,
        camera=None if getattr(source, "took_camera", False) else given.camera,
    )
    told_up = config.up or source.world_up
    whole, source = source, FirstRead(source)
    verdict = _judged(source, conversion, told_up)
    if is_auto and verdict.convention is not None:
        conversion = replace(conversion, convention=verdict.convention)
        logger.warning("%s: poses are read as %s", source.name, verdict.convention)
        verdict = _judged(source, conversion, told_up)
    plain = _converted(source, conversion, source.world_up)
    up = choose_up(plain, config.up)
    return _converted(whole, replace(conversion, up=up), Z_UP), verdict


class FirstRead:
    """A source whose frames are read once while it is prepared: the check looks at its first
    frames, again where poses are read otherwise, and the estimate of up after that."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.label_space = source.name, source.label_space
        self.world_up = source.world_up
        self._frames: dict[int, Frame] = {}

    @property
    def unknown_label_pixels(self) -> int:
        return self._source.unknown_label_pixels

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Frame:
        if index not in self._frames:
            self._frames[index] = self._source[index]
        return self._frames[index]


def _judged(source: Source, conversion: Conversion, told_up: Direction | None) -> Verdict:
    plain = _converted(source, conversion, source.world_up)
    return judge(read_first_frames(plain), told_up)


def _converted(source: Source, conversion: Conversion, world_up: Direction | None) -> Source:
    """The source itself where nothing is to be done."""
    is_upright = np.allclose(conversion.up, Z_UP, atol=1e-9)
    if is_upright and replace(conversion, up=Z_UP) == Conversion() and source.world_up == world_up:
        return source
    return PreparedSource(source, conversion, world_up)
