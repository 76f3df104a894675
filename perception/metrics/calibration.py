"""How far the probability of a label is from how often it is right."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Float64, UInt8

BINS = 15  # of equal width, as the literature has it


@dataclass(frozen=True, slots=True)
class CalibrationScores:
    """``ece``: expected calibration error. ``confidence``: mean probability of the labels told.
    ``accuracy``: share of them that are right."""

    ece: float
    confidence: float
    accuracy: float


def _bins() -> Float64[np.ndarray, "3 k"]:
    return np.zeros((3, BINS))


@dataclass
class CalibrationError:
    """Expected calibration error Σ_b n_b / n |accuracy_b − confidence_b| over bins of confidence,
    pooled over pixels with truth (Guo et al., ICML 2017, eq. 3)."""

    counts: Float64[np.ndarray, "3 k"] = field(default_factory=_bins)  # pixels, confidence, right

    def add(
        self,
        confidence: Float32[np.ndarray, "h w"],
        labels: UInt8[np.ndarray, "h w"],
        truth: UInt8[np.ndarray, "h w"],
    ) -> None:
        known = truth != 0
        sure = confidence[known].astype(np.float64)
        right = (labels == truth)[known].astype(np.float64)
        place = np.clip((sure * BINS).astype(int), 0, BINS - 1)
        for row, weights in enumerate((np.ones(len(sure)), sure, right)):
            self.counts[row] += np.bincount(place, weights, BINS)

    def scores(self) -> CalibrationScores | None:
        """None where there was no pixel with truth."""
        pixels, sure, right = self.counts
        if not pixels.sum():
            return None
        return CalibrationScores(
            ece=float(np.abs(right - sure).sum() / pixels.sum()),
            confidence=float(sure.sum() / pixels.sum()),
            accuracy=float(right.sum() / pixels.sum()),
        )
