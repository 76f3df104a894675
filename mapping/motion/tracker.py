"""Identity through time: gated assignment of bodies to tracks, and who was lost known again.

The assignment is SciPy's (Jonker and Volgenant); its costs are log-likelihoods of the places and
differences of colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32
from scipy.optimize import linear_sum_assignment

from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.mapping.motion.detections import Detection
from hydra_mono.mapping.motion.identity import (
    IdentityRule,
    least_difference,
    odds,
    probabilities,
)
from hydra_mono.mapping.motion.looks import Trace
from hydra_mono.mapping.motion.track import Track, TrackRule, new_track

Shape = tuple[Int32[np.ndarray, "s 3"], Float64[np.ndarray, "3"]]  # voxels, and metres to move by


@dataclass(frozen=True, slots=True)
class TrackerRule:
    """What people and things that move can do, and how long they are waited for."""

    gate: float = 16.3  # squared Mahalanobis distance that 99.9 % keep to, of three dimensions
    reach_m: float = 1.5  # that nobody is from where he is expected, whatever the deviation
    looks_weight: float = 10.0  # cost of having no colour in common: three deviations
    double_m: float = 0.35  # between middles of bodies that are one: shoulders are as wide
    confirm_frames: int = 4  # seen so often before somebody is believed, as often evidently
    confirm_m: float = 0.3  # moved so far, or labelled as somebody who moves, or
    confirm_still: int = 8  # seen to move as often on the spot, in a third of all frames,
    confirm_size_m: float = 0.5  # and as large: somebody who turns, no curtain's hem
    trial_s: float = 1.0  # that one not yet believed is followed through such space
    lost_s: float = 3.0  # after which nobody is expected where he would have walked to
    recall_s: float = 3600.0  # in which one who comes out again is known, and
    most_lost: int = 64  # of whom that is tried: more than live in a building
    top_speed_m_s: float = 2.5  # of people indoors
    start_m: float = 1.0  # off the expected place, that one may be found again at once
    trust_s: float = 4.0  # that one is followed through space nobody saw free before
    settle_s: float = 30.0  # without moving, after which an unlabelled cluster has come to stay
    torn_m: float = 0.9  # between middles of pieces of one body behind a door frame: arms' reach
    torn_share: float = 0.125  # of the body's area, that a piece of it has at most: a hand, a foot
    torn_s: float = 0.5  # that a body and what is left of it are seen beside each other


class Tracker:
    """Detections in, agents with lasting numbers out."""

    def __init__(
        self,
        agent_labels: frozenset[int],
        rule: TrackerRule | None = None,
        track_rule: TrackRule | None = None,
    ) -> None:
        self._agent_labels, self._rule = agent_labels, rule or TrackerRule()
        self._track_rule, self._identity_rule = track_rule or TrackRule(), IdentityRule()
        self._tracks: list[Track] = []
        self._lost: list[Track] = []
        self._next = 0

    def update(
        self, detections: list[Detection], stamp_ns: int, traces: Sequence[Trace] = ()
    ) -> tuple[TrackedAgent, ...]:
        """Takes over one frame's bodies; the believed tracks that are alive, by number.

        Of one who is believed from now on, where he was before comes first, stamp by stamp.
        ``traces``: where something is gone from, oldest first.
        """
        detections = self._without_doubles(detections)
        self._retire(stamp_ns)  # before anybody is expected: after a pause, looks tell who is who
        for track in self._tracks:
            track.predict(stamp_ns, self._track_rule)
        pairs = self._assign(detections)
        for row, column in pairs:
            track, detection = self._tracks[row], detections[column]
            box = track.whole_box(detection.box, self._track_rule)
            track.correct(detection, box, stamp_ns, self._track_rule)
        taken = {column for _, column in pairs}
        for column, detection in enumerate(detections):
            if (
                column not in taken
                and detection.is_evident
                and not self._is_torn(column, detections)
            ):
                self._begin(detection, stamp_ns, traces)
        self._recall(stamp_ns)
        self._reconsider(stamp_ns)
        known = [track for track in self._tracks if track.is_believed]
        known.sort(key=lambda track: track.number)
        return tuple(agent for track in known for agent in track.agents(stamp_ns))

    def expected(self, stamp_ns: int) -> list[Shape]:
        """What was last seen of the tracks, moved to where they are supposed to be at the stamp."""
        shapes = []
        for track in self._tracks:
            trust_s = self._rule.trust_s if self._known(track) else self._rule.trial_s
            if (stamp_ns - track.evident_ns) * 1e-9 > trust_s:
                continue
            seconds = (stamp_ns - track.stamp_ns) * 1e-9
            middle = track.mean[:3] + seconds * track.mean[3:]
            shapes.append((track.shape, middle - track.shape_at_m))
        return shapes

    def settled(self, stamp_ns: int) -> list[Int32[np.ndarray, "v 3"]]:
        """Voxels of clusters that have come to stay; their tracks end."""
        stay = [track for track in self._tracks if self._is_settled(track, stamp_ns)]
        self._tracks = [track for track in self._tracks if track not in stay]
        return [track.voxels for track in stay]

    def state(self) -> dict[str, Any]:
        """Everything that ``restore`` needs."""
        return {
            "next": self._next,
            "alive": [track.saved() for track in self._tracks],
            "lost": [track.saved() for track in self._lost],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Becomes what ``state`` was taken of."""
        self._next = int(state["next"])
        self._tracks = [Track.restored(saved) for saved in state["alive"]]
        self._lost = [Track.restored(saved) for saved in state["lost"]]

    def _begin(self, detection: Detection, stamp_ns: int, traces: Sequence[Trace]) -> None:
        if detection.label in self._agent_labels:
            traces = ()  # he would have been found before
        track = new_track(self._next, detection, stamp_ns, self._track_rule, traces)
        self._next += 1
        self._tracks.append(track)

    def _without_doubles(self, detections: list[Detection]) -> list[Detection]:
        """An arm that is seen apart from its body is no body of its own."""
        kept: list[Detection] = []
        for detection in sorted(detections, key=lambda detection: -detection.area_m2):
            here = detection.box.middle_m[:2]
            gaps = [float(np.linalg.norm(other.box.middle_m[:2] - here)) for other in kept]
            if min(gaps, default=np.inf) > self._rule.double_m:
                kept.append(detection)
        return kept

    def _is_torn(self, column: int, detections: list[Detection]) -> bool:
        """A sliver beside a body of the same label: a door frame hides what joins them."""
        own, rule = detections[column], self._rule
        return any(
            own.label == other.label
            and own.area_m2 <= rule.torn_share * other.area_m2
            and float(np.linalg.norm((own.box.middle_m - other.box.middle_m)[:2])) <= rule.torn_m
            for other in detections
        )

    def _assign(self, detections: list[Detection]) -> list[tuple[int, int]]:
        if not self._tracks or not detections:
            return []
        cost = np.array([[self._cost(t, d) for d in detections] for t in self._tracks])
        far = 1e6  # stands for "no": the solver wants numbers
        rows, columns = linear_sum_assignment(np.where(np.isfinite(cost), cost, far))
        found = zip(rows.tolist(), columns.tolist(), strict=True)
        return [(row, column) for row, column in found if np.isfinite(cost[row, column])]

    def _cost(self, track: Track, detection: Detection) -> float:
        """Twice the negative log-likelihood of the place, and difference of looks.

        Infinite beyond the gate, and of somebody and what he carries. Of two tracks as near, the
        one is meant of which more is known.
        """
        rule, are_agents = self._rule, [x.label in self._agent_labels for x in (track, detection)]
        if track.label and detection.label and are_agents[0] != are_agents[1]:
            return float("inf")
        gap = track.whole_box(detection.box, self._track_rule).middle_m - track.mean[:3]
        spread = track.spread(self._track_rule)
        distance = float(gap @ np.linalg.solve(spread, gap))
        if distance > rule.gate or float(np.linalg.norm(gap)) > rule.reach_m:
            return float("inf")
        unlikely = distance + float(np.log(np.linalg.det(spread)))
        return unlikely + rule.looks_weight * (track.looks.difference(detection.looks) or 0.0)

    def _recall(self, stamp_ns: int) -> None:
        """Who becomes believed may be one who was lost: then he has his number back.

        While it is not clear who he is, he is not told of, as long as he is in view.
        """
        for track in [track for track in self._tracks if self._known(track)]:
            if track.is_believed:
                continue
            candidates = self._candidates(track)
            chances = self._chances(track, candidates)
            best = max(chances, default=0.0)
            rule = self._identity_rule
            is_clear = best >= rule.sure or best <= 1 - rule.sure
            if not is_clear and track.frames < rule.decide_frames and track.seen_ns == stamp_ns:
                continue
            if best >= rule.likely:
                self._resume(track, candidates[chances.index(best)])
            track.is_believed = True

    def _reconsider(self, stamp_ns: int) -> None:
        """A track told of as somebody new may turn out to be one who was lost, once more is seen.

        Looked at whenever it has been seen twice as often: a mean of looks changes no faster.
        """
        for track in [track for track in self._tracks if track.is_believed]:
            is_due = track.frames >= self._identity_rule.decide_frames and not (
                track.frames & (track.frames - 1)
            )
            if track.seen_ns != stamp_ns or not is_due:
                continue
            candidates = self._candidates(track)
            chances = self._chances(track, candidates)
            best = max(chances, default=0.0)
            if best >= self._identity_rule.sure:
                self._resume(track, candidates[chances.index(best)])

    def _resume(self, track: Track, before: Track) -> None:
        track.resume(before, self._track_rule)
        self._tracks = [other for other in self._tracks if other is not before]
        self._lost = [other for other in self._lost if other is not before]

    def _candidates(self, track: Track) -> list[Track]:
        """Those not seen since the track began, who could have come there.

        Or seen beside it for a moment: somebody whom a door frame tears in two.
        """
        rule, found = self._rule, []
        for other in [*self._lost, *self._tracks]:
            passed_s = (track.begin_ns - other.seen_ns) * 1e-9
            if not other.is_believed or other is track or passed_s < -rule.torn_s:
                continue
            if other.number == track.number or other.seen_ns >= track.seen_ns:
                continue  # known already; or in view beside it still
            if (other.label in self._agent_labels) != (track.label in self._agent_labels):
                continue
            apart_m = float(np.linalg.norm(track.begin_m[:2] - other.mean[:2]))
            if apart_m <= rule.start_m + rule.top_speed_m_s * max(passed_s, 0.0):
                found.append(other)
        return found

    def _chances(self, track: Track, candidates: list[Track]) -> list[float]:
        """That a track is each of the candidates, by their looks and heights."""
        ratios = []
        for other in candidates:
            is_tall = track.tall_m > 0 and other.tall_m > 0
            gap_m = track.tall_m - other.tall_m if is_tall else None
            difference = least_difference(track.visits, other.visits)
            ratios.append(odds(difference, gap_m, self._identity_rule))
        return probabilities(ratios, self._identity_rule)

    def _retire(self, stamp_ns: int) -> None:
        """Tracks not seen for long are put aside, and in the end forgotten."""
        rule = self._rule
        gone = [t for t in self._tracks if (stamp_ns - t.seen_ns) * 1e-9 > rule.lost_s]
        self._tracks = [track for track in self._tracks if track not in gone]
        self._lost += [track for track in gone if track.is_believed]
        late = [t for t in self._lost if (stamp_ns - t.seen_ns) * 1e-9 <= rule.recall_s]
        self._lost = sorted(late, key=lambda track: track.seen_ns)[-rule.most_lost :]

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
