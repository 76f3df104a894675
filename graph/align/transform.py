"""Transformations of maps whose gravity is known: a turn about z and a shift."""

import math

import numpy as np
from jaxtyping import Float64

Matrix = Float64[np.ndarray, "4 4"]


def upright_pose(yaw_rad: float, shift_m: Float64[np.ndarray, "3"]) -> Matrix:
    """The 4×4 matrix of a turn about z, then a shift."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    pose = np.eye(4)
    pose[:2, :2] = [[cos, -sin], [sin, cos]]
    pose[:3, 3] = shift_m
    return pose


def yaw_of(pose: Matrix) -> float:
    """The turn about z of a pose, in radians."""
    return math.atan2(pose[1, 0], pose[0, 0])


def moved_points(pose: Matrix, points_m: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    return np.asarray(points_m @ pose[:3, :3].T + pose[:3, 3])


def turned_vectors(pose: Matrix, vectors: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    return np.asarray(vectors @ pose[:3, :3].T)


def inverse(pose: Matrix) -> Matrix:
    back = np.eye(4)
    back[:3, :3] = pose[:3, :3].T
    back[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return back


def differ(a: Matrix, b: Matrix, apart_m: float, turn_rad: float, at_m: np.ndarray) -> bool:
    """Whether two poses put a point elsewhere, or turn it otherwise."""
    turn = abs(math.remainder(yaw_of(a) - yaw_of(b), 2 * math.pi))
    moved = moved_points(a, at_m[None]) - moved_points(b, at_m[None])
    return turn > turn_rad or float(np.linalg.norm(moved)) > apart_m
