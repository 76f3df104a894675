"""How much of a body, or of the place of one, the camera has in view, frame by frame."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.simulation.render.actors import Actors, Shape, Window, cast, window_of

COLUMNS = 80  # of the image that is looked at: a ray for 8 × 8 pixels of 640 × 480
FARTHEST_M = 5.0  # planar depth beyond which a Kinect's noise leaves little to see by
_IN_FRONT_M = 1e-3  # by so much nearer than all else counts as in front


@dataclass(frozen=True)
class Sightings:
    """Counts pixels with a sparse grid of rays; ``poses`` are ``world_from_camera``, one a stamp.

    Args:
        scene: Open3D's ray caster over what is static.
    """

    scene: Any
    actors: Actors
    camera: Intrinsics
    poses: Float64[np.ndarray, "n 4 4"]
    stamps_ns: Int64[np.ndarray, " n"]

    @property
    def stride(self) -> int:
        """Pixels from ray to ray."""
        return max(1, self.camera.width // COLUMNS)

    def of_body(self, number: int) -> Int64[np.ndarray, " n"]:
        """Pixels of a body in every frame, 0 while it is not there."""
        body, rays = self.actors.bodies[number], camera_rays(self.camera, self.stride)
        counts = np.zeros(len(self.poses), np.int64)
        for frame, stamp in enumerate(self.stamps_ns.tolist()):
            pose = body.pose_at(stamp)
            if pose is not None and self._is_near(frame, pose):
                shape = self.actors.shapes[number][body.shape_at(stamp)]
                counts[frame] = self._pixels(frame, shape, pose, number, rays)
        return counts * self.stride**2

    def of_place(
        self, number: int, world_from_thing: Float64[np.ndarray, "4 4"]
    ) -> Int64[np.ndarray, " n"]:
        """Pixels that a body would have at a place, whether or not it is there."""
        shape, rays = self.actors.shapes[number][0], camera_rays(self.camera, self.stride)
        counts = np.zeros(len(self.poses), np.int64)
        for frame in range(len(self.poses)):
            if self._is_near(frame, world_from_thing):
                counts[frame] = self._pixels(frame, shape, world_from_thing, number, rays)
        return counts * self.stride**2

    def _is_near(self, frame: int, pose: Float64[np.ndarray, "4 4"]) -> bool:
        away = pose[:3, 3] - self.poses[frame, :3, 3]
        return float(away @ away) < (2 * FARTHEST_M) ** 2

    def _pixels(
        self,
        frame: int,
        shape: Shape,
        world_from_thing: Float64[np.ndarray, "4 4"],
        number: int,
        rays: Float32[np.ndarray, "h w 3"],
    ) -> int:
        """Rays on which the shape is nearer than all else but the body itself."""
        world_from_camera = self.poses[frame]
        window = window_of(shape, world_from_thing, world_from_camera, rays)
        if window is None:
            return 0
        directions = rays[window] @ world_from_camera[:3, :3].T.astype(np.float32)
        eye = world_from_camera[:3, 3]
        found = cast(shape, world_from_thing, eye, directions)["t_hit"].numpy()
        if not (found < FARTHEST_M).any():
            return 0
        before = self._nearest(frame, directions, number, rays, window)
        return int(np.count_nonzero((found < FARTHEST_M) & (found < before - _IN_FRONT_M)))

    def _nearest(
        self,
        frame: int,
        directions: Float32[np.ndarray, "h w 3"],
        apart_from: int,
        rays: Float32[np.ndarray, "H W 3"],
        window: Window,
    ) -> Float32[np.ndarray, "h w"]:
        """Depth of what is nearest on each ray of a window, one body left out."""
        pose, stamp = self.poses[frame], int(self.stamps_ns[frame])
        whole = np.empty((*directions.shape[:2], 6), np.float32)
        whole[..., :3], whole[..., 3:] = pose[:3, 3], directions
        nearest = self.scene.cast_rays(open3d().core.Tensor.from_numpy(whole))["t_hit"].numpy()
        for number, body in enumerate(self.actors.bodies):
            world_from_thing = body.pose_at(stamp)
            if number == apart_from or world_from_thing is None:
                continue
            shape = self.actors.shapes[number][body.shape_at(stamp)]
            if window_of(shape, world_from_thing, pose, rays) is not None:
                found = cast(shape, world_from_thing, pose[:3, 3], directions)["t_hit"].numpy()
                nearest = np.minimum(nearest, found)
        return np.asarray(nearest)
