"""How good depth, labels and normals are: scores pooled over all pixels of a split.

As multi-task work on NYUv2 reports them. Nothing is averaged image by image.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped, UInt8

CLASSES = 40  # of NYU40; 0 is unknown
NEAREST_M = 1e-9  # predictions that are not positive count as this
DELTA = 1.25
NEAR_ANGLES_DEG = (11.25, 22.5, 30.0)
BINS_PER_DEGREE = 100  # of the histogram that the median is read from


@dataclass(frozen=True, slots=True)
class SemanticScores:
    """Over the pixels whose truth is known.

    ``miou``: mean IoU of the classes that the truth holds. ``miou_40``: of all classes of the label
    space (40 of NYU40), one that occurs nowhere counting as 0 (the rule of ATRC and InvPT).
    ``miou_occurring``: of those that occur in the truth or in the prediction (nan-mean, the rule of
    CTAL). ``class_iou``: IoU by label id, of those that occur.
    """

    miou: float
    miou_40: float
    miou_occurring: float
    pixel_accuracy: float
    class_iou: dict[int, float]


class Confusion:
    """Counts which class was taken for which. ``classes``: of the label space, without 0."""

    def __init__(self, classes: int = CLASSES) -> None:
        self._classes = classes
        self._counts: Int64[np.ndarray, "k k"] = np.zeros((classes + 1, classes + 1), np.int64)

    def add(self, predicted: UInt8[np.ndarray, "*size"], truth: UInt8[np.ndarray, "*size"]) -> None:
        """Label ids, 0 unknown: no truth, or a prediction that is a miss whatever the truth.

        Raises:
            ValueError: an id above the number of classes.
        """
        if max(predicted.max(initial=0), truth.max(initial=0)) > self._classes:
            raise ValueError(f"labels above {self._classes}")
        pairs = truth[truth > 0] * np.int64(self._classes + 1) + predicted[truth > 0]
        self._counts += np.bincount(pairs, minlength=self._counts.size).reshape(self._counts.shape)

    def scores(self) -> SemanticScores | None:
        """None where nothing was labelled."""
        total = int(self._counts.sum())
        if total == 0:
            return None
        hits = np.diag(self._counts)[1:]
        true, predicted = self._counts.sum(1)[1:], self._counts.sum(0)[1:]
        union = true + predicted - hits
        iou = hits / np.maximum(union, 1)
        return SemanticScores(
            miou=float(iou[true > 0].mean()),
            miou_40=float(iou.mean()),
            miou_occurring=float(iou[union > 0].mean()),
            pixel_accuracy=float(hits.sum() / total),
            class_iou={int(k) + 1: float(iou[k]) for k in np.flatnonzero(union)},
        )


@dataclass(frozen=True, slots=True)
class DepthScores:
    """``delta_k``: share of pixels whose depth is wrong by a factor of less than 1.25^k."""

    rmse_m: float
    abs_rel: float
    sq_rel_m: float
    rmse_log: float
    delta_1: float
    delta_2: float
    delta_3: float


class DepthErrors:
    """Pools errors of depth. ``cap_m``: truth beyond is left out, predictions are cut to it."""

    def __init__(self, cap_m: float | None = None) -> None:
        self._cap_m = np.inf if cap_m is None else cap_m
        self._pixels = 0
        self._sums: Float64[np.ndarray, "7"] = np.zeros(7)

    def add(
        self,
        predicted_m: Float32[np.ndarray, "*size"],
        truth_m: Float32[np.ndarray, "*size"],
        valid: Bool[np.ndarray, "*size"],
    ) -> None:
        """``valid``: the pixels whose truth is known; it is positive there."""
        used = valid & (truth_m <= self._cap_m)
        truth = truth_m[used].astype(np.float64)
        predicted = np.clip(predicted_m[used].astype(np.float64), NEAREST_M, self._cap_m)
        error = predicted - truth
        ratio = predicted / truth
        factor = np.maximum(ratio, 1 / ratio)
        self._pixels += truth.size
        self._sums += [
            (error**2).sum(),
            (np.abs(error) / truth).sum(),
            (error**2 / truth).sum(),
            (np.log(ratio) ** 2).sum(),
            *((factor < DELTA**k).sum() for k in (1, 2, 3)),
        ]

    def scores(self) -> DepthScores | None:
        """None where no depth was known."""
        if self._pixels == 0:
            return None
        squared, abs_rel, sq_rel, squared_log, *deltas = (self._sums / self._pixels).tolist()
        return DepthScores(squared**0.5, abs_rel, sq_rel, squared_log**0.5, *deltas)


@dataclass(frozen=True, slots=True)
class NormalScores:
    """Angles between predicted and true normals; shares of those below a bound."""

    mean_deg: float
    median_deg: float
    rmse_deg: float
    within_11_25: float
    within_22_5: float
    within_30: float


class NormalErrors:
    """Pools angular errors; the median is right to a hundredth of a degree."""

    def __init__(self) -> None:
        self._pixels = 0
        self._sums: Float64[np.ndarray, "5"] = np.zeros(5)
        self._histogram: Int64[np.ndarray, "n"] = np.zeros(180 * BINS_PER_DEGREE, np.int64)

    def add(
        self, predicted: Float32[np.ndarray, "*size 3"], truth: Float32[np.ndarray, "*size 3"]
    ) -> None:
        """Directions of any length; truth of length 0 is unknown."""
        known = truth.any(axis=-1)
        angles = angles_deg(predicted[known], truth[known])
        self._pixels += angles.size
        shares = [(angles < bound).sum() for bound in NEAR_ANGLES_DEG]
        self._sums += [angles.sum(), (angles**2).sum(), *shares]
        bins = np.minimum((angles * BINS_PER_DEGREE).astype(np.int64), self._histogram.size - 1)
        self._histogram += np.bincount(bins, minlength=self._histogram.size)

    def scores(self) -> NormalScores | None:
        """None where no normal was known."""
        if self._pixels == 0:
            return None
        mean, squared, *shares = (self._sums / self._pixels).tolist()
        return NormalScores(mean, self._median_deg(), squared**0.5, *shares)

    def _median_deg(self) -> float:
        """By linear interpolation within the bin that holds half of the pixels."""
        upto = self._histogram.cumsum()
        half = self._pixels / 2
        index = int(np.searchsorted(upto, half))
        share = 1 - (upto[index] - half) / self._histogram[index]
        return float(index + share) / BINS_PER_DEGREE


def angles_deg(
    first: Shaped[np.ndarray, "*n 3"], second: Shaped[np.ndarray, "*n 3"]
) -> Float64[np.ndarray, "*n"]:
    """Between directions of any length; 90 where one has none.

    2·atan2(|p − g|, |p + g|) of the unit vectors, which is exact for small angles too (Kahan).
    """
    p, g = _unit(first), _unit(second)
    apart, together = np.linalg.norm(p - g, axis=-1), np.linalg.norm(p + g, axis=-1)
    return np.asarray(np.rad2deg(2 * np.arctan2(apart, together)))


def _unit(directions: Shaped[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n 3"]:
    values = directions.astype(np.float64)
    length = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.maximum(length, 1e-12))


def delta_m(
    scores: Mapping[str, float],
    single_task: Mapping[str, float],
    lower_is_better: frozenset[str],
) -> float:
    """What learning the tasks together gains, in percent of the single-task scores: Δ_m.

    The mean over tasks of (M − S)/S, its sign turned where lower is better (Maninis, Radosavovic
    and Kokkinos, *Attentive Single-Tasking of Multiple Tasks*, CVPR 2019). One metric
    a task, under its name.

    Raises:
        ValueError: the two do not name the same metrics, or there is none.
    """
    if not scores or scores.keys() != single_task.keys():
        raise ValueError(f"scores of {sorted(scores)} against {sorted(single_task)}")
    gains = [
        (value - single_task[name]) / single_task[name] * (-1 if name in lower_is_better else 1)
        for name, value in scores.items()
    ]
    return 100 * sum(gains) / len(gains)
