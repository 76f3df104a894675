"""How far the search looks, by what it found before."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_estimates import Plane, moved

from hydra_mono.mapping.monocular.depth_fit import DepthFit, widened
from hydra_mono.mapping.monocular.low_res import LowResEstimate
from hydra_mono.mapping.monocular.plane_sweep import COARSE, FINE

WALL = Plane(normal=(0.3, 0.1, -1.0), offset_m=-2.2)
PAST = [WALL.estimate(moved(x=-0.3)), WALL.estimate(moved(y=0.25))]


def bent(size: float) -> LowResEstimate:
    """Log depth wrong by so much, one side too near and the other too far."""
    estimate = WALL.estimate()
    tilt = np.linspace(-size, size, estimate.log_depth.shape[1], dtype=np.float32)
    return replace(estimate, log_depth=estimate.log_depth + tilt)


def fitted_often(size: float) -> tuple[DepthFit, LowResEstimate]:
    fit = DepthFit((COARSE, FINE), use_normals=False)
    for _ in range(40):
        found = fit(bent(size), PAST)
    return fit, found


def test_a_good_network_is_expected_to_be_as_good_as_it_is() -> None:
    fit, _ = fitted_often(0.1)
    assert fit.expected_sigma == pytest.approx(0.068, abs=0.015)  # 68 % of ±0.1 in even steps


def test_a_worse_network_widens_the_search_and_the_deviation() -> None:
    once = DepthFit((COARSE, FINE), use_normals=False)(bent(0.45), PAST)
    fit, found = fitted_often(0.45)
    true = WALL.estimate().log_depth
    assert fit.expected_sigma > 0.2
    assert np.abs(found.log_depth - true).mean() < 0.9 * np.abs(once.log_depth - true).mean()


def test_without_earlier_images_nothing_is_learnt() -> None:
    fit = DepthFit((COARSE, FINE), use_normals=True)
    fit(bent(0.4), [])
    assert fit.expected_sigma == DepthFit((), use_normals=True).expected_sigma


def test_what_was_learnt_is_saved() -> None:
    fit, _ = fitted_often(0.45)
    other = DepthFit((COARSE, FINE), use_normals=False)
    other.restore(fit.state())
    assert other.expected_sigma == fit.expected_sigma


def test_a_widened_rule_searches_as_finely() -> None:
    rule = widened(COARSE, 0.2)
    assert rule.prior == 0.2
    assert rule.span == pytest.approx(0.6)
    assert rule.span / rule.steps == pytest.approx(COARSE.span / COARSE.steps, rel=0.1)
