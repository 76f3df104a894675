"""Which ways to look so that everything has been seen: a greedy cover of sampled targets."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.simulation.building.plan import Plan, Room
from hydra_mono.simulation.shapes import Surface

NEAR_M, FAR_M = 0.5, 4.8  # a target counts as seen between these planar depths
MARGIN = 0.94  # share of the image, from its middle, in which a target counts
MIN_COSINE = 0.2
SAMPLE_AREA_M2 = 0.02
AIR_SPACING_M = 0.3
YAWS = np.arange(20) * (2 * math.pi / 20)
PITCHES = np.radians([-34.0, -12.0, 12.0])
YAW_RATE = math.radians(42)  # per second
PITCH_RATE = math.radians(40)
WALK_S_PER_M = 1.8  # straight-line, detours included
SETTLE_S = 1.5  # what a view costs however near it is
LEFT_OVER = 0.03  # share of a room's targets that may stay unseen
LEAST_GAIN = 0.015  # share of a room's targets below which a view is not worth it


@dataclass(frozen=True, slots=True)
class View:
    """A gaze from one of a list of standpoints."""

    standpoint: int
    yaw_rad: float
    pitch_rad: float


class Targets:
    """Samples of all surfaces and of the air, and which of them were seen so far."""

    def __init__(
        self, rng: np.random.Generator, plan: Plan, surface: Surface, camera: Intrinsics, scene: Any
    ) -> None:
        points, normals = _surface_samples(rng, surface)
        air = _air_samples(plan)
        self.points_m = np.concatenate([points, air]).astype(np.float32)
        self._normals = np.concatenate([normals, np.zeros_like(air)]).astype(np.float32)
        self._is_air = np.arange(len(self.points_m)) >= len(points)
        self.room = room_of_points(plan, self.points_m + np.float32(0.05) * self._normals)
        self.seen = np.zeros(len(self.points_m), dtype=bool)
        self._half_x = MARGIN * camera.width / 2 / camera.fx
        self._half_y = MARGIN * camera.height / 2 / camera.fy
        self._scene = scene
        self._room_lower = np.array([[*room.lower_m, room.floor_m] for room in plan.rooms])
        self._room_upper = np.array([[*room.upper_m, room.ceiling_m] for room in plan.rooms])

    def in_sight(
        self, eye_m: Float64[np.ndarray, "3"], among: Int64[np.ndarray, " n"]
    ) -> Int64[np.ndarray, " m"]:
        """Those of the targets that nothing hides from the eye, whichever way it looks."""
        offset = self.points_m.take(among, axis=0) - eye_m.astype(np.float32)
        distance = np.sqrt(np.einsum("nc,nc->n", offset, offset))
        near = (distance > NEAR_M) & (distance < FAR_M * 1.2)
        among, offset, distance = among[near], offset[near], distance[near]
        facing = -np.einsum("nc,nc->n", offset, self._normals.take(among, axis=0))
        fit = self._is_air[among] | (facing > MIN_COSINE * distance)
        among, offset = among[fit], offset[fit]
        rays = np.empty((len(among), 6), np.float32)
        rays[:, :3], rays[:, 3:] = eye_m, offset
        tensor = open3d().core.Tensor.from_numpy(rays)
        hidden = self._scene.test_occlusions(tensor, 0.0, 0.995).numpy()
        return np.asarray(among[~hidden])

    def in_view(
        self,
        eye_m: Float64[np.ndarray, "3"],
        rotation: Float64[np.ndarray, "3 3"],
        candidates: Int64[np.ndarray, " n"],
    ) -> Bool[np.ndarray, " n"]:
        """Which of the candidates fall into the image of a camera so turned."""
        offset = self.points_m[candidates] - eye_m.astype(np.float32)
        x, y, z = (offset @ rotation.astype(np.float32)).T
        inside = (np.abs(x) < self._half_x * z) & (np.abs(y) < self._half_y * z)
        return np.asarray(inside & (z > NEAR_M) & (z < FAR_M))

    def mark(self, poses: Float64[np.ndarray, "n 4 4"], every: int = 3) -> None:
        """Counts what these cameras see as seen."""
        for pose in (*poses[::every], *poses[-1:]):
            unseen = self.unseen_near(pose[:3, 3])
            unseen = unseen[self.in_view(pose[:3, 3], pose[:3, :3], unseen)]
            self.seen[self.in_sight(pose[:3, 3], unseen)] = True

    def unseen_near(self, eye_m: Float64[np.ndarray, "3"]) -> Int64[np.ndarray, " n"]:
        """Unseen targets of the rooms within reach of the eye."""
        near = self._room_distance(eye_m) < FAR_M * 1.2
        return np.asarray(np.flatnonzero(near[self.room] & ~self.seen))

    def _room_distance(self, eye_m: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, " rooms"]:
        outside = np.maximum(self._room_lower - eye_m, eye_m - self._room_upper)
        return np.asarray(np.linalg.norm(np.maximum(outside, 0), axis=1))


class Scout:
    """Finds where to look next in one room: most new targets for the time it takes."""

    def __init__(self, targets: Targets, room: int, eyes_m: list[Float64[np.ndarray, "3"]]) -> None:
        self._targets, self._eyes = targets, eyes_m
        self._wanted = np.flatnonzero((targets.room == room) & ~targets.seen)
        self._total = int(np.count_nonzero(targets.room == room))
        self._views, self._shown = _all_views(targets, self._wanted, eyes_m)
        self._possible = self._shown.any(axis=0) if len(self._wanted) else np.zeros(0, bool)

    def next_view(
        self, eye_m: Float64[np.ndarray, "3"], yaw_rad: float, pitch_rad: float
    ) -> View | None:
        """The best view to go on with, or None once the room is known well enough."""
        missing = self._possible & ~self._targets.seen[self._wanted]
        if np.count_nonzero(missing) < LEFT_OVER * self._total:
            return None
        gains = self._shown @ missing.astype(np.float32)
        gains[gains < LEAST_GAIN * self._total] = 0
        score = gains / (SETTLE_S + self._seconds(eye_m, yaw_rad, pitch_rad))
        best = int(np.argmax(score))
        if score[best] <= 0:
            return None
        self._shown[best] = 0  # what a view did not show the first time it never will
        return self._views[best]

    def _seconds(
        self, eye_m: Float64[np.ndarray, "3"], yaw_rad: float, pitch_rad: float
    ) -> Float64[np.ndarray, " views"]:
        """About how long it takes to get to each view."""
        yaws = np.array([view.yaw_rad for view in self._views])
        pitches = np.array([view.pitch_rad for view in self._views])
        turn = np.abs((yaws - yaw_rad + np.pi) % (2 * np.pi) - np.pi) / YAW_RATE
        turn = np.maximum(turn, np.abs(pitches - pitch_rad) / PITCH_RATE)
        away = np.array([float(np.linalg.norm(eye - eye_m)) for eye in self._eyes])
        walk = away[[view.standpoint for view in self._views]] * WALK_S_PER_M
        return np.asarray(np.where(walk > 0.1, walk + turn / 2, turn))


def _all_views(
    targets: Targets, wanted: Int64[np.ndarray, " n"], eyes_m: list[Float64[np.ndarray, "3"]]
) -> tuple[list[View], Float32[np.ndarray, "views n"]]:
    """Every view from every standpoint, and which of the wanted targets each shows."""
    number = np.full(len(targets.seen), -1, np.int64)
    number[wanted] = np.arange(len(wanted))
    views: list[View] = []
    rows: list[np.ndarray] = []
    for standpoint, eye in enumerate(eyes_m):
        near = targets.in_sight(eye, wanted)
        for pitch in PITCHES:
            for yaw in YAWS:
                row = np.zeros(len(wanted), np.float32)
                hit = targets.in_view(eye, camera_rotation(float(yaw), float(pitch)), near)
                row[number[near[hit]]] = 1
                views.append(View(standpoint, float(yaw), float(pitch)))
                rows.append(row)
    return views, np.array(rows, np.float32).reshape(len(views), len(wanted))


def camera_rotation(
    yaw_rad: float, pitch_rad: float, roll_rad: float = 0.0
) -> Float64[np.ndarray, "3 3"]:
    """OpenCV camera axes in the world: looks along ``yaw`` from x, ``pitch`` upwards."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    forward = np.array([math.cos(pitch_rad) * cos, math.cos(pitch_rad) * sin, math.sin(pitch_rad)])
    level = np.array([sin, -cos, 0.0])
    right = math.cos(roll_rad) * level + math.sin(roll_rad) * np.cross(forward, level)
    return np.stack([right, np.cross(forward, right), forward], axis=1)


def room_of_points(plan: Plan, points_m: Float32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
    """The nearest room of each point."""
    distances = np.stack([_distance_to(room, points_m) for room in plan.rooms])
    return np.asarray(np.argmin(distances, axis=0))


def _distance_to(room: Room, points_m: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, " n"]:
    lower = np.array([*room.lower_m, room.floor_m], np.float32)
    upper = np.array([*room.upper_m, room.ceiling_m], np.float32)
    outside = np.maximum(np.maximum(lower - points_m, points_m - upper), 0)
    return np.asarray(outside.max(axis=1))


def _surface_samples(
    rng: np.random.Generator, surface: Surface
) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n 3"]]:
    """Points spread evenly over the surface by area, with their triangles' normals."""
    corners = surface.vertices_m[surface.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1) / 2
    counts = np.floor(area / SAMPLE_AREA_M2 + rng.random(len(area))).astype(int)
    chosen = np.repeat(np.arange(len(area)), counts)
    b, c = rng.random((2, len(chosen), 1))
    beyond = b + c > 1
    b, c = np.where(beyond, 1 - b, b), np.where(beyond, 1 - c, c)
    base = corners[chosen, 0]
    points = base + b * (corners[chosen, 1] - base) + c * (corners[chosen, 2] - base)
    return points, cross[chosen] / (2 * area[chosen, None])


def _air_samples(plan: Plan) -> Float64[np.ndarray, "n 3"]:
    """A coarse grid through the air of all rooms; what lies in furniture is never in sight."""
    samples = []
    for room in plan.rooms:
        lower = np.array([*room.lower_m, room.floor_m]) + 0.15
        upper = np.array([*room.upper_m, room.ceiling_m]) - 0.05
        axes = [np.arange(a, b, AIR_SPACING_M) for a, b in zip(lower, upper, strict=True)]
        samples.append(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
    return np.concatenate(samples)
