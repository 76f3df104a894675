"""Depth against the looks of the last seconds: where something is gone, or stands in between.

Two looks at one world contradict each other only where something moved: surface that one saw and
the other looks through is gone, surface of which the other saw what lies behind is new. Free space
has to be seen for a while before it is believed; this tells of bodies that fill space of which
nothing is known yet, such as somebody who turns where he has stood from the start. Visibility
against earlier looks is that of Kim and Kim, *Remove, then Revert*, IROS 2020; here online.
"""

from collections import deque
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64
from scipy import ndimage

from hydra_mono.core.frame import Frame
from hydra_mono.core.map import voxel_keys
from hydra_mono.core.map.state import State, joined, parted
from hydra_mono.core.map.voxel_keys import pack
from hydra_mono.mapping.motion.scene import Scene, rows_at
from hydra_mono.mapping.motion.voxel_history import distinct, with_neighbours


@dataclass(frozen=True, slots=True)
class LooksRule:
    """How looks are compared."""

    pause_ns: int = 150_000_000  # between comparisons, which cost milliseconds
    separation_ns: int = 250_000_000  # between looks: somebody who turns moves a few centimetres
    count: int = 6  # looks remembered: nearly two seconds, in which a body turns by half
    horizon_ns: int = 5_000_000_000  # older looks are of another world, after a pause
    ages: tuple[int, ...] = (-1, -2, -5)  # compared; slow things show in the last
    sample_px: int = 2  # every other pixel is looked at when depth is pooled
    margin_m: float = 0.045  # depth by which looks have to differ: poses err by 2 cm
    margin_per_m: float = 0.02  # and more with depth: depth cameras are off by 1 or 2 per cent
    sigmas: float = 3.0  # deviations of both depths on top
    near_m: float = 0.15  # from surface that is gone to what may have moved away from there
    wide_cells: int = 2  # of new surface: contours seen anew are narrower
    alone_cells: int = 5  # wide, where one look is enough: poses do not err by 10 cm at 1.5 m
    most_share: float = 0.4  # of what can be compared; more contradicts the pose, not the world
    agree: int = 2  # looks that have to contradict, for poses err; one from the same pose is enough
    still_m: float = 0.01  # between poses that are the same: their error is less than a cell, and
    still_turn: float = 0.02  # of their rotations' difference (Frobenius): 0.8 degrees
    stirs: int = 6  # comparisons, of which what moves before a still camera is taken together
    again_ns: int = 600_000_000  # in which motion has to be seen twice at one place: poses jitter


@dataclass(frozen=True, slots=True)
class Look:
    """One frame at the detector's stride.

    ``projection``: fx, fy, cx, cy in cells, so that the floor is a cell. ``nearest_m``: least depth
    within one cell of each, less its deviation, 0 where unknown.
    ``points_m``: static surface then, world metres, with ``sigma_m`` of its depth.
    """

    stamp_ns: int
    world_from_camera: Float64[np.ndarray, "4 4"]
    projection: Float64[np.ndarray, "4"]
    nearest_m: Float32[np.ndarray, "h w"]
    points_m: Float32[np.ndarray, "n 3"]
    sigma_m: Float32[np.ndarray, " n"]


@dataclass(frozen=True, slots=True)
class Trace:
    """Where something was at a stamp: points of surface that is gone now, world metres."""

    stamp_ns: int
    points_m: Float32[np.ndarray, "n 3"]


class Looks:
    """The looks of the last seconds, and what a new one contradicts in them."""

    def __init__(self, rule: LooksRule | None = None) -> None:
        self._rule = rule or LooksRule()
        self._looks: deque[Look] = deque(maxlen=self._rule.count)
        self._now: Look | None = None  # of the frame in hand, when it is compared at all
        self._compared_ns: int | None = None
        self._before = np.zeros(0, np.int64)  # packed voxels where motion was seen last
        self._before_ns = 0
        self._stirred: list[Int64[np.ndarray, " n"]] = []  # of the last comparisons
        self._traces: list[Trace] = []

    @property
    def traces(self) -> list[Trace]:
        """What the last comparison found to be gone, oldest first."""
        return self._traces

    def contradicted(
        self, frame: Frame, depth_m: Float32[np.ndarray, "a b"], scene: Scene
    ) -> Bool[np.ndarray, "h w"]:
        """Pixels of the scene that show what moved: new surface, or just left its place.

        ``depth_m`` is that of the whole image.
        """
        none = np.zeros(scene.valid.shape, bool)
        last, self._now = self._compared_ns, None
        if last is not None and 0 <= frame.stamp_ns - last < self._rule.pause_ns:
            return none
        self._compared_ns, self._traces = frame.stamp_ns, []
        now = self._now = self._view(frame, depth_m, scene)
        votes, is_still = np.zeros(none.shape, np.uint8), True
        for then in self._compared(now.stamp_ns):
            same = self._is_same_pose(now, then)
            is_still &= same
            moved, sure = self._moved(now, then, scene)
            votes += np.where(moved if same else sure, self._rule.agree, moved).astype(np.uint8)
        moved = votes >= self._rule.agree
        again = self._again(moved, scene.voxels, frame.stamp_ns)
        return self._lately(again, scene, self._rule.stirs if is_still else 1)

    def remember(self, static: Bool[np.ndarray, "h w"]) -> None:
        """Keeps the frame's look, if the last is old enough; only static surface can be gone."""
        now, last = self._now, self._looks[-1].stamp_ns if self._looks else None
        if now is None or (last is not None and now.stamp_ns - last < self._rule.separation_ns):
            return
        keep = static.ravel()
        self._looks.append(replace(now, points_m=now.points_m[keep], sigma_m=now.sigma_m[keep]))

    def _is_same_pose(self, now: Look, then: Look) -> bool:
        change = now.world_from_camera - then.world_from_camera
        moved_m, turned = np.linalg.norm(change[:3, 3]), np.linalg.norm(change[:3, :3])
        return bool(moved_m < self._rule.still_m and turned < self._rule.still_turn)

    def _view(self, frame: Frame, depth_m: Float32[np.ndarray, "a b"], scene: Scene) -> Look:
        camera, stride = frame.intrinsics, scene.stride_px
        near = pooled_nearest(depth_m, stride, self._rule.sample_px)
        near = np.where(near > 0, near - np.float32(self._rule.sigmas) * scene.sigma_m, 0)
        return Look(
            frame.stamp_ns,
            frame.world_from_camera,
            np.array([camera.fx, camera.fy, camera.cx + 0.5, camera.cy + 0.5]) / stride,
            ndimage.minimum_filter(near.astype(np.float32), 3, mode="constant"),
            scene.points_m.reshape(-1, 3).astype(np.float32),
            scene.sigma_m.reshape(-1).astype(np.float32),
        )

    def _moved(
        self, now: Look, then: Look, scene: Scene
    ) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
        """What contradicts one look, and what of it is too wide for an error of the pose.

        Nothing where the looks as wholes disagree.
        """
        nothing = np.zeros(scene.valid.shape, bool)
        new, tested = self._in_front(then, now.points_m, now.sigma_m, scene.valid.ravel())
        everything = np.ones(len(then.points_m), bool)
        gone, seen = self._in_front(now, then.points_m, then.sigma_m, everything)
        if max(new.sum() / max(tested, 1), gone.sum() / max(seen, 1)) > self._rule.most_share:
            return nothing, nothing
        self._traces.insert(0, Trace(then.stamp_ns, then.points_m[gone]))
        moved = self._left(now, then, gone, scene)
        if new.sum() < self._rule.wide_cells**2:
            return moved, nothing
        wide = _wide(new.reshape(scene.valid.shape), self._rule.wide_cells)
        return moved | wide, _wide(wide, self._rule.alone_cells)

    def _again(
        self, moved: Bool[np.ndarray, "h w"], voxels: Int32[np.ndarray, "h w 3"], stamp_ns: int
    ) -> Int64[np.ndarray, " n"]:
        """Packed voxels that move where, or beside where, motion was seen before this too."""
        here = distinct(rows_at(voxels, moved))
        before, before_ns = self._before, self._before_ns
        self._before, self._before_ns = pack(with_neighbours(here)), stamp_ns
        keys = pack(here)
        is_again = stamp_ns - before_ns <= self._rule.again_ns
        return keys[np.isin(keys, before)] if is_again else keys[:0]

    def _lately(
        self, keys: Int64[np.ndarray, " n"], scene: Scene, comparisons: int
    ) -> Bool[np.ndarray, "h w"]:
        """Pixels in voxels that were seen to move now or shortly before: a turn takes a second."""
        self._stirred = [*self._stirred, keys][-comparisons:]
        stirred = voxel_keys.distinct(np.concatenate(self._stirred))
        if not len(stirred):
            return np.zeros(scene.valid.shape, bool)
        return scene.valid & np.isin(pack(scene.voxels), stirred)

    def _compared(self, stamp_ns: int) -> list[Look]:
        rule, looks = self._rule, self._looks
        chosen = [looks[age] for age in rule.ages if -age <= len(looks)]
        return [look for look in chosen if stamp_ns - look.stamp_ns <= rule.horizon_ns]

    def _in_front(
        self,
        look: Look,
        points_m: Float32[np.ndarray, "n 3"],
        sigma_m: Float32[np.ndarray, " n"],
        valid: Bool[np.ndarray, " n"],
    ) -> tuple[Bool[np.ndarray, " n"], int]:
        """Points through whose place a look saw, and how many it could tell of."""
        _, behind_m, away_m, inside = projected(look, points_m)
        tested = inside & valid & (behind_m > 0)
        margin = (
            self._rule.margin_m + self._rule.margin_per_m * away_m + self._rule.sigmas * sigma_m
        )
        return tested & (behind_m > away_m + margin), int(tested.sum())

    def _left(
        self, now: Look, then: Look, gone: Bool[np.ndarray, " n"], scene: Scene
    ) -> Bool[np.ndarray, "h w"]:
        """Present surface beside surface that is gone, and as deep as that was."""
        if gone.sum() < self._rule.wide_cells**2:
            return np.zeros(scene.valid.shape, bool)
        cell, _, away_m, _ = projected(now, then.points_m[gone])
        was_m = np.zeros(scene.valid.size, np.float32)
        np.maximum.at(was_m, cell, away_m)
        was = was_m.reshape(scene.valid.shape)
        was = np.where(_wide(was > 0, self._rule.wide_cells), was, np.float32(0))
        beside = ndimage.maximum_filter(was, 5)
        apart_m = np.abs(scene.depth_m - beside)
        return np.asarray(scene.valid & (beside > 0) & (apart_m < self._rule.near_m))

    def state(self) -> State:
        """See ``core.map.state``."""
        names = [item.name for item in fields(Look)]
        return {
            "looks": [{n: copied(getattr(look, n)) for n in names} for look in self._looks],
            "compared_ns": self._compared_ns,
            "before": self._before.copy(),
            "before_ns": self._before_ns,
            "stirred": joined(self._stirred, np.zeros(0, np.int64)),
            "traces_ns": [trace.stamp_ns for trace in self._traces],
            "traces": joined([t.points_m for t in self._traces], np.zeros((0, 3), np.float32)),
        }

    def restore(self, state: State) -> None:
        """Becomes what ``state`` was taken of."""
        self._looks = deque((Look(**look) for look in state["looks"]), maxlen=self._rule.count)
        self._compared_ns = state["compared_ns"]
        self._before, self._before_ns = state["before"].copy(), state["before_ns"]
        self._stirred = parted(state["stirred"])
        traces = zip(state["traces_ns"], parted(state["traces"]), strict=True)
        self._traces = [Trace(stamp_ns, points_m) for stamp_ns, points_m in traces]


def projected(
    look: Look, points_m: Float32[np.ndarray, "n 3"]
) -> tuple[
    Int64[np.ndarray, " n"],
    Float32[np.ndarray, " n"],
    Float32[np.ndarray, " n"],
    Bool[np.ndarray, " n"],
]:
    """Cell of the look that each point is seen in, what is nearest round it, the point's depth.

    Last: whether it is in the image at all; the rest is 0 where it is not.
    """
    pose = look.world_from_camera
    camera = (points_m - pose[:3, 3].astype(np.float32)) @ pose[:3, :3].astype(np.float32)
    away_m = camera[:, 2]
    ahead = away_m > 0.1  # m; nearer there is no depth
    inverse = 1 / np.where(ahead, away_m, 1)
    fx, fy, cx, cy = look.projection
    column = np.floor(camera[:, 0] * inverse * fx + cx)
    row = np.floor(camera[:, 1] * inverse * fy + cy)
    height, width = look.nearest_m.shape
    inside = ahead & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    cell = np.where(inside, row * width + column, 0).astype(np.int64)
    return cell, look.nearest_m.take(cell), away_m, inside


def pooled_nearest(
    depth_m: Float32[np.ndarray, "a b"], stride: int, sample_px: int
) -> Float32[np.ndarray, "h w"]:
    """Least depth of every cell of ``stride`` pixels; 0 where less than half of it has depth."""
    height, width = depth_m.shape
    rows, columns = -(-height // stride), -(-width // stride)
    step = max(1, min(sample_px, stride // 2))
    while stride % step:
        step -= 1
    n = stride // step
    whole = np.zeros((rows * n, columns * n), np.float32)
    sampled = depth_m[::step, ::step]
    whole[: sampled.shape[0], : sampled.shape[1]] = sampled
    is_known = whole > 0
    near = _reduced(np.minimum, np.where(is_known, whole, np.float32(np.inf)), n)
    known = _reduced(np.add, is_known.astype(np.uint16), n) * 2 >= n * n
    return np.where(known, near, 0).astype(np.float32)


def _reduced(ufunc: np.ufunc, image: np.ndarray, n: int) -> np.ndarray:
    """A ufunc over cells of n × n pixels: rows first, which is faster than both at once."""
    height, width = image.shape
    rows = ufunc.reduce(image.reshape(height // n, n, width), axis=1)
    return np.asarray(reduce(ufunc, (rows[:, k::n] for k in range(n))))


def _wide(mask: Bool[np.ndarray, "h w"], cells: int) -> Bool[np.ndarray, "h w"]:
    """What is at least so many cells wide in both directions."""
    return np.asarray(ndimage.binary_opening(mask, np.ones((cells, cells), bool)))


def copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
