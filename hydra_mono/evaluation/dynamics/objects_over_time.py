"""Which objects were there when: scored at stamps spread over the run, as known at its end."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.evaluation.ratios import harmonic, share

Point = tuple[float, float, float]

REACH_M = 0.5  # between centres, as for objects at the end
QUERIES = 10  # stamps at which the run is queried


@dataclass(frozen=True, slots=True)
class Stay:
    """An object at one place. It came at an instant in ``came_ns`` and went at one in ``went_ns``.

    Each is (earliest, latest), infinite where that is not known or never happened.
    ``is_required``: it was in view well enough to be found.
    """

    label: int
    center_m: Point
    came_ns: tuple[float, float] = (-math.inf, -math.inf)
    went_ns: tuple[float, float] = (math.inf, math.inf)
    is_required: bool = True

    def is_surely_there(self, stamp_ns: float) -> bool:
        return self.came_ns[1] <= stamp_ns < self.went_ns[0]

    def may_be_there(self, stamp_ns: float) -> bool:
        return self.came_ns[0] <= stamp_ns < self.went_ns[1]

    def is_likely_there(self, stamp_ns: float) -> bool:
        """Taken to come and go in the middle of the intervals, as Khronos does."""
        return _middle(self.came_ns) <= stamp_ns < _middle(self.went_ns)


@dataclass(frozen=True, slots=True)
class ObjectTimeScores:
    """F1 pooled over the stamps; None where there was nothing to find and nothing found."""

    f1: float | None


def query_stamps(start_ns: int, end_ns: int) -> list[int]:
    """Stamps spread evenly over a run, its end with them."""
    steps = np.arange(1, QUERIES + 1) / QUERIES
    return [int(start_ns + step * (end_ns - start_ns)) for step in steps]


def score_over_time(truth: list[Stay], found: list[Stay], stamps_ns: list[int]) -> ObjectTimeScores:
    """Schmid et al. (Khronos, RSS 2024): objects at query times, same label, within 0.5 m.

    While nobody looked at a place, that the object is there and that it is not are both right.
    """
    near = _is_near(truth, found)
    hits = required = right = told = 0
    for stamp in stamps_ns:
        sure = np.array([s.is_required and s.is_surely_there(stamp) for s in truth], dtype=bool)
        possible = np.array([s.may_be_there(stamp) for s in truth], dtype=bool)
        there = np.array([s.is_likely_there(stamp) for s in found], dtype=bool)
        hits += int(near[np.ix_(sure, there)].any(axis=1).sum())
        required += int(sure.sum())
        right += int(near[np.ix_(possible, there)].any(axis=0).sum())
        told += int(there.sum())
    return ObjectTimeScores(harmonic(share(right, told), share(hits, required)))


def _is_near(truth: list[Stay], found: list[Stay]) -> Bool[np.ndarray, "t f"]:
    places: Float64[np.ndarray, "t 3"] = np.array([s.center_m for s in truth]).reshape(-1, 1, 3)
    others: Float64[np.ndarray, "f 3"] = np.array([s.center_m for s in found]).reshape(1, -1, 3)
    labels = np.array([s.label for s in truth]).reshape(-1, 1)
    same = labels == np.array([s.label for s in found]).reshape(1, -1)
    return np.asarray(same & (np.linalg.norm(places - others, axis=2) <= REACH_M))


def _middle(interval: tuple[float, float]) -> float:
    """Of a bounded one; the bounded end of another."""
    first, last = interval
    if math.isinf(first):
        return last
    return first if math.isinf(last) else (first + last) / 2
