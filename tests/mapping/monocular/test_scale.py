"""Frames brought to the map's scale, and the map kept at its own."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_estimates import Plane, scaled

from hydra_mono.mapping.monocular.scale import AlignRule, ScaleAligner, Surface, fit_scale

WALL = Plane(offset_m=-2.0)
RULE = AlignRule()
INSTANT = replace(RULE, memory=1e9)


def surface_at(depth_m: float) -> Surface:
    """A map whose only surface is a plane before a camera at the origin."""

    def along(points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = points_m[..., 2]
        crosses = (z[:-1] < depth_m) & (z[1:] >= depth_m)
        first = crosses.argmax(axis=0)
        before, after = (np.take_along_axis(z, first[None] + i, 0)[0] for i in (0, 1))
        place = first + (depth_m - before) / (after - before)
        return place.astype(np.float32), crosses.any(axis=0)

    return along


def nothing(points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count = points_m.shape[1]
    return np.zeros(count, np.float32), np.zeros(count, bool)


def test_scale_and_shift_are_found_among_outliers() -> None:
    rng = np.random.default_rng(0)
    inverse_depth = rng.uniform(0.2, 1.0, 2000).astype(np.float32)
    ratio = 0.04 + 0.03 * inverse_depth + rng.normal(0, 0.01, 2000)
    ratio[:400] += rng.uniform(0.1, 0.25, 400)
    scale, shift_m = fit_scale(ratio.astype(np.float32), inverse_depth, replace(RULE, samples=2000))
    assert scale == pytest.approx(0.04, abs=0.006)
    assert shift_m == pytest.approx(0.03, abs=0.01)


def test_few_samples_are_drawn_to_no_change() -> None:
    ratio, inverse_depth = np.full(50, 0.1, np.float32), np.full(50, 0.5, np.float32)
    little, much = (
        fit_scale(ratio + noise, inverse_depth, replace(RULE, samples=samples))[0]
        for samples in (1, 1000)
        for noise in [np.linspace(-0.1, 0.1, 50, dtype=np.float32)]
    )
    assert 0 < little < much < 0.1


def test_most_of_a_frames_scale_error_is_taken_away() -> None:
    result = ScaleAligner(surface_at(2.0), INSTANT)(scaled(WALL.estimate(), 1.1))
    left = np.median(result.depth_m) / 2.0 - 1
    assert 0.01 < left < 0.035


def test_a_frame_that_hardly_meets_the_map_stays_as_it_is() -> None:
    estimate = scaled(WALL.estimate(), 1.1)
    assert ScaleAligner(nothing, RULE)(estimate) is estimate


def test_the_maps_scale_does_not_run_away_from_the_networks() -> None:
    """The map is the mean of what was put into it lately; the first frames are far off."""
    rng = np.random.default_rng(3)
    quick = replace(RULE, memory=60)
    aligner, map_log, error = ScaleAligner(lambda p: surface_at(2.0 * scale)(p), quick), 0.15, 0.0
    for _ in range(400):
        scale = float(np.exp(map_log))
        error = 0.95 * error + rng.normal(0, 0.04 * np.sqrt(1 - 0.95**2))
        put_in = aligner(scaled(WALL.estimate(), np.exp(error)))
        map_log += (float(np.log(np.median(put_in.depth_m) / 2.0)) - map_log) / 30
    assert abs(map_log) < 0.04
