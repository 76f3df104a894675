"""Where a camera might be in a furnished world: views for training and tests, unrelated."""

import math
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.building.walkable import WalkMap, make_walk_map
from hydra_mono.simulation.scene import SPLITS, World, build_world
from hydra_mono.simulation.walk.gaze import camera_rotation

Split = Literal["simulated", "training"]
EYE_HEIGHT_M = (0.5, 1.5, 2.0)  # lowest, usual, highest
NEAREST_M = 0.3  # to an obstacle
STEP_M = (0.1, 0.5)  # to a second view: frames of a walk half a second apart, or less
TURN_RAD = 0.2  # deviation of its yaw, twice that of its pitch: most of the scene is in both
TRIES = 20  # of a step that ends in the open; then the camera only turns


def random_world(split: Split, seed: int, labels: LabelSpace) -> World:
    """World ``seed`` of a split, which shares none with the other; sizes and kinds of plan vary.

    Raises:
        DataError: its furniture would block a room.
    """
    rng = np.random.default_rng([SPLITS[split], seed])
    rooms, joints = int(rng.integers(3, 9)), int(rng.choice([0, 1, 3]))
    return build_world(rng, labels, rooms=rooms, joints=joints)


def random_views(
    rng: np.random.Generator, world: World, count: int
) -> Float64[np.ndarray, "n 4 4"]:
    """``world_from_camera`` of views that stand where a person could, rooms by their number.

    Half look about as a walker does, at eye height; the others from any height, at any tilt.
    """
    walk_map = make_walk_map(world.plan, (*world.fixed, *world.objects))
    spots = _spots(rng, walk_map, count)
    poses = np.tile(np.eye(4), (count, 1, 1))
    for index, spot in enumerate(spots):
        usual = rng.random() < 0.6
        height = EYE_HEIGHT_M[1] + rng.normal(0, 0.03)
        pitch = rng.normal(-0.2, 0.3)
        if not usual:
            height = rng.uniform(EYE_HEIGHT_M[0], EYE_HEIGHT_M[2])
            pitch = rng.normal(-0.15, 0.35)
        roll = rng.normal(0, 0.02 if usual else 0.08)
        pitch = float(np.clip(pitch, -1.2, 0.8))
        yaw = float(rng.uniform(-math.pi, math.pi))
        poses[index, :3, :3] = camera_rotation(yaw, pitch, float(roll))
        poses[index, :3, 3] = (*spot, height)
    return poses


def second_views(
    rng: np.random.Generator, world: World, poses: Float64[np.ndarray, "n 4 4"]
) -> Float64[np.ndarray, "n 4 4"]:
    """``world_from_camera`` of another view a step away from each, as of the same walk."""
    walk_map = make_walk_map(world.plan, (*world.fixed, *world.objects))
    free = walk_map.reachable() & (walk_map.clearance_m >= NEAREST_M)
    found = np.array(poses)
    for pose in found:
        yaw, pitch = rng.normal(0, TURN_RAD), rng.normal(0, TURN_RAD / 2)
        pose[:3, :3] = _about_up(float(yaw)) @ pose[:3, :3] @ _about_right(float(pitch))
        pose[:2, 3] = _step(rng, walk_map, free, pose[:2, 3])
    return found


def _step(
    rng: np.random.Generator,
    walk_map: WalkMap,
    free: Bool[np.ndarray, "r c"],
    spot: Float64[np.ndarray, "2"],
) -> Float64[np.ndarray, "2"]:
    """Another spot in the same room; the same where none is found."""
    room = walk_map.room[walk_map.cell(spot)]
    for _ in range(TRIES):
        angle = rng.uniform(-math.pi, math.pi)
        moved = spot + rng.uniform(*STEP_M) * np.array([math.cos(angle), math.sin(angle)])
        x, y = walk_map.cell(moved)
        cell = (min(max(x, 0), len(free) - 1), min(max(y, 0), free.shape[1] - 1))  # rims are walls
        if free[cell] and walk_map.room[cell] == room:
            return np.asarray(moved)
    return np.array(spot)


def _about_up(angle_rad: float) -> Float64[np.ndarray, "3 3"]:
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def _about_right(angle_rad: float) -> Float64[np.ndarray, "3 3"]:
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def _spots(rng: np.random.Generator, walk_map: WalkMap, count: int) -> Float64[np.ndarray, "n 2"]:
    """Reachable spots, every room as likely as any other."""
    free = walk_map.reachable() & (walk_map.clearance_m >= NEAREST_M)
    rooms = np.unique(walk_map.room[free])
    chosen = rng.choice(rooms, count)
    spots = []
    for room in chosen:
        cells = np.argwhere(free & (walk_map.room == room))
        cell = cells[int(rng.integers(len(cells)))]
        spots.append(walk_map.point((int(cell[0]), int(cell[1]))) + rng.uniform(-0.025, 0.025, 2))
    return np.array(spots).reshape(-1, 2)
