"""Estimates of planes whose depth, normals and looks are known at every pixel."""

from dataclasses import dataclass, replace

import numpy as np

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.mapping.monocular.low_res import LowResEstimate

CAMERA = Intrinsics(fx=52.0, fy=52.0, cx=31.5, cy=23.5, width=64, height=48)
AHEAD = np.eye(4)  # a camera at the origin that looks along +z, y down


def moved(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    """The pose of a camera that looks ahead from elsewhere."""
    pose = np.eye(4)
    pose[:3, 3] = (x, y, z)
    return pose


@dataclass(frozen=True)
class Plane:
    """Points X with normal · X = offset_m; ``normal`` need not be unit."""

    normal: tuple[float, float, float] = (0.0, 0.0, -1.0)
    offset_m: float = -2.0
    contrast: float = 40.0  # grey levels
    label: int = 1

    def depth_m(self, pose: np.ndarray, camera: Intrinsics = CAMERA) -> np.ndarray:
        normal = np.array(self.normal)
        rays = camera_rays(camera).astype(np.float64) @ pose[:3, :3].T
        return np.asarray((self.offset_m - normal @ pose[:3, 3]) / (rays @ normal))

    def estimate(self, pose: np.ndarray = AHEAD, camera: Intrinsics = CAMERA) -> LowResEstimate:
        """What a perfect network would draw of the plane."""
        depth_m = self.depth_m(pose, camera)
        points = camera_rays(camera) * depth_m[..., None] @ pose[:3, :3].T + pose[:3, 3]
        unit = np.array(self.normal) / np.linalg.norm(self.normal) @ pose[:3, :3]
        shape = depth_m.shape
        return LowResEstimate(
            camera=camera,
            world_from_camera=pose,
            gray=(120 + self.contrast * pattern(points)).astype(np.float32),
            log_depth=np.log(np.where(depth_m > 0, depth_m, 1)).astype(np.float32),
            usable=depth_m > 0,
            log_depth_sigma=np.full(shape, 0.08, np.float32),
            label_weight=np.ones(shape, np.float32),
            labels=np.full(shape, self.label, np.uint8),
            confidence=np.full(shape, 0.9, np.float32),
            normals=np.broadcast_to(unit.astype(np.float32), (*shape, 3)).copy(),
            edges=np.zeros(shape, np.float32),
        )


def pattern(points: np.ndarray) -> np.ndarray:
    """Waves in all directions, 0.2 to 1 m long; -1..1 by and large."""
    rng = np.random.default_rng(4)
    waves = rng.normal(size=(12, 3))
    waves *= 2 * np.pi / np.linalg.norm(waves, axis=1, keepdims=True)
    phases = points @ (waves / rng.uniform(0.2, 1.0, (12, 1))).T + rng.uniform(0, 6, 12)
    return np.asarray(np.sin(phases).sum(axis=-1) / 4)


def scaled(estimate: LowResEstimate, factor: float) -> LowResEstimate:
    """The estimate with all depth too large by a factor."""
    return replace(estimate, log_depth=estimate.log_depth + np.float32(np.log(factor)))
