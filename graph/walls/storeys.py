"""Storeys: heights at which floors lie."""

import numpy as np
from jaxtyping import Float64

SPREAD = 0.15  # m; floor this close to a storey's level belongs to it
SLAB_M = 0.3  # from a ceiling, where a storey's walls end, to the floor above it


def storey_floors(
    floor_area: Float64[np.ndarray, "n 2"],
    min_height_m: float,
    min_area_m2: float,
    min_share: float,
) -> list[float]:
    """Floor heights of the storeys, from below, out of (height m, floor area m²) rows.

    Heights with much floor win over nearer ones with less: two storeys are at least
    ``min_height_m`` apart, and each has at least ``min_area_m2`` and ``min_share`` of the largest.
    """
    heights, areas = floor_area.T
    near = np.abs(heights[:, None] - heights[None, :]) <= SPREAD
    smoothed = near @ areas
    levels: list[float] = []
    for index in np.lexsort((heights, -smoothed)).tolist():
        too_small = smoothed[index] < max(min_area_m2, min_share * float(smoothed.max()))
        if not too_small and all(abs(heights[index] - level) >= min_height_m for level in levels):
            levels.append(float(heights[index]))
    return sorted(levels)


def storey_of(heights_m: Float64[np.ndarray, " n"], floors_m: list[float]) -> np.ndarray:
    """Index of the storey each height lies in; below the lowest floor counts as the lowest.

    Storeys part at the middle of the slab: there is air in it above the stairs.
    """
    above = np.searchsorted(np.array(floors_m), heights_m + SLAB_M / 2, side="right") - 1
    return np.maximum(above, 0)


def settle_floors(before_m: list[float], now_m: list[float]) -> list[float]:
    """The storeys of ``now_m``, each at its earlier height where it hardly moved."""
    return sorted(
        next((old for old in before_m if abs(old - new) <= 2 * SPREAD), new) for new in now_m
    )
