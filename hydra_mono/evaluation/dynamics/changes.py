"""What appeared and what vanished: found, and at the right time."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64
from scipy.optimize import linear_sum_assignment

from hydra_mono.evaluation.ratios import harmonic, mean, share

ChangeKind = Literal["appeared", "vanished"]
Point = tuple[float, float, float]

REACH_M = 0.5  # between centres, as for objects
SLACK_NS = 1_000_000_000  # an object leaves its place, and comes to rest, within about a second
_FORBIDDEN = 1e6


@dataclass(frozen=True, slots=True)
class TrueChange:
    """An object with a label came to, or left, a place. ``is_required``: it could be noticed."""

    kind: ChangeKind
    label: int
    center_m: Point
    stamp_ns: int
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class FoundChange:
    """A change that is said to have happened in an interval of time, both ends included."""

    kind: ChangeKind
    label: int
    center_m: Point
    earliest_ns: int
    latest_ns: int

    def holds(self, stamp_ns: int) -> bool:
        """Whether the interval holds a stamp, to within the second a change takes."""
        return self.earliest_ns - SLACK_NS <= stamp_ns <= self.latest_ns + SLACK_NS

    def error_s(self, stamp_ns: int) -> float:
        """How far the middle of the interval is off."""
        return abs((self.earliest_ns + self.latest_ns) / 2 - stamp_ns) / 1e9


@dataclass(frozen=True, slots=True)
class ChangeScores:
    """F1 of changes; of those found, the share whose interval holds the true time.

    ``time_error_s``: mean distance of the intervals' middles from the true times, over those found.
    ``false_removals``: objects said to have vanished where none of their label did.
    """

    f1: float | None
    interval_holds_truth: float | None
    time_error_s: float | None
    false_removals: int


def score_changes(truth: list[TrueChange], found: list[FoundChange]) -> ChangeScores:
    """One to one, same kind and label, within 0.5 m, and not before it happened."""
    costs = _costs(truth, found)
    rows, columns = linear_sum_assignment(costs)
    pairs = [
        (truth[row], found[column])
        for row, column in zip(rows, columns, strict=True)
        if costs[row, column] < _FORBIDDEN
    ]
    required = [pair for pair in pairs if pair[0].is_required]
    optional = len(pairs) - len(required)
    precision = share(len(required), len(found) - optional)
    recall = share(len(required), sum(change.is_required for change in truth))
    vanished = [change for change in found if change.kind == "vanished"]
    right = sum(change.kind == "vanished" for _, change in pairs)
    return ChangeScores(
        f1=harmonic(precision, recall),
        interval_holds_truth=share(sum(f.holds(t.stamp_ns) for t, f in required), len(required)),
        time_error_s=mean([f.error_s(t.stamp_ns) for t, f in required]),
        false_removals=len(vanished) - right,
    )


def _costs(truth: list[TrueChange], found: list[FoundChange]) -> Float64[np.ndarray, "t f"]:
    """Metres between those that may be the same; required ones come first."""
    costs = np.full((len(truth), len(found)), _FORBIDDEN)
    for row, true in enumerate(truth):
        for column, other in enumerate(found):
            if (true.kind, true.label) != (other.kind, other.label):
                continue
            away = float(np.linalg.norm(np.subtract(true.center_m, other.center_m)))
            if away <= REACH_M and other.latest_ns >= true.stamp_ns - SLACK_NS:
                costs[row, column] = away - (REACH_M if true.is_required else 0)
    return costs
