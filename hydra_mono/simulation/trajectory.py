"""The camera's walk through every room, hand-held, with its eyes on what is still unseen."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import ndimage

from hydra_mono.simulation.plan import Plan
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.walking import WalkMap, find_way, make_walk_map

EYE_M = 1.5
YAW_RATE = math.radians(42)
STANDPOINTS = 3


@dataclass(frozen=True, slots=True)
class Walk:
    """Eye positions and gaze, one of each a frame."""

    positions_m: Float64[np.ndarray, "n 3"]
    yaw_rad: Float64[np.ndarray, " n"]
    pitch_rad: Float64[np.ndarray, " n"]


def plan_walk(world: World, *, speed_m_s: float, fps: float) -> Walk:
    walk_map = make_walk_map(world.plan, (*world.fixed, *world.things))
    points: list[np.ndarray] = []
    yaws: list[np.ndarray] = []
    position: np.ndarray | None = None
    yaw = 0.0
    step, turn = speed_m_s / fps, YAW_RATE / fps
    for room in _visiting_order(world.plan):
        for i, spot in enumerate(_standpoints(walk_map, room)):
            if position is not None:
                way = find_way(walk_map, position, spot)
                way = _resampled(way, step)
                headings = _headings(way, yaw, turn)
                points.append(way)
                yaws.append(headings)
                yaw = float(headings[-1])
            position = spot
            if i == 0:
                count = int(2 * math.pi / turn)
                points.append(np.repeat(spot[None], count, 0))
                yaws.append(yaw + np.arange(1, count + 1) * turn)
                yaw += count * turn
    path, gaze = np.concatenate(points), np.concatenate(yaws)
    positions = np.column_stack([path, np.full(len(path), EYE_M)])
    pitch = np.full(len(path), -0.2) + 0.3 * np.sin(np.arange(len(path)) / fps * 2 * np.pi / 4)
    return Walk(positions, gaze, pitch)


def _headings(way: np.ndarray, yaw: float, turn: float) -> np.ndarray:
    ahead = np.roll(way, -5, axis=0) - way
    ahead[-5:] = ahead[-6] if len(way) > 5 else way[-1] - way[0]
    wanted = np.arctan2(ahead[:, 1], ahead[:, 0])
    out = []
    for w in wanted:
        delta = (w - yaw + math.pi) % (2 * math.pi) - math.pi
        yaw += float(np.clip(delta, -turn, turn))
        out.append(yaw)
    return np.array(out)


def _visiting_order(plan: Plan) -> list[int]:
    """Rooms depth first from the first one."""
    order: list[int] = []

    def visit(room: int) -> None:
        order.append(room)
        for opening in plan.openings_of(room):
            for other in opening.rooms:
                if other not in order:
                    visit(other)

    visit(0)
    return order


def _standpoints(walk_map: WalkMap, room: int) -> list[np.ndarray]:
    """Spots of a room far from one another and from obstacles."""
    inside = (walk_map.room == room) & (walk_map.clearance_m >= 0.33)
    parts, _ = ndimage.label(inside)
    cells = np.argwhere(inside)
    first = int(np.argmax(walk_map.clearance_m[tuple(cells.T)]))
    chosen = [cells[first]]
    distance = np.linalg.norm(cells - cells[first], axis=1)
    for _ in range(STANDPOINTS - 1):
        best = int(np.argmax(distance))
        chosen.append(cells[best])
        distance = np.minimum(distance, np.linalg.norm(cells - cells[best], axis=1))
    return [walk_map.point((int(x), int(y))) for x, y in chosen]


def _resampled(way: np.ndarray, step: float) -> np.ndarray:
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    at = np.linspace(0, lengths[-1], max(int(lengths[-1] / step), 1) + 1)[1:]
    return np.stack([np.interp(at, lengths, way[:, i]) for i in (0, 1)], axis=1)


def camera_pose(
    position_m: Float64[np.ndarray, "3"], yaw_rad: float, pitch_rad: float, roll_rad: float
) -> Float64[np.ndarray, "4 4"]:
    """OpenCV camera looking along ``yaw`` from the world's x, ``pitch`` upwards."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    forward = np.array([math.cos(pitch_rad) * cos, math.cos(pitch_rad) * sin, math.sin(pitch_rad)])
    level = np.array([sin, -cos, 0.0])
    below = np.cross(forward, level)
    right = math.cos(roll_rad) * level + math.sin(roll_rad) * below
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = right, np.cross(forward, right), forward
    pose[:3, 3] = position_m
    return pose


def hand_held(rng: np.random.Generator, walk: Walk, fps: float) -> Float64[np.ndarray, "n 4 4"]:
    """Camera poses: the walk with a small sway of the head and a bob at each step."""
    count = len(walk.yaw_rad)
    time = np.arange(count) / fps
    amplitude = np.radians([1.0, 1.0, 1.2])
    phase = rng.uniform(0, 2 * np.pi, (3, 2))
    rate = rng.uniform([[0.35, 0.8]], [[0.6, 1.1]], (3, 2))
    sway = np.sin(2 * np.pi * rate[..., None] * time + phase[..., None]) * [[[0.7]], [[0.3]]][0][0]
    turns = amplitude[:, None] * sway.sum(axis=1)
    moved = np.linalg.norm(np.diff(walk.positions_m, axis=0, prepend=walk.positions_m[:1]), axis=1)
    stride = np.cumsum(moved) / 0.65
    bob = 0.015 * np.sin(2 * np.pi * stride)
    poses = np.empty((count, 4, 4))
    for i in range(count):
        position = walk.positions_m[i] + np.array([0.0, 0.0, bob[i]])
        poses[i] = camera_pose(
            position, walk.yaw_rad[i] + turns[0, i], walk.pitch_rad[i] + turns[1, i], turns[2, i]
        )
    return poses
