"""What somebody looks like: colours of legs and of trunk, which tell people apart.

Histograms and their comparison after Comaniciu, Ramesh and Meer, *Kernel-Based Object Tracking*,
PAMI 2003 (Bhattacharyya coefficient); counts are spread over neighbouring bins, so that a shade
more of light changes little.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt8

LEGS, TRUNK = (0.06, 0.45), (0.5, 0.84)  # shares of somebody's height: without shoes and head
BINS = 4  # of each channel: clothes differ by more, lamps by less
LEAST_PIXELS = 8  # of a part, to say what it looks like


@dataclass(frozen=True, slots=True)
class Appearance:
    """``parts``: histogram over ``BINS``³ colours of legs and of trunk, each of sum 1, or 0 where
    not seen. ``color``: mean RGB of everything."""

    parts: Float64[np.ndarray, "2 bins"]
    color: Float64[np.ndarray, "3"]

    def difference(self, other: "Appearance") -> float | None:
        """0 for alike to 1 for no colour in common; None where no part was seen of both."""
        both = (self.parts.sum(axis=1) > 0) & (other.parts.sum(axis=1) > 0)
        if not both.any():
            return None
        alike = np.sqrt(self.parts[both] * other.parts[both]).sum(axis=1)
        return float(np.sqrt(np.maximum(1 - alike, 0)).mean())

    def blended(self, other: "Appearance", share: float) -> "Appearance":
        """This one with a share of another; parts seen for the first time are taken over whole."""
        parts = self.parts.copy()
        for own, new in zip(parts, other.parts, strict=True):
            if new.any():
                own[:] = (1 - share) * own + share * new if own.any() else new
        return Appearance(parts, (1 - share) * self.color + share * other.color)


def appearance(
    rgb: UInt8[np.ndarray, "n 3"],
    heights_m: Float64[np.ndarray, " n"],
    bottom_m: float,
    top_m: float,
) -> Appearance:
    """Of pixels at heights, of a body from bottom to top."""
    share = (heights_m - bottom_m) / max(top_m - bottom_m, 1e-6)
    parts = [_histogram(rgb[(share >= lower) & (share < upper)]) for lower, upper in (LEGS, TRUNK)]
    return Appearance(np.stack(parts), rgb.mean(axis=0, dtype=np.float64))


def _histogram(rgb: UInt8[np.ndarray, "n 3"]) -> Float64[np.ndarray, " bins"]:
    """Of sum 1; each pixel counts for the eight bins round it, by its nearness."""
    total = np.zeros(BINS**3)
    if len(rgb) < LEAST_PIXELS:
        return total
    place = rgb * ((BINS - 1) / 255)
    lower = np.minimum(place.astype(np.int64), BINS - 2)
    upper_share = place - lower
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, upper_share, 1 - upper_share).prod(axis=1)
        total += np.bincount(_index(lower + corner), weight, BINS**3)
    return total / len(rgb)


def _index(bins: Int64[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
    return np.asarray((bins[:, 0] * BINS + bins[:, 1]) * BINS + bins[:, 2])
