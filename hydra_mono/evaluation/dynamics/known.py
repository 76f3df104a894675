"""What the truth says of tracks, stays and changes, and which of it a run could notice."""

import math

import numpy as np
from jaxtyping import Int64

from hydra_mono.core.truth import AgentTrack, GroundTruth, TruthChange, TruthObject
from hydra_mono.evaluation.dynamics.changes import TrueChange
from hydra_mono.evaluation.dynamics.found import FoundTrack
from hydra_mono.evaluation.dynamics.objects_over_time import Stay
from hydra_mono.evaluation.dynamics.tracks import Instant
from hydra_mono.evaluation.inputs import RunInputs

LEAST_PIXELS_SHARE = 500 / (640 * 480)  # of the image: Khronos' least cluster of moving pixels
QUERY_NS = 200_000_000  # from stamp to stamp at which tracks are compared


def query_rows(stamps_ns: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " k"]:
    """Rows at least 0.2 s apart."""
    rows, last = [], -math.inf
    for row, stamp in enumerate(stamps_ns.tolist()):
        if stamp - last >= QUERY_NS:
            rows.append(row)
            last = stamp
    return np.array(rows, np.int64)


def instants(truth: GroundTruth, tracks: list[FoundTrack], run: RunInputs) -> list[Instant]:
    """Truth and estimate side by side at stamps of the run's poses."""
    least = LEAST_PIXELS_SHARE * run.intrinsics.width * run.intrinsics.height
    known = [_Known(track, least, run.max_depth_m) for track in truth.agents if track.stamps_ns]
    stamps, poses = run.trajectory.stamps_ns, run.trajectory.world_from_camera
    rows = query_rows(stamps)
    return [_instant(known, tracks, int(stamps[row]), poses[row]) for row in rows.tolist()]


class _Known:
    """A true track, looked up by stamp."""

    def __init__(self, track: AgentTrack, least_pixels: float, max_depth_m: float) -> None:
        boxes = [box.center_m for box in track.boxes] or track.positions_m
        self._stamps = np.array(track.stamps_ns, np.int64)
        self._centers = np.array(boxes, np.float64).reshape(-1, 3)
        self._pixels = np.array(track.visible_pixels, np.int64)
        self._least, self._max_depth_m = least_pixels, max_depth_m
        self._is_agent = track.kind != "object"

    def is_there(self, stamp_ns: int) -> bool:
        return bool(self._stamps[0] <= stamp_ns <= self._stamps[-1])

    def center_m(self, stamp_ns: int) -> list[float]:
        return [float(np.interp(stamp_ns, self._stamps, axis)) for axis in self._centers.T]

    def is_required(self, stamp_ns: int, world_from_camera: np.ndarray) -> bool:
        """An agent, of whom enough was seen, within the depth that is used."""
        row = min(int(np.searchsorted(self._stamps, stamp_ns)), len(self._stamps) - 1)
        away = self._centers[row] - world_from_camera[:3, 3]
        is_seen = not len(self._pixels) or bool(self._pixels[row] >= self._least)
        return (
            self._is_agent
            and is_seen
            and float(away @ world_from_camera[:3, 2]) < (self._max_depth_m)
        )


def _instant(
    known: list[_Known], tracks: list[FoundTrack], stamp_ns: int, pose: np.ndarray
) -> Instant:
    there = [(i, track) for i, track in enumerate(known) if track.is_there(stamp_ns)]
    places = [(track.number, track.at(stamp_ns)) for track in tracks]
    found = [(number, place) for number, place in places if place is not None]
    return Instant(
        truth_ids=tuple(i for i, _ in there),
        truth_m=np.array([track.center_m(stamp_ns) for _, track in there]).reshape(-1, 3),
        is_required=np.array([t.is_required(stamp_ns, pose) for _, t in there], dtype=bool),
        found_ids=tuple(number for number, _ in found),
        found_m=np.array([place for _, place in found]).reshape(-1, 3),
    )


def true_changes(truth: GroundTruth, end_ns: int) -> list[TrueChange]:
    """All changes until the end; required are those whose place was looked at before and after."""
    objects = {entry.instance: entry for entry in truth.objects}
    required = truth.label_space.object_ids
    found = []
    for change in truth.changes:
        entry = objects[change.instance]
        if change.stamp_ns > end_ns:
            continue
        noticed = change.last_look_ns is not None and math.isfinite(_interval(change, end_ns)[1])
        found.append(
            TrueChange(
                change.kind,
                entry.label,
                entry.box.center_m,
                change.stamp_ns,
                noticed and entry.label in required,
            )
        )
    return found


def true_stays(truth: GroundTruth, visible: frozenset[int], end_ns: int) -> list[Stay]:
    """Every object at every place it rested at; ``visible``: those seen well by the end."""
    labels = truth.label_space.object_ids
    return [
        _stay(entry, truth.changes, visible, end_ns)
        for entry in truth.objects
        if entry.label in labels and (entry.appeared_ns is None or entry.appeared_ns <= end_ns)
    ]


def _stay(
    entry: TruthObject, changes: tuple[TruthChange, ...], visible: frozenset[int], end_ns: int
) -> Stay:
    own = {change.kind: change for change in changes if change.instance == entry.instance}
    came = went = None
    is_seen = entry.instance in visible
    if "appeared" in own:
        came = _interval(own["appeared"], end_ns)
        is_seen |= came[1] < (entry.disappeared_ns or math.inf)
    if "vanished" in own and own["vanished"].stamp_ns <= end_ns:
        went = _interval(own["vanished"], end_ns)
        is_seen |= went[0] > (entry.appeared_ns or -math.inf)
    return Stay(
        entry.label,
        entry.box.center_m,
        came_ns=came or (-math.inf, -math.inf),
        went_ns=went or (math.inf, math.inf),
        is_required=is_seen,
    )


def _interval(change: TruthChange, end_ns: int) -> tuple[float, float]:
    """When nobody knows whether it has happened: from look to look."""
    first = -math.inf if change.last_look_ns is None else float(change.last_look_ns)
    looked_ns = change.first_look_ns
    if looked_ns is None or looked_ns > end_ns:
        return first, math.inf
    return first, float(looked_ns)
