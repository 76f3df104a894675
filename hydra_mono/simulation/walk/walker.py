"""Someone who walks with a camera, frame by frame, eyes on what is still unseen."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hydra_mono.simulation.walk.gaze import PITCH_RATE, YAW_RATE, Targets, camera_rotation
from hydra_mono.simulation.walk.routes import Routes

EYE_M = 1.5
WALK_PITCH = math.radians(-12)
GLANCE_S = 0.7  # how often a walker picks something new to look at
GLANCE_TARGETS = 25  # fewer unseen targets than these are not worth a quick_validation
GLANCE_TURN = math.radians(125)  # at most, from the path ahead


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the camera goes: metres and radians from frame to frame."""

    step_m: float
    turn_rad: float
    nod_rad: float
    fps: float


def make_pace(speed_m_s: float, fps: float) -> Pace:
    return Pace(speed_m_s / fps, YAW_RATE / fps, PITCH_RATE / fps, fps)


class Walker:
    """Grows a walk frame by frame: eye, yaw and pitch."""

    def __init__(self, routes: Routes, pace: Pace, start_m: Float64[np.ndarray, "3"]) -> None:
        self._routes, self._pace = routes, pace
        self._at, self._yaw, self._pitch = start_m, 0.0, WALK_PITCH
        self._frames: list[tuple[float, float, float, float, float]] = []

    @property
    def feet_m(self) -> Float64[np.ndarray, "3"]:
        return self._at

    @property
    def eye_m(self) -> Float64[np.ndarray, "3"]:
        return eye_over(self._at)

    @property
    def yaw_rad(self) -> float:
        return self._yaw

    @property
    def pitch_rad(self) -> float:
        return self._pitch

    @property
    def frames(self) -> Float64[np.ndarray, "n 5"]:
        """The feet's x, y and z, yaw (not wrapped) and pitch of every frame so far."""
        return np.array(self._frames).reshape(-1, 5)

    def __len__(self) -> int:
        return len(self._frames)

    def look(self, targets: Targets, yaw_rad: float, pitch_rad: float) -> None:
        """Turns on the spot until the gaze is reached."""
        first, arrived = len(self), False
        while not arrived:
            arrived = self._turn(yaw_rad, pitch_rad)
            self._record()
        targets.mark(level_poses(self.frames[first:]))

    def walk_to(self, targets: Targets, goal_m: Float64[np.ndarray, "3"]) -> None:
        """Goes there, glancing at what is unseen on either side and otherwise looking ahead."""
        path = self._routes.path(self._at, goal_m, self._pace.step_m)
        headings = _headings(path)
        stretch = max(round(GLANCE_S * self._pace.fps), 1)
        for start in range(0, len(path), stretch):
            first, end = len(self), min(start + stretch, len(path))
            gaze = self._glance(targets, path[end - 1], float(headings[end - 1]))
            for i in range(start, end):
                self._at = path[i]
                self._turn(*gaze)
                self._record()
            targets.mark(level_poses(self.frames[first:]))

    def _glance(
        self, targets: Targets, at_m: Float64[np.ndarray, "3"], heading_rad: float
    ) -> tuple[float, float]:
        """Yaw and pitch, within reach, that show most of what is unseen from there."""
        eye = eye_over(at_m)
        unseen = targets.in_sight(eye, targets.unseen_near(eye))
        reach = self._pace.turn_rad * self._pace.fps * GLANCE_S
        best, most = (heading_rad, WALK_PITCH), GLANCE_TARGETS
        for turn in (0.0, -reach, reach, -reach / 2, reach / 2):
            yaw = self._yaw + turn
            if abs(_wrapped(yaw - heading_rad)) > GLANCE_TURN:
                continue
            for pitch in (WALK_PITCH, math.radians(-32), math.radians(10)):
                shown = targets.in_view(eye, camera_rotation(yaw, pitch), unseen)
                count = int(np.count_nonzero(shown))
                if count > most:
                    best, most = (yaw, pitch), count
        return best

    def _turn(self, yaw_rad: float, pitch_rad: float) -> bool:
        """One frame's worth of turning; True once there."""
        turn, nod = _wrapped(yaw_rad - self._yaw), pitch_rad - self._pitch
        self._yaw += float(np.clip(turn, -self._pace.turn_rad, self._pace.turn_rad))
        self._pitch += float(np.clip(nod, -self._pace.nod_rad, self._pace.nod_rad))
        return bool(abs(turn) <= self._pace.turn_rad and abs(nod) <= self._pace.nod_rad)

    def _record(self) -> None:
        x, y, z = self._at.tolist()
        self._frames.append((x, y, z, self._yaw, self._pitch))


def _wrapped(angle_rad: float) -> float:
    return (angle_rad + math.pi) % (2 * math.pi) - math.pi


def eye_over(feet_m: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3"]:
    return np.array([feet_m[0], feet_m[1], feet_m[2] + EYE_M])


def _headings(path: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, " n"]:
    """Where the path leads half a metre on."""
    ahead = path[np.minimum(np.arange(len(path)) + 7, len(path) - 1)] - path
    ahead[np.linalg.norm(ahead[:, :2], axis=1) < 1e-6] = path[-1] - path[max(len(path) - 8, 0)]
    return np.asarray(np.arctan2(ahead[:, 1], ahead[:, 0]))


def level_poses(frames: Float64[np.ndarray, "n 5"]) -> Float64[np.ndarray, "n 4 4"]:
    poses = np.tile(np.eye(4), (len(frames), 1, 1))
    for pose, (x, y, z, yaw, pitch) in zip(poses, frames, strict=True):
        pose[:3, :3] = camera_rotation(yaw, pitch)
        pose[:3, 3] = (x, y, z + EYE_M)
    return poses
