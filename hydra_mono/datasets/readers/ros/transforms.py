"""Poses of a camera in a bag: the tree of tf, odometry and stamped poses."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.files.trajectory import Trajectory, poses_of
from hydra_mono.core.geometry import inverse, pose_from_quat_xyzw
from hydra_mono.datasets.readers.tum_lists import interpolated_pose

Pose = Float64[np.ndarray, "4 4"]

# of a camera that looks along x, in the optical axes of its images (REP 103)
OPTICAL_FROM_BODY = np.eye(4)
OPTICAL_FROM_BODY[:3, :3] = [[0, -1, 0], [0, 0, -1], [1, 0, 0]]
# uHumans2 launches its static transforms, so that the bags lack them
UHUMANS2 = {
    "left_cam": (
        "base_link_gt",
        pose_from_quat_xyzw(np.array([0.0, 0.05, 0.0]), np.array([0.5, -0.5, 0.5, -0.5])),
    )
}
_DEEPEST = 50  # links from a camera to the root of the tree


class TransformTree:
    """``parent_from_child`` of every link, static or by stamp."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], list[tuple[int, tuple[float, ...]]]] = defaultdict(list)
        self._static: dict[str, tuple[str, Pose]] = {}
        self._links: dict[str, tuple[str, Trajectory]] = {}

    def add(self, transforms: Iterable[Any], is_static: bool) -> None:
        """Adds ``geometry_msgs/TransformStamped`` messages."""
        for stamped in transforms:
            parent, child = frame_id(stamped.header.frame_id), frame_id(stamped.child_frame_id)
            t, q = stamped.transform.translation, stamped.transform.rotation
            self.add_row(
                parent,
                child,
                stamp_ns(stamped.header),
                (t.x, t.y, t.z, q.x, q.y, q.z, q.w),
                is_static,
            )

    def add_row(
        self, parent: str, child: str, at_ns: int, row: tuple[float, ...], is_static: bool = False
    ) -> None:
        """Adds a link at a stamp: position and quaternion, scalar last."""
        if not is_static:
            self._rows[(parent, child)].append((at_ns, row))
        elif child not in self._static:
            self._static[child] = parent, poses_of(np.array([row], np.float64))[0]

    def finish(self) -> None:
        """To be called when all is added."""
        for child, link in UHUMANS2.items():
            if link[0] in {name for pair in self._rows for name in pair}:
                self._static.setdefault(child, link)
        for (parent, child), rows in sorted(self._rows.items(), key=lambda item: len(item[1])):
            rows.sort(key=lambda row: row[0])
            stamps = np.array([row[0] for row in rows], np.int64)
            first = np.concatenate([[True], np.diff(stamps) > 0])
            values = np.array([row[1] for row in rows], np.float64)
            self._links[child] = parent, Trajectory(stamps[first], poses_of(values[first]))

    def knows(self, frame: str) -> bool:
        return frame in self._static or frame in self._links

    def root_of(self, frame: str) -> str:
        """The frame at the top of the one's branch; itself where it has no parent."""
        for _ in range(_DEEPEST):
            if not self.knows(frame):
                break
            frame = (self._links.get(frame) or self._static[frame])[0]
        return frame

    def is_moving(self, frame: str) -> bool:
        """Whether a link between a frame and its root changes with time."""
        for _ in range(_DEEPEST):
            if frame in self._links:
                return True
            if frame not in self._static:
                break
            frame = self._static[frame][0]
        return False

    def root_from(self, frame: str, at_ns: int, name: str) -> Pose:
        """The pose of a frame in its root at a stamp.

        Raises:
            BadFrameError: ``no-pose``, a link is not known then.
        """
        pose = np.eye(4)
        for _ in range(_DEEPEST):
            if frame in self._links:
                frame, trajectory = self._links[frame]
                pose = _at(trajectory, at_ns, name) @ pose
            elif frame in self._static:
                frame, link = self._static[frame]
                pose = link @ pose
            else:
                return pose
        raise BadFrameError(name, "no-pose", f"the transforms of {frame} are a ring")

    def static_between(self, frame: str, other: str) -> Pose | None:
        """``frame_from_other``, where static links alone join them; None where they do not."""
        ups = self._static_branch(frame)
        for at, pose in self._static_branch(other).items():
            if at in ups:
                return np.asarray(inverse(ups[at]) @ pose)
        return None

    def _static_branch(self, frame: str) -> dict[str, Pose]:
        """The pose of a frame in itself and in those above it that static links reach."""
        found, pose = {frame: np.eye(4)}, np.eye(4)
        while frame in self._static and len(found) < _DEEPEST:
            frame, link = self._static[frame]
            pose = link @ pose
            found[frame] = pose
        return found


def _at(trajectory: Trajectory, at_ns: int, name: str) -> Pose:
    if len(trajectory) == 1:
        return np.asarray(trajectory.world_from_camera[0])
    return interpolated_pose(trajectory, at_ns, name)


def frame_id(text: str) -> str:
    """ROS 1 writes a slash before frames at times."""
    return text.lstrip("/")


def stamp_ns(header: Any) -> int:
    return int(header.stamp.sec) * 10**9 + int(header.stamp.nanosec)


def row_of_pose(message: Any) -> tuple[float, ...]:
    """Position and quaternion of Odometry, PoseStamped (with covariance) or TransformStamped."""
    held = getattr(message, "pose", None)
    held = getattr(held, "pose", held)
    if held is not None:
        t, q = held.position, held.orientation
    else:
        t, q = message.transform.translation, message.transform.rotation
    return t.x, t.y, t.z, q.x, q.y, q.z, q.w
