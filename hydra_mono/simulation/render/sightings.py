"""How much of a body, or of the place of one, the camera has in view, frame by frame."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.simulation.render.actors import Actors, Shape, cast, window_of

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
        body = self.actors.bodies[number]
        shapes = self.actors.shapes[number]
        counts = np.zeros(len(self.poses), np.int64)
        for frame, pose in enumerate(self._poses_of[number]):
            if pose is not None:
                shape = shapes[body.shape_at(int(self.stamps_ns[frame]))]
                counts[frame] = self._pixels(frame, shape, pose, number)
        return counts * self.stride**2

    def of_place(
        self, number: int, world_from_object: Float64[np.ndarray, "4 4"]
    ) -> Int64[np.ndarray, " n"]:
        """Pixels that a body would have at a place, whether or not it is there."""
        shape = self.actors.shapes[number][0]
        counts = np.zeros(len(self.poses), np.int64)
        away = world_from_object[:3, 3] - self.poses[:, :3, 3]
        ahead = np.einsum("nc,nc->n", away, self.poses[:, :3, 2])
        reach = 2 * shape.radius_m  # of the sphere, which may lie to one side of the origin
        for frame in np.flatnonzero((ahead > -reach) & (ahead < FARTHEST_M + reach)).tolist():
            counts[frame] = self._pixels(frame, shape, world_from_object, number)
        return counts * self.stride**2

    @cached_property
    def _rays(self) -> Float32[np.ndarray, "h w 3"]:
        return camera_rays(self.camera, self.stride)

    @cached_property
    def _poses_of(self) -> list[list[Float64[np.ndarray, "4 4"] | None]]:
        """Where each body is in each frame."""
        stamps = self.stamps_ns.tolist()
        return [[body.pose_at(stamp) for stamp in stamps] for body in self.actors.bodies]

    def _pixels(
        self,
        frame: int,
        shape: Shape,
        world_from_object: Float64[np.ndarray, "4 4"],
        number: int,
    ) -> int:
        """Rays on which the shape is nearer than all else but the body itself."""
        world_from_camera, rays = self.poses[frame], self._rays
        window = window_of(shape, world_from_object, world_from_camera, rays)
        if window is None:
            return 0
        directions = rays[window] @ world_from_camera[:3, :3].T.astype(np.float32)
        eye = world_from_camera[:3, 3]
        found = cast(shape, world_from_object, eye, directions)["t_hit"].numpy()
        if not (found < FARTHEST_M).any():
            return 0
        before = self._nearest(frame, directions, number)
        return int(np.count_nonzero((found < FARTHEST_M) & (found < before - _IN_FRONT_M)))

    def _nearest(
        self, frame: int, directions: Float32[np.ndarray, "h w 3"], apart_from: int
    ) -> Float32[np.ndarray, "h w"]:
        """Depth of what is nearest on each ray, one body left out."""
        pose, stamp = self.poses[frame], int(self.stamps_ns[frame])
        whole = np.empty((*directions.shape[:2], 6), np.float32)
        whole[..., :3], whole[..., 3:] = pose[:3, 3], directions
        nearest = self.scene.cast_rays(open3d().core.Tensor.from_numpy(whole))["t_hit"].numpy()
        for number, body in enumerate(self.actors.bodies):
            world_from_object = self._poses_of[number][frame]
            if number == apart_from or world_from_object is None:
                continue
            shape = self.actors.shapes[number][body.shape_at(stamp)]
            if window_of(shape, world_from_object, pose, self._rays) is not None:
                found = cast(shape, world_from_object, pose[:3, 3], directions)["t_hit"].numpy()
                nearest = np.minimum(nearest, found)
        return np.asarray(nearest)
