"""Whoever moves: found where he is, and known as the same one over time."""

from dataclasses import dataclass

import motmetrics
import numpy as np
from jaxtyping import Bool, Float64
from scipy.optimize import linear_sum_assignment

GATE_M = 0.5  # between centres; Schmid et al. (Khronos, RSS 2024)
_FORBIDDEN = 1e6  # metres: dearer than all pairs within the gate together


@dataclass(frozen=True, slots=True)
class Instant:
    """Who was where at one stamp, and who was found where; centres in metres.

    ``is_required``: who was in view well enough to be found. Finding one of the others is neither
    right nor wrong.
    """

    truth_ids: tuple[int, ...]
    truth_m: Float64[np.ndarray, "t 3"]
    is_required: Bool[np.ndarray, " t"]
    found_ids: tuple[int, ...]
    found_m: Float64[np.ndarray, "e 3"]


@dataclass(frozen=True, slots=True)
class DynamicScores:
    """F1 of detections pooled over all stamps; the other three as CLEAR MOT and IDF1 have them.

    None where there was nobody to find and nobody was found.
    """

    f1: float | None
    idf1: float | None
    mota: float | None
    id_switches_per_track: float | None


def score_tracks(instants: list[Instant]) -> DynamicScores:
    """Bernardin and Stiefelhagen (CLEAR MOT, 2008) and Ristani et al. (IDF1, 2016) at 0.5 m."""
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for instant in map(without_optional, instants):
        distances = _distances_m(instant.truth_m, instant.found_m)
        distances[distances > GATE_M] = np.nan
        accumulator.update(list(instant.truth_ids), list(instant.found_ids), distances)
    names = ["num_detections", "num_misses", "num_false_positives", "num_switches", "idf1", "mota"]
    names += ["num_unique_objects"]
    row = motmetrics.metrics.create().compute(accumulator, metrics=names, return_dataframe=False)
    hits, misses, wrong = (int(row[name]) for name in names[:3])
    if hits + misses + wrong == 0:
        return DynamicScores(None, None, None, None)
    tracks = int(row["num_unique_objects"])
    return DynamicScores(
        f1=2 * hits / (2 * hits + misses + wrong),
        idf1=float(row["idf1"]),
        mota=float(row["mota"]) if tracks else None,
        id_switches_per_track=int(row["num_switches"]) / tracks if tracks else None,
    )


def without_optional(instant: Instant) -> Instant:
    """The instant without who need not be found, and without the estimates that belong to them.

    Estimates are given to truths one to one, as many and as near as can be, as MOTChallenge does
    before scoring (Dendorfer et al., 2021).
    """
    costs = _distances_m(instant.truth_m, instant.found_m)
    costs = np.where(costs <= GATE_M, costs, _FORBIDDEN)
    costs[instant.is_required] -= np.where(costs[instant.is_required] < _FORBIDDEN, GATE_M, 0)
    rows, columns = linear_sum_assignment(costs)
    matched = costs[rows, columns] < _FORBIDDEN
    dropped = columns[matched & ~instant.is_required[rows]]
    kept = np.setdiff1d(np.arange(len(instant.found_ids)), dropped)
    required = np.flatnonzero(instant.is_required)
    return Instant(
        truth_ids=tuple(instant.truth_ids[i] for i in required),
        truth_m=instant.truth_m[required],
        is_required=instant.is_required[required],
        found_ids=tuple(instant.found_ids[i] for i in kept),
        found_m=instant.found_m[kept],
    )


def _distances_m(
    a: Float64[np.ndarray, "t 3"], b: Float64[np.ndarray, "e 3"]
) -> Float64[np.ndarray, "t e"]:
    return np.asarray(np.linalg.norm(a[:, None] - b[None], axis=2))
