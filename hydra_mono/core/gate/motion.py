"""Does a pose go on from those before it, or did the tracking jump?"""

import logging
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.gate.views import View, agreement, likeness
from hydra_mono.core.geometry import rotation_angle_rad

logger = logging.getLogger(__name__)

Pose = Float64[np.ndarray, "4 4"]


@dataclass(frozen=True, slots=True)
class MotionRule:
    """How fast a camera can be, and what decides whether a jump of the pose is believed."""

    max_speed_mps: float = 5.0  # somebody who runs; set by data.max_speed
    slack_m: float = 0.4  # noise of poses and stamps; a step sideways between two video frames
    max_turn_rps: float = math.radians(360.0)  # shaken by hand; fr1/rpy reaches 150° a second
    slack_rad: float = math.radians(30.0)  # half a view, which frames of slow recorders differ by
    same_view: float = 0.75  # correlation; video frames have 0.78 and more, other views less
    same_depth: float = 0.9  # share of equal depth, where images show no texture
    agreeing: int = 2  # frames that agree with one another end a loss
    agreeing_against_view: int = 5  # frames that fit the map outweigh an image that went on
    established: int = 10  # frames after which the first poses outweigh the later ones
    fits: float = 0.7  # share of points on mapped surfaces; same scenes have 0.8
    floats: float = 0.25  # share of points in space seen empty; same scenes have below 0.1
    in_sight: float = 0.15  # share of points that a keyframe must see to have a say
    keyframe_m: float = 0.5  # apart, about a quarter of what a room camera sees across
    keyframe_rad: float = math.radians(25.0)  # apart, half a view
    keyframes: int = 400  # 5 MB; a walk of 200 m
    nearest: int = 24  # keyframes that are compared, which takes about 10 ms


@dataclass(frozen=True, slots=True)
class _Seen:
    """A frame whose pose could be read, used or not."""

    stamp_s: float
    still_since_s: float  # stamp of the first frame of a run with this very pose
    view: View


@dataclass(slots=True)
class _Segment:
    """Frames in a row whose poses agree with one another but not with the accepted ones."""

    view_went_on: bool
    frames: int = 1
    fitting: int = 0  # of the last ones in a row that fit the map


class MotionCheck:
    """Follows the poses, and rejects those that the camera cannot have got to.

    Limits are a speed and a turn rate times the time passed, plus slack. Poses that jump are
    rejected until they agree with accepted ones again, which ends a loss at once. Poses that
    jump and stay away are believed when two in a row agree, with these exceptions: where
    the image went on although the pose jumped, the poses are in a wrong place, and following
    them would map everything twice; and where depth shows their surfaces in space seen empty.
    Such frames are rejected until five in a row fit the map. Where the accepted poses are but a
    few, a longer run of other poses outweighs them.
    """

    def __init__(self, rule: MotionRule | None = None) -> None:
        self._rule = rule or MotionRule()
        self._accepted: _Seen | None = None
        self._seen: _Seen | None = None
        self._pending: _Segment | None = None
        self._accepted_count = 0
        self._keyframes: list[View] = []
        self._has_warned = False

    def check(self, frame_name: str, stamp_ns: int, coarseness_s: float, view: View) -> None:
        """Returns when the pose is believed.

        Raises:
            BadFrameError: ``pose-jump``.
        """
        now = self._observe(stamp_ns / 1e9, view)
        before, self._seen = self._seen, now
        if before is None or self._is_believed(before, now, coarseness_s):
            self._accept(now)
            return
        assert self._accepted is not None
        jump_m, turn_rad = _motion(self._accepted.view, view)
        detail = f"{jump_m:.2f} m and {math.degrees(turn_rad):.0f}° from the last frame"
        if self._pending is not None and self._pending.view_went_on and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "%s: the pose jumps (%s) while the image goes on; such frames are left out until "
                "poses fit the map again (--set data.max_speed=… where the camera is so fast)",
                frame_name,
                detail,
            )
        raise BadFrameError(frame_name, "pose-jump", detail)

    def _observe(self, stamp_s: float, view: View) -> _Seen:
        last = self._seen
        is_still = last is not None and bool(
            np.array_equal(last.view.world_from_camera, view.world_from_camera)
        )
        since_s = last.still_since_s if last is not None and is_still else stamp_s
        return _Seen(stamp_s, since_s, view)

    def _is_believed(self, before: _Seen, now: _Seen, coarseness_s: float) -> bool:
        goes_on = self._can_reach(before, now, coarseness_s)
        if self._pending is None and goes_on:
            return True
        if goes_on and self._pending is not None:
            self._pending.frames += 1
        elif self._returns(now, coarseness_s):
            return True
        else:
            self._pending = _Segment(self._view_went_on(before.view, now.view))
        return self._outweighs(now.view)

    def _can_reach(self, before: _Seen, now: _Seen, coarseness_s: float) -> bool:
        """Whether a camera gets from one pose to another in the time that passed.

        A tracker that lost track often repeats its last pose, so time counts from the first
        frame with that pose.
        """
        time_s = max(now.stamp_s - before.still_since_s, coarseness_s)
        jump_m, turn_rad = _motion(before.view, now.view)
        rule = self._rule
        is_near = jump_m <= rule.slack_m + rule.max_speed_mps * time_s
        return is_near and turn_rad <= rule.slack_rad + rule.max_turn_rps * time_s

    def _returns(self, now: _Seen, coarseness_s: float) -> bool:
        """Whether a loss ended: the pose is within reach of the last accepted one."""
        if self._pending is None or self._accepted is None:
            return False
        _, floating = self._geometry(now.view)
        is_possible = floating < self._rule.floats
        return is_possible and self._can_reach(self._accepted, now, coarseness_s)

    def _view_went_on(self, before: View, now: View) -> bool:
        """Whether two frames show the same, so that the camera cannot have jumped between them."""
        if self._pending is not None:
            return self._pending.view_went_on
        alike = likeness(before, now)
        if alike:
            return alike >= self._rule.same_view
        stay = View(now.grey, now.depth_m, now.intrinsics, before.world_from_camera)
        return agreement(stay, before).fitting >= self._rule.same_depth

    def _outweighs(self, view: View) -> bool:
        """Whether poses that stay away from the accepted ones are believed now."""
        pending, rule = self._pending, self._rule
        assert pending is not None
        fitting, floating = self._geometry(view)
        fits = fitting >= rule.fits and floating < rule.floats
        pending.fitting = pending.fitting + 1 if fits else 0
        if pending.fitting >= rule.agreeing_against_view:
            return True
        if self._accepted_count < rule.established:
            return pending.frames > self._accepted_count
        can_be = not pending.view_went_on and floating < rule.floats
        return can_be and pending.frames >= rule.agreeing

    def _geometry(self, view: View) -> tuple[float, float]:
        """Shares of the view's points that fit the keyframes near by, and that float."""
        position_m = view.world_from_camera[:3, 3]
        near = sorted(
            self._keyframes,
            key=lambda kept: float(np.linalg.norm(kept.world_from_camera[:3, 3] - position_m)),
        )
        found = [agreement(view, kept) for kept in near[: self._rule.nearest]]
        found = [each for each in found if each.in_sight >= self._rule.in_sight]
        if not found:
            return 0.0, 0.0
        weights = [each.in_sight for each in found]
        fitting = np.average([each.fitting for each in found], weights=weights)
        return float(fitting), float(np.average([e.floating for e in found], weights=weights))

    def _accept(self, now: _Seen) -> None:
        self._accepted, self._pending = now, None
        self._accepted_count += 1
        if now.view.depth_m is None:
            return
        if self._keyframes:
            jump_m, turn_rad = _motion(self._keyframes[-1], now.view)
            if jump_m < self._rule.keyframe_m and turn_rad < self._rule.keyframe_rad:
                return
        self._keyframes.append(now.view)
        del self._keyframes[: -self._rule.keyframes]


def _motion(a: View, b: View) -> tuple[float, float]:
    """Metres and radians between two poses."""
    before, now = a.world_from_camera, b.world_from_camera
    jump_m = float(np.linalg.norm(now[:3, 3] - before[:3, 3]))
    return jump_m, rotation_angle_rad(before[:3, :3].T @ now[:3, :3])
