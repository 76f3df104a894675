"""Scores of tasks that other data sets than ours have: parts, saliency, disparity.

Pooled over all pixels of a split, as multi-task work on PASCAL-Context and Cityscapes reports them.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Shaped

UNKNOWN = 255  # label of pixels without truth
BETA_SQUARED = 0.3  # of the F measure of saliency: precision counts more (Achanta et al., 2009)
THRESHOLDS = np.arange(1, 20) * 0.05  # of the probability, 0.05 to 0.95


@runtime_checkable
class Meter(Protocol):
    """Pools one task; ``values``: the network's own, k h w."""

    def add(
        self, values: Float32[np.ndarray, "k h w"], truth: Shaped[np.ndarray, "h w"]
    ) -> None: ...

    def score(self) -> float | None:
        """None where there was no truth."""
        ...


class PartsIoU:
    """Mean IoU of all classes, background among them; a class that occurs nowhere is left out."""

    def __init__(self, classes: int = 7) -> None:
        self._counts = np.zeros((classes, classes), np.int64)

    def add(self, values: Float32[np.ndarray, "k h w"], truth: Shaped[np.ndarray, "h w"]) -> None:
        """``values``: logits. ``truth``: class ids, 255 unknown."""
        classes = len(self._counts)
        known = truth < classes
        pairs = truth[known].astype(np.int64) * classes + values.argmax(0)[known]
        self._counts += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    def score(self) -> float | None:
        hits = np.diag(self._counts)
        union = self._counts.sum(0) + self._counts.sum(1) - hits
        return float((hits[union > 0] / union[union > 0]).mean()) if union.any() else None


class SaliencyF:
    """maxF: F_β = (1 + β²) P R / (β² P + R) at the threshold where it is best."""

    def __init__(self) -> None:
        self._hits = np.zeros(len(THRESHOLDS), np.int64)
        self._found = np.zeros(len(THRESHOLDS), np.int64)
        self._true = 0

    def add(self, values: Float32[np.ndarray, "k h w"], truth: Shaped[np.ndarray, "h w"]) -> None:
        """``values``: logits of background and of what stands out. ``truth``: 1 there, 255
        unknown."""
        known = truth != UNKNOWN
        salient = truth[known] == 1
        probability = 1 / (1 + np.exp((values[0] - values[1])[known].astype(np.float64)))
        found = probability[None] > THRESHOLDS[:, None]
        self._hits += (found & salient).sum(1)
        self._found += found.sum(1)
        self._true += int(salient.sum())

    def score(self) -> float | None:
        if self._true == 0:
            return None
        precision = self._hits / np.maximum(self._found, 1)
        recall = self._hits / self._true
        below = np.maximum(BETA_SQUARED * precision + recall, 1e-12)
        return float(((1 + BETA_SQUARED) * precision * recall / below).max())


class DisparityError:
    """Root of the mean squared error in pixels; negative truth is unknown."""

    def __init__(self) -> None:
        self._sum, self._pixels = 0.0, 0

    def add(self, values: Float32[np.ndarray, "k h w"], truth: Shaped[np.ndarray, "h w"]) -> None:
        known = truth >= 0
        error = values[0][known].astype(np.float64) - truth[known]
        self._sum += float((error**2).sum())
        self._pixels += int(known.sum())

    def score(self) -> float | None:
        return (self._sum / self._pixels) ** 0.5 if self._pixels else None


METERS: Mapping[str, Callable[[], Meter]] = {
    "parts": PartsIoU,
    "saliency": SaliencyF,
    "disparity": DisparityError,
}
