"""Identity through time: constant-velocity Kalman filters and gated assignment.

Bar-Shalom, Li and Kirubarajan, *Estimation with Applications to Tracking and Navigation*, 2001,
chapters 5 and 6 (discrete white-noise acceleration); the assignment is SciPy's.
"""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32
from scipy.optimize import linear_sum_assignment

from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.mapping.motion.detector import Box, Detection


@dataclass(frozen=True, slots=True)
class TrackerRule:
    """What people and things that move can do, and how long they are waited for."""

    acceleration_m_s2: float = 2.0  # deviation; a walker starts and stops within half a second
    measured_m: float = 0.12  # deviation of a cluster's middle: half a body's width is seen
    gate: float = 16.3  # squared Mahalanobis distance that 99.9 % keep to, of three dimensions
    reach_m: float = 1.5  # that nobody is from where he is expected, whatever the deviation
    color_weight: float = 6.0  # cost of colours that differ by a fifth of their range
    confirm_frames: int = 4  # seen so often before somebody is believed, as often evidently
    confirm_m: float = 0.3  # moved so far, or labelled as somebody who moves, or
    confirm_still: int = 8  # seen to move as often on the spot, in a third of all frames,
    confirm_size_m: float = 0.5  # and as large: somebody who turns, no curtain's hem
    trial_s: float = 1.0  # that one not yet believed is followed through such space
    enlarge: float = 0.2  # share of what a box is larger by that is taken over in a frame, and
    shrink: float = 0.02  # of what it is smaller by: bodies are hidden in part more than they bend
    hidden_share: float = 0.2  # of the height, beyond which a body is seen in part
    lost_s: float = 3.0  # after which nobody is expected where he would have walked to
    recall_s: float = 20.0  # in which one who comes out again is known by his colours
    top_speed_m_s: float = 2.5  # of people indoors
    recall_color: float = 0.12  # largest colour difference at which one is known again
    recall_height_m: float = 1.0  # and largest in height: of a man, half may be hidden
    trust_s: float = 4.0  # that one is followed through space nobody saw free before
    settle_s: float = 30.0  # without moving, after which an unlabelled cluster has come to stay
    settle_m: float = 0.15  # within which it has to have stayed


@dataclass(slots=True)
class Track:
    """One identity: filter state (position and velocity), box, colours and how long seen."""

    number: int
    mean: Float64[np.ndarray, "6"]
    covariance: Float64[np.ndarray, "6 6"]
    dimensions_m: Float64[np.ndarray, "3"]
    halves: Float64[np.ndarray, "2 3"]
    label: int
    stamp_ns: int
    seen_ns: int
    evident_ns: int
    begin_m: Float64[np.ndarray, "3"]
    anchor_m: Float64[np.ndarray, "3"]
    anchor_ns: int
    frames: int = 1
    evident: int = 1
    moved_m: float = 0.0
    voxels: Int32[np.ndarray, "v 3"] = field(default_factory=lambda: np.zeros((0, 3), np.int32))


class Tracker:
    """Detections in, agents with lasting numbers out."""

    def __init__(self, agent_labels: frozenset[int], rule: TrackerRule | None = None) -> None:
        self._agent_labels, self._rule = agent_labels, rule or TrackerRule()
        self._tracks: list[Track] = []
        self._lost: list[Track] = []
        self._next = 0

    def update(self, detections: list[Detection], stamp_ns: int) -> tuple[TrackedAgent, ...]:
        """Takes over one frame's clusters; the confirmed tracks that are alive, by number."""
        for track in self._tracks:
            self._predict(track, stamp_ns)
        pairs = self._assign(detections)
        for row, column in pairs:
            self._correct(self._tracks[row], detections[column], stamp_ns)
        taken = {column for _, column in pairs}
        for column, detection in enumerate(detections):
            if column not in taken and detection.is_evident:
                self._begin(detection, stamp_ns)
        self._retire(stamp_ns)
        return tuple(self._agent(track, stamp_ns) for track in self._tracks if self._known(track))

    def expected(self, stamp_ns: int) -> list[Box]:
        """Boxes in which the tracks are supposed to be at the stamp, with room to move."""
        boxes = []
        for track in self._tracks:
            trust_s = self._rule.trust_s if self._known(track) else self._rule.trial_s
            if (stamp_ns - track.evident_ns) * 1e-9 > trust_s or track.frames < 2:
                continue
            seconds = (stamp_ns - track.stamp_ns) * 1e-9
            middle = track.mean[:3] + seconds * track.mean[3:]
            half = track.dimensions_m / 2 + self._rule.measured_m
            boxes.append((middle - half, middle + half))
        return boxes

    def settled(self, stamp_ns: int) -> list[Int32[np.ndarray, "v 3"]]:
        """Voxels of clusters that have come to stay; their tracks end."""
        stay = [track for track in self._tracks if self._is_settled(track, stamp_ns)]
        self._tracks = [track for track in self._tracks if track not in stay]
        return [track.voxels for track in stay]

    def state(self) -> dict[str, Any]:
        """Everything that ``restore`` needs."""
        return {
            "next": self._next,
            "alive": [_saved(track) for track in self._tracks],
            "lost": [_saved(track) for track in self._lost],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Becomes what ``state`` was taken of."""
        self._next = int(state["next"])
        self._tracks = [Track(**saved) for saved in state["alive"]]
        self._lost = [Track(**saved) for saved in state["lost"]]

    def _predict(self, track: Track, stamp_ns: int) -> None:
        seconds = max((stamp_ns - track.stamp_ns) * 1e-9, 0.0)
        step = np.eye(6)
        step[:3, 3:] = seconds * np.eye(3)
        gain = np.vstack([0.5 * seconds**2 * np.eye(3), seconds * np.eye(3)])
        noise = self._rule.acceleration_m_s2**2 * gain @ gain.T
        unseen_s = (stamp_ns - track.seen_ns) * 1e-9
        if unseen_s > 1.0:  # who is out of sight for a second may as well have stopped
            track.mean[3:] *= 0.9
        track.mean = step @ track.mean
        track.covariance = step @ track.covariance @ step.T + noise
        track.stamp_ns = stamp_ns

    def _assign(self, detections: list[Detection]) -> list[tuple[int, int]]:
        if not self._tracks or not detections:
            return []
        cost = np.array([[self._cost(t, d) for d in detections] for t in self._tracks])
        far = 1e6  # stands for "no": the solver wants numbers
        rows, columns = linear_sum_assignment(np.where(np.isfinite(cost), cost, far))
        found = zip(rows.tolist(), columns.tolist(), strict=True)
        return [(row, column) for row, column in found if np.isfinite(cost[row, column])]

    def _cost(self, track: Track, detection: Detection) -> float:
        """Squared Mahalanobis distance and difference in colour; infinite beyond the gate."""
        rule, gap = self._rule, detection.position_m - track.mean[:3]
        spread = track.covariance[:3, :3] + rule.measured_m**2 * np.eye(3)
        distance = float(gap @ np.linalg.solve(spread, gap))
        if distance > rule.gate or float(np.linalg.norm(gap)) > rule.reach_m:
            return float("inf")
        return distance + rule.color_weight * 5 * color_difference(track.halves, detection.halves)

    def _correct(self, track: Track, detection: Detection, stamp_ns: int) -> None:
        spread = track.covariance[:3, :3] + self._rule.measured_m**2 * np.eye(3)
        gain = np.linalg.solve(spread, track.covariance[:3]).T  # 6 × 3
        track.mean = track.mean + gain @ (self._middle(track, detection) - track.mean[:3])
        track.covariance = track.covariance - gain @ track.covariance[:3]
        more = detection.dimensions_m - track.dimensions_m
        track.dimensions_m += more * np.where(more > 0, self._rule.enlarge, self._rule.shrink)
        track.halves = 0.8 * track.halves + 0.2 * detection.halves
        track.label = detection.label or track.label
        track.frames, track.seen_ns = track.frames + 1, stamp_ns
        track.voxels = detection.voxels
        if detection.is_evident:
            track.evident_ns = stamp_ns
            track.evident += 1
        away_m = float(np.linalg.norm(track.mean[:2] - track.anchor_m[:2]))
        moved_m = float(np.linalg.norm(track.mean[:2] - track.begin_m[:2]))
        track.moved_m = max(track.moved_m, moved_m)
        if away_m > self._rule.settle_m:
            track.anchor_m, track.anchor_ns = track.mean[:3].copy(), stamp_ns

    def _middle(self, track: Track, detection: Detection) -> Float64[np.ndarray, "3"]:
        """Middle of the body; where it is seen in part, the end that is where it should be tells.

        Legs are behind tables and heads above the image.
        """
        missing_m = track.dimensions_m[2] - detection.dimensions_m[2]
        if missing_m < self._rule.hidden_share * track.dimensions_m[2]:
            return detection.position_m
        off_m = detection.position_m[2] - track.mean[2]  # half of what is missing, and down: legs
        up = -1 if abs(off_m - missing_m / 2) < abs(off_m + missing_m / 2) else 1
        return np.asarray(detection.position_m + np.array([0, 0, up * missing_m / 2]))

    def _begin(self, detection: Detection, stamp_ns: int) -> None:
        known = self._recalled(detection, stamp_ns)
        variance = np.diag([self._rule.measured_m**2] * 3 + [1.0] * 3)  # 1 m/s: walking pace
        mean = np.concatenate([detection.position_m, np.zeros(3)])
        if known is not None:
            self._lost.remove(known)
            known.mean, known.covariance = mean, variance
            known.stamp_ns = known.seen_ns = known.evident_ns = stamp_ns
            known.frames += 1
            self._tracks.append(known)
            self._tracks.sort(key=lambda track: track.number)
            return
        track = Track(
            number=self._next,
            mean=mean,
            covariance=variance,
            dimensions_m=detection.dimensions_m.copy(),
            halves=detection.halves,
            label=detection.label,
            stamp_ns=stamp_ns,
            seen_ns=stamp_ns,
            evident_ns=stamp_ns,
            begin_m=detection.position_m,
            anchor_m=detection.position_m,
            anchor_ns=stamp_ns,
            voxels=detection.voxels,
        )
        self._next += 1
        self._tracks.append(track)

    def _recalled(self, detection: Detection, stamp_ns: int) -> Track | None:
        """One who was lost, could have come here since, and looks alike."""
        rule, best, least = self._rule, None, self._rule.recall_color
        for track in self._lost:
            passed_s = (stamp_ns - track.seen_ns) * 1e-9
            apart_m = float(np.linalg.norm(detection.position_m - track.mean[:3]))
            difference = color_difference(track.halves, detection.halves)
            taller_m = abs(float(detection.dimensions_m[2] - track.dimensions_m[2]))
            is_alike = difference < least and taller_m < rule.recall_height_m
            if is_alike and apart_m <= 1.0 + rule.top_speed_m_s * passed_s:
                best, least = track, difference
        return best

    def _retire(self, stamp_ns: int) -> None:
        """Tracks not seen for long are put aside, and in the end forgotten."""
        rule = self._rule
        gone = [t for t in self._tracks if (stamp_ns - t.seen_ns) * 1e-9 > rule.lost_s]
        self._tracks = [track for track in self._tracks if track not in gone]
        self._lost += [track for track in gone if self._known(track)]
        self._lost = [t for t in self._lost if (stamp_ns - t.seen_ns) * 1e-9 <= rule.recall_s]

    def _known(self, track: Track) -> bool:
        """Whether somebody is believed: by his label, the way he went, or his stirring."""
        rule = self._rule
        if track.frames < rule.confirm_frames:
            return False
        stirs = track.evident >= max(rule.confirm_still, track.frames / 3)
        return (
            track.label in self._agent_labels
            or (track.moved_m >= rule.confirm_m and track.evident >= rule.confirm_frames)
            or (stirs and float(track.dimensions_m.max()) >= rule.confirm_size_m)
        )

    def _is_settled(self, track: Track, stamp_ns: int) -> bool:
        still_s = (min(stamp_ns, track.seen_ns) - track.anchor_ns) * 1e-9
        return track.label not in self._agent_labels and still_s >= self._rule.settle_s

    def _agent(self, track: Track, stamp_ns: int) -> TrackedAgent:
        color = np.rint(track.halves.mean(axis=0)).astype(int).tolist()
        return TrackedAgent(
            track=track.number,
            stamp_ns=stamp_ns,
            position_m=_triple(track.mean[:3]),
            velocity_m_s=_triple(track.mean[3:]),
            dimensions_m=_triple(track.dimensions_m),
            label=track.label,
            color=(color[0], color[1], color[2]),
            is_seen=track.seen_ns == stamp_ns,
        )


def _saved(track: Track) -> dict[str, Any]:
    values = {item.name: getattr(track, item.name) for item in fields(Track)}
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in values.items()}


def color_difference(
    first: Float64[np.ndarray, "2 3"], second: Float64[np.ndarray, "2 3"]
) -> float:
    """Mean distance of RGB of upper and lower half, 0 for alike to 1 for black and white."""
    return float(np.linalg.norm(first - second, axis=1).mean() / np.linalg.norm([255.0] * 3))


def _triple(vector: Float64[np.ndarray, "3"]) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
