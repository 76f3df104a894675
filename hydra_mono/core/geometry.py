"""Rigid transforms, quaternions and pinhole rays."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Float64, Int
from scipy.spatial.transform import Rotation

from hydra_mono.core.frame import Intrinsics

# between camera axes with y down and z ahead, and with y up and z back; its own inverse
OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])


def quat_wxyz_from_matrix(rotation: Float64[np.ndarray, "3 3"]) -> tuple[float, ...]:
    """Unit quaternion, scalar first and not negative."""
    w, x, y, z = Rotation.from_matrix(rotation).as_quat(canonical=True, scalar_first=True)
    return float(w), float(x), float(y), float(z)


def pose_from_quat_xyzw(
    translation_m: Float64[np.ndarray, "3"], quat_xyzw: Float64[np.ndarray, "4"]
) -> Float64[np.ndarray, "4 4"]:
    """Homogeneous pose of a translation and a quaternion, scalar last."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_quat(quat_xyzw).as_matrix()
    pose[:3, 3] = translation_m
    return pose


def inverse(pose: Float64[np.ndarray, "4 4"]) -> Float64[np.ndarray, "4 4"]:
    """Inverse of a rigid transform."""
    result = np.eye(4)
    result[:3, :3] = pose[:3, :3].T
    result[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return result


def rotation_angle_rad(rotation: Float64[np.ndarray, "3 3"]) -> float:
    """Angle of a rotation matrix, 0..π."""
    return float(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1.0, 1.0)))


def rotation_between(
    source: Float64[np.ndarray, "3"], target: Float64[np.ndarray, "3"]
) -> Float64[np.ndarray, "3 3"]:
    """The smallest rotation that turns the direction ``source`` into ``target``."""
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    axis, cos = np.cross(a, b), float(a @ b)
    if cos < -1 + 1e-12:
        helper = np.eye(3)[int(np.argmin(np.abs(a)))]
        across = np.cross(a, helper)
        return np.asarray(Rotation.from_rotvec(np.pi * across / np.linalg.norm(across)).as_matrix())
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + cos))


def points_of_pixels(
    intrinsics: Intrinsics,
    row: Float[np.ndarray, " n"] | Int[np.ndarray, " n"],
    column: Float[np.ndarray, " n"] | Int[np.ndarray, " n"],
    depth_m: Float64[np.ndarray, " n"],
) -> Float64[np.ndarray, "n 3"]:
    """The points, in camera axes, that pixels show at planar depths; metres."""
    x = (column - intrinsics.cx) / intrinsics.fx * depth_m
    y = (row - intrinsics.cy) / intrinsics.fy * depth_m
    return np.stack([x, y, depth_m], axis=-1)


def camera_rays(intrinsics: Intrinsics, stride: int = 1) -> Float32[np.ndarray, "h w 3"]:
    """Directions through every ``stride``-th pixel with z = 1: depth times ray is the point."""
    u = np.arange(0, intrinsics.width, stride, dtype=np.float32)
    v = np.arange(0, intrinsics.height, stride, dtype=np.float32)
    x = (u - np.float32(intrinsics.cx)) / np.float32(intrinsics.fx)
    y = (v - np.float32(intrinsics.cy)) / np.float32(intrinsics.fy)
    grid_x, grid_y = np.meshgrid(x, y)
    return np.stack([grid_x, grid_y, np.ones_like(grid_x)], axis=-1)


@lru_cache(maxsize=8)  # one camera, at the strides at which a frame is looked at
def shared_rays(intrinsics: Intrinsics, stride: int = 1) -> Float32[np.ndarray, "h w 3"]:
    """``camera_rays``, made once for a camera and read-only."""
    rays = camera_rays(intrinsics, stride)
    rays.flags.writeable = False
    return rays
