"""One identity: a constant-velocity Kalman filter, a body's measures, and what it looks like.

Bar-Shalom, Li and Kirubarajan, *Estimation with Applications to Tracking and Navigation*, 2001,
chapters 5 and 6 (discrete white-noise acceleration).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32

from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.mapping.motion.appearance import Appearance
from hydra_mono.mapping.motion.body_boxes import BodyBox, upright_box
from hydra_mono.mapping.motion.detections import Detection
from hydra_mono.mapping.motion.looks import Trace

Sample = tuple[int, Float64[np.ndarray, "6"]]  # stamp, position and velocity


@dataclass(frozen=True, slots=True)
class TrackRule:
    """How bodies move, and how well they are seen."""

    acceleration_m_s2: float = 2.0  # deviation; a walker starts and stops within half a second
    measured_m: float = 0.12  # deviation of a body's middle: half a body's width is seen
    speed_m_s: float = 1.0  # deviation of who is seen first: walking pace
    stop_s: float = 1.0  # out of sight, after which one may as well have stopped, and
    slower: float = 0.9  # is so in every frame
    enlarge: float = 0.2  # share of what a box is larger by that is taken over in a frame, and
    shrink: float = 0.02  # of what it is smaller by: bodies are hidden in part more than they bend
    hidden_share: float = 0.2  # of the height, beyond which a body is seen in part
    squat: float = 0.65  # of the height, to which nobody bends: who sits keeps three quarters
    rise: float = 0.5  # share of what the head is higher by that is taken over in a frame, and
    sink: float = 0.1  # of what it is lower by
    fade: float = 0.2  # share of the looks that a frame makes up
    least_share: float = 0.025  # of a visit's mean looks, that a frame makes up: of 40 frames
    most_visits: int = 4  # whose looks are remembered: from before, from behind, sitting
    settle_m: float = 0.15  # within which one has to have stayed
    start_m: float = 0.3  # round a body, and
    top_speed_m_s: float = 1.5  # times the time since, within which its traces are
    above_m: float = 0.1  # above its feet, where noise of the floor is no trace
    trace_cells: int = 8  # of what is gone, that show where somebody was
    trace_m: float = 0.8  # that they are apart at most: of one body
    most_before: int = 300  # frames remembered of one not yet believed: half a minute


@dataclass(slots=True, eq=False)
class Track:
    """``mean`` and ``covariance`` are of position and velocity.

    ``shape``: voxels of what was last seen to move of him, when his middle was at ``shape_at_m``.
    ``tall_m``: height of the head above the floor, 0 while nobody has seen it. ``visits``: mean
    looks of every time that he was in view, the latest last. ``before``: where somebody was before
    he was believed. ``formerly``: the number given up for his own, until it is told.
    """

    number: int
    mean: Float64[np.ndarray, "6"]
    covariance: Float64[np.ndarray, "6 6"]
    dimensions_m: Float64[np.ndarray, "3"]
    shape: Int32[np.ndarray, "s 3"]
    shape_at_m: Float64[np.ndarray, "3"]
    looks: Appearance
    label: int
    stamp_ns: int
    seen_ns: int
    evident_ns: int
    begin_ns: int
    begin_m: Float64[np.ndarray, "3"]
    anchor_m: Float64[np.ndarray, "3"]
    anchor_ns: int
    tall_m: float = 0.0
    frames: int = 1
    evident: int = 1
    moved_m: float = 0.0
    is_believed: bool = False
    formerly: int | None = None
    visits: list[Appearance] = field(default_factory=list)
    before: list[Sample] = field(default_factory=list)
    voxels: Int32[np.ndarray, "v 3"] = field(default_factory=lambda: np.zeros((0, 3), np.int32))

    def predict(self, stamp_ns: int, rule: TrackRule) -> None:
        """Moves the filter on to a stamp."""
        seconds = max((stamp_ns - self.stamp_ns) * 1e-9, 0.0)
        step = np.eye(6)
        step[:3, 3:] = seconds * np.eye(3)
        gain = np.vstack([0.5 * seconds**2 * np.eye(3), seconds * np.eye(3)])
        noise = rule.acceleration_m_s2**2 * gain @ gain.T
        if (stamp_ns - self.seen_ns) * 1e-9 > rule.stop_s:
            self.mean[3:] *= rule.slower
        self.mean = step @ self.mean
        self.covariance = step @ self.covariance @ step.T + noise
        self.stamp_ns = stamp_ns

    def spread(self, rule: TrackRule) -> Float64[np.ndarray, "3 3"]:
        """Covariance of a measured middle about the expected one."""
        return np.asarray(self.covariance[:3, :3] + rule.measured_m**2 * np.eye(3))

    def correct(self, detection: Detection, box: BodyBox, stamp_ns: int, rule: TrackRule) -> None:
        """Takes over a detection, and its body's box as ``whole_box`` has it."""
        gain = np.linalg.solve(self.spread(rule), self.covariance[:3]).T  # 6 × 3
        self.mean = self.mean + gain @ (box.middle_m - self.mean[:3])
        self.covariance = self.covariance - gain @ self.covariance[:3]
        more = box.sides_m - self.dimensions_m
        self.dimensions_m += more * np.where(more > 0, rule.enlarge, rule.shrink)
        self.looks = self.looks.blended(detection.looks, rule.fade)
        share = max(1 / (self.frames + 1), rule.least_share)
        self.visits[-1] = self.visits[-1].blended(detection.looks, share)
        if detection.label and (detection.is_evident or not self.label):
            self.label = detection.label
        self.frames, self.seen_ns = self.frames + 1, stamp_ns
        self.voxels = detection.voxels
        if detection.is_evident:
            self.evident_ns = stamp_ns
            self.evident += 1
            self.shape, self.shape_at_m = detection.shape, box.middle_m.copy()
        self.grow(detection.box, rule)
        self._note_place(stamp_ns, rule)

    def grow(self, box: BodyBox, rule: TrackRule) -> None:
        """The head's height, where a frame shows it."""
        tall_m = float(box.sides_m[2])
        if box.is_cut or not box.stands or tall_m < rule.squat * self.tall_m:
            return
        more = tall_m - self.tall_m
        self.tall_m += more * (rule.rise if more > 0 else rule.sink) if self.tall_m else more

    def resume(self, before: "Track", rule: TrackRule) -> None:
        """Is known to be one who was lost, and has his number."""
        self.formerly = self.number if self.is_believed else None
        self.number, self.tall_m = before.number, max(self.tall_m, before.tall_m)
        self.label = self.label or before.label
        self.visits = [*before.visits, *self.visits][-rule.most_visits :]
        self.before = [sample for sample in self.before if sample[0] > before.seen_ns]

    def _note_place(self, stamp_ns: int, rule: TrackRule) -> None:
        here = self.mean[:2]
        self.moved_m = max(self.moved_m, float(np.linalg.norm(here - self.begin_m[:2])))
        if float(np.linalg.norm(here - self.anchor_m[:2])) > rule.settle_m:
            self.anchor_m, self.anchor_ns = self.mean[:3].copy(), stamp_ns
        if not self.is_believed:
            self.before = [*self.before, (stamp_ns, self.mean.copy())][-rule.most_before :]

    def whole_box(self, box: BodyBox, rule: TrackRule) -> BodyBox:
        """The box of the whole body, of which a frame shows a part."""
        if box.stands:
            return self._standing(box, rule)
        missing_m = float(self.dimensions_m[2] - box.sides_m[2])
        if missing_m < rule.hidden_share * self.dimensions_m[2]:
            return box
        off_m = box.middle_m[2] - self.mean[2]  # half of what is missing, and down: legs
        is_below = abs(off_m - missing_m / 2) < abs(off_m + missing_m / 2)
        span = (box.bottom_m - missing_m * is_below, box.top_m + missing_m * (not is_below))
        return upright_box(box.middle_m[:2], box.sides_m[:2], span, stands=False, is_cut=box.is_cut)

    def _standing(self, box: BodyBox, rule: TrackRule) -> BodyBox:
        """Up to where the head was seen, if it is not seen now."""
        is_low = float(box.sides_m[2]) < rule.squat * self.tall_m
        if not self.tall_m or not (box.is_cut or is_low):
            return box
        span = (box.bottom_m, box.bottom_m + self.tall_m)
        return upright_box(box.middle_m[:2], box.sides_m[:2], span, stands=True, is_cut=True)

    def agents(self, stamp_ns: int) -> list[TrackedAgent]:
        """As he is now, after as he was while he was not believed yet."""
        told, self.before = [self._told(*sample) for sample in self.before], []
        self.is_believed = True
        if not told or told[-1].stamp_ns != stamp_ns:
            told.append(self._told(stamp_ns, self.mean, self.seen_ns == stamp_ns))
        told[0], self.formerly = replace(told[0], formerly=self.formerly), None
        return told

    def _told(
        self, stamp_ns: int, mean: Float64[np.ndarray, "6"], is_seen: bool = True
    ) -> TrackedAgent:
        red, green, blue = np.rint(self.looks.color).astype(int).tolist()
        return TrackedAgent(
            track=self.number,
            stamp_ns=stamp_ns,
            position_m=_triple(mean[:3]),
            velocity_m_s=_triple(mean[3:]),
            dimensions_m=_triple(self.dimensions_m),
            label=self.label,
            color=(red, green, blue),
            is_seen=is_seen,
        )

    def saved(self) -> dict[str, Any]:
        """Everything that ``restored`` needs: arrays and plain values."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values |= {"parts": self.looks.parts, "color": self.looks.color}
        values |= {"visits": np.stack([looks.parts for looks in self.visits])}
        values |= {"visits_color": np.stack([looks.color for looks in self.visits])}
        values |= {"before_ns": np.array([stamp for stamp, _ in self.before], np.int64)}
        values |= {"before": np.array([mean for _, mean in self.before]).reshape(-1, 6)}
        del values["looks"]
        return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in values.items()}

    @staticmethod
    def restored(saved: dict[str, Any]) -> "Track":
        """The track that gave what was saved."""
        values = dict(saved)
        looks = Appearance(values.pop("parts"), values.pop("color"))
        shown = zip(values.pop("visits"), values.pop("visits_color"), strict=True)
        visits = [Appearance(parts, color) for parts, color in shown]
        before = zip(values.pop("before_ns").tolist(), values.pop("before"), strict=True)
        return Track(**values, looks=looks, visits=visits, before=list(before))


def new_track(
    number: int,
    detection: Detection,
    stamp_ns: int,
    rule: TrackRule,
    traces: Sequence[Trace] = (),
) -> Track:
    """Somebody found for the first time; ``traces`` tell where he may have been before."""
    box = detection.box
    variance = [rule.measured_m**2] * 3 + [rule.speed_m_s**2] * 3
    track = Track(
        number=number,
        mean=np.concatenate([box.middle_m, np.zeros(3)]),
        covariance=np.diag(variance),
        dimensions_m=box.sides_m.copy(),
        shape=detection.shape,
        shape_at_m=box.middle_m.copy(),
        looks=detection.looks,
        visits=[detection.looks],
        label=detection.label,
        stamp_ns=stamp_ns,
        seen_ns=stamp_ns,
        evident_ns=stamp_ns,
        begin_ns=stamp_ns,
        begin_m=box.middle_m.copy(),
        anchor_m=box.middle_m.copy(),
        anchor_ns=stamp_ns,
        voxels=detection.voxels,
    )
    track.grow(box, rule)
    track.before += _traced(box, stamp_ns, traces, rule)
    track.before.append((stamp_ns, track.mean.copy()))
    return track


def _traced(box: BodyBox, stamp_ns: int, traces: Sequence[Trace], rule: TrackRule) -> list[Sample]:
    """Where a body was before it was found to move: where it is gone from, near enough to here."""
    found = []
    for trace in traces:
        passed_s = (stamp_ns - trace.stamp_ns) * 1e-9
        off_m = np.linalg.norm(trace.points_m[:, :2] - box.middle_m[:2], axis=1)
        height_m = trace.points_m[:, 2]
        near = off_m < rule.start_m + rule.top_speed_m_s * passed_s
        near &= (height_m > box.bottom_m + rule.above_m) & (height_m < box.top_m + rule.above_m)
        if passed_s <= 0 or near.sum() < rule.trace_cells:
            continue
        level = trace.points_m[near][:, :2].astype(np.float64)
        if np.ptp(np.percentile(level, [10, 90], axis=0), axis=0).max() > rule.trace_m:
            continue
        where = [*np.median(level, axis=0), box.middle_m[2], 0.0, 0.0, 0.0]
        found.append((trace.stamp_ns, np.array(where)))
    return found


def _triple(vector: Float64[np.ndarray, "3"]) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
