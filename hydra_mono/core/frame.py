"""One posed image, and the camera that took it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, UInt8, UInt16


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """Pinhole camera, OpenCV axes (x right, y down, z forward); lengths in pixels.

    Pixel centres lie at integer coordinates: pixel (u, v) looks along ((u-cx)/fx, (v-cy)/fy, 1).
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    @property
    def matrix(self) -> Float64[np.ndarray, "3 3"]:
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def cropped(self, left: int, top: int, width: int, height: int) -> "Intrinsics":
        """The same camera after its image is cut to a part of it."""
        return Intrinsics(self.fx, self.fy, self.cx - left, self.cy - top, width, height)

    def resized(self, width: int, height: int) -> "Intrinsics":
        """The same camera after its image is resized to ``width`` × ``height``."""
        sx, sy = width / self.width, height / self.height
        return Intrinsics(
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5,
            cy=(self.cy + 0.5) * sy - 0.5,
            width=width,
            height=height,
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """One image with its pose and whatever else the source knows of it.

    ``depth_m`` is planar z in metres, 0 where nothing was measured. ``labels`` are ids of the
    source's label space, 0 where unknown. ``instances`` number objects from 1, 0 for none.
    ``normals`` are unit vectors in camera axes that face the camera, 0 where unknown.
    All images have the size of ``intrinsics``.
    """

    index: int
    name: str
    stamp_ns: int
    world_from_camera: Float64[np.ndarray, "4 4"]
    intrinsics: Intrinsics
    rgb: UInt8[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"] | None = None
    labels: UInt8[np.ndarray, "h w"] | None = None
    instances: UInt16[np.ndarray, "h w"] | None = None
    normals: Float32[np.ndarray, "h w 3"] | None = None

    @property
    def camera_position_m(self) -> Float64[np.ndarray, "3"]:
        return self.world_from_camera[:3, 3]
