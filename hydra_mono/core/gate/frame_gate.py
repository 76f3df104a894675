"""Where data enters: each frame is judged once, and told in the map's own time and place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.config import DataConfig
from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame
from hydra_mono.core.gate.checks import check_depth, check_pose, check_sizes
from hydra_mono.core.gate.clock import ClockRule, MapClock
from hydra_mono.core.gate.motion import MotionCheck, MotionRule
from hydra_mono.core.gate.views import small_view

Origin = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """Where a map may lie; it is kept in single precision and in cells that are numbered."""

    max_coordinate_m: float = 1e8  # above any geocentric position on Earth (6.4e6 m)
    far_m: float = 1000.0  # single precision keeps 0.1 mm up to here
    rounding_m: float = 100.0  # a whole number of voxels, blocks and places of round sizes
    max_range_m: float = 5000.0  # cells of the map are numbered up to 6.5 km


class FrameGate:
    """Lets usable frames pass, in order, with stamps and poses of the map.

    The map's stamps increase strictly (``MapClock``). Its origin is the world's, or where the
    first camera is more than a kilometre from that, the first camera's position rounded to
    100 m: ``origin_m`` is added to positions of the map to get the world's.
    ``min_valid_depth`` is the least share of pixels with a measurement; depth is judged
    where ``needs_depth``.
    """

    def __init__(
        self,
        *,
        needs_depth: bool = True,
        min_valid_depth: float = 0.01,
        motion: MotionRule | None = None,
        clock: ClockRule | None = None,
        place: PlaceRule | None = None,
    ) -> None:
        self._needs_depth = needs_depth
        self._min_valid_depth = min_valid_depth
        self._clock = MapClock(clock)
        self._motion = MotionCheck(motion)
        self._place = place or PlaceRule()
        self._origin_m: Float64[np.ndarray, "3"] | None = None

    @property
    def origin_m(self) -> Origin:
        """The map's origin in the source's (z-up) world, metres."""
        x, y, z = (0.0, 0.0, 0.0) if self._origin_m is None else self._origin_m.tolist()
        return x, y, z

    def resume(self, origin_m: Origin, last_stamp_ns: int | None) -> None:
        """The map is there already, with its origin, and its last stamp is this."""
        self._origin_m = np.array(origin_m)
        if last_stamp_ns is not None:
            self._clock.resume(last_stamp_ns)

    @property
    def stamp_offset_ns(self) -> int:
        """What is added to the source's stamps now."""
        return self._clock.offset_ns

    def check(self, frame: Frame) -> Frame:
        """The frame in the map's time and place.

        Raises:
            BadFrameError: ``nan-pose``, ``bad-pose``, ``far-pose``, ``wrong-size``,
                ``empty-depth``, ``saturated-depth``, ``bad-stamp``, ``stamp-order``,
                ``stamp-leap`` or ``pose-jump``.
        """
        check_pose(frame)
        check_sizes(frame)
        if self._needs_depth and frame.depth_m is not None:
            check_depth(frame, frame.depth_m, self._min_valid_depth)
        origin_m = self._origin_of(frame)
        tick = self._clock.read(frame.name, int(frame.stamp_ns))
        pose = frame.world_from_camera.copy()
        pose[:3, 3] -= origin_m
        local = replace(frame, stamp_ns=tick.stamp_ns, world_from_camera=pose)
        self._motion.check(frame.name, tick.stamp_ns, tick.coarseness_s, small_view(local))
        self._clock.accept(tick)
        self._origin_m = origin_m
        return local

    def _origin_of(self, frame: Frame) -> Float64[np.ndarray, "3"]:
        place, position_m = self._place, frame.camera_position_m
        farthest_m = float(np.abs(position_m).max())
        if farthest_m > place.max_coordinate_m:
            detail = f"a coordinate of {farthest_m:.1e} m is beyond {place.max_coordinate_m:.0e} m"
            raise BadFrameError(frame.name, "far-pose", detail)
        if self._origin_m is None:
            is_far = farthest_m > place.far_m
            return np.round(position_m / place.rounding_m) * place.rounding_m * is_far
        range_m = float(np.linalg.norm(position_m - self._origin_m))
        if range_m > place.max_range_m:
            detail = f"{range_m:.0f} m from the map's origin; maps reach {place.max_range_m:.0f} m"
            raise BadFrameError(frame.name, "far-pose", detail)
        return self._origin_m


def create_gate(config: DataConfig, *, needs_depth: bool = True) -> FrameGate:
    """The gate that the settings describe; depth is judged where the predictor needs it."""
    return FrameGate(
        needs_depth=needs_depth,
        min_valid_depth=config.min_valid_depth,
        motion=MotionRule(max_speed_mps=config.max_speed),
    )


_MENDS = {
    "pose-jump": "where the camera is so fast, --set data.max_speed=… (m/s)",
    "empty-depth": "where so little depth is right, --set data.min_valid_depth=…; "
    "a predictor that needs no depth is --predictor m2h",
    "saturated-depth": "is the unit of depth right? --depth-scale …",
    "wrong-size": "images and the camera's calibration must have one size",
    "far-pose": "are poses in metres? where only the first frame lies far off, --start 1",
    "nan-pose": "the tracking has no pose there",
    "bad-pose": "poses must be rotations and translations",
    "stamp-order": "stamps must increase",
    "stamp-leap": "stamps must increase steadily",
    "bad-prediction": "is the predictor's output as docs say?",
    "predictor-error": "the predictor failed",
}


def rejection_line(used: int, reasons: Mapping[str, int], share: float = 0.1) -> str | None:
    """One line where more than ``share`` of the frames were rejected: why, and what mends it."""
    rejected = sum(reasons.values())
    if rejected <= share * (used + rejected):
        return None
    counts = sorted(reasons.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{count} {reason}" for reason, count in counts)
    mend = _MENDS.get(counts[0][0])
    line = f"{rejected} of {used + rejected} frames were rejected ({listed})"
    return f"{line}; {mend}" if mend else line
