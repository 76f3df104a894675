"""Blurred steps of depth."""

import numpy as np
from helpers_estimates import Plane
from scipy.ndimage import gaussian_filter1d

from hydra_mono.mapping.monocular.depth_edges import between_surfaces

RULE = {"window_px": 5, "step": 0.25, "edge_step": 0.1}
FLAT = np.zeros((48, 64), np.float32)


def step_of(height: float) -> np.ndarray:
    """Log depth of a near surface before a far one, blurred over a few pixels."""
    sharp = np.where(np.arange(64) < 32, 0.5, 0.5 + height)
    return np.tile(gaussian_filter1d(sharp, 1.5), (48, 1)).astype(np.float32)


def test_the_ramp_between_two_surfaces_is_found_and_no_more() -> None:
    between = between_surfaces(step_of(0.6), FLAT, None, **RULE)
    assert between[:, 31:33].all()
    assert not between[:, :28].any() and not between[:, 36:].any()


def test_a_low_step_counts_where_an_edge_is_likely() -> None:
    low, sure = step_of(0.25), np.full((48, 64), 0.9, np.float32)
    assert not between_surfaces(low, FLAT, FLAT, **RULE).any()
    assert between_surfaces(low, FLAT, sure, **RULE)[:, 31:33].all()


def test_a_floor_seen_flatly_is_no_border() -> None:
    floor = Plane(normal=(0.0, -1.0, -0.05), offset_m=-1.0).estimate()
    rows = np.s_[30:, :]
    down = np.abs(np.diff(floor.log_depth, axis=0, prepend=floor.log_depth[:1]))
    edges = np.full((48, 64), 0.9, np.float32)
    assert between_surfaces(floor.log_depth, FLAT, edges, **RULE)[rows].any()
    assert not between_surfaces(floor.log_depth, down, edges, **RULE)[rows].any()
