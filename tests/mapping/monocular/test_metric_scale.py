"""The scale of a network found by parallax, and kept where there is none."""

import numpy as np
import pytest
from helpers_estimates import AHEAD, Plane, moved, scaled

from hydra_mono.mapping.monocular.metric_scale import MetricScale, ScaleRule, minimum

WALL = Plane(normal=(0.3, 0.1, -1.0), offset_m=-2.2)
RULE = ScaleRule()


def walk(metric: MetricScale, factor: float, step_m: float, frames: int = 8) -> list[float]:
    """Median ratio to the truth of each frame of a camera that moves sideways."""
    past, ratios = [], []
    for i in range(frames):
        true = WALL.estimate(moved(x=step_m * i, y=0.4 * step_m * i))
        found = metric(scaled(true, factor), past)
        past.append(found)
        ratios.append(float(np.exp(np.median(found.log_depth - true.log_depth))))
    return ratios


@pytest.mark.parametrize("factor", [0.45, 0.8, 1.0, 1.5, 2.4])
def test_a_moving_camera_finds_the_scale_of_its_depth(factor: float) -> None:
    metric = MetricScale(RULE)
    ratios = walk(metric, factor, step_m=0.12)
    assert ratios[-3:] == pytest.approx([1.0, 1.0, 1.0], abs=0.04)
    log_scale, sigma = metric.log_scale
    assert log_scale == pytest.approx(-np.log(factor), abs=max(3 * sigma, 0.04))
    assert sigma < 0.1
    assert metric.figures()["from"] == "parallax"


def test_a_camera_that_only_turns_keeps_the_networks_scale_and_says_so() -> None:
    metric = MetricScale(RULE)
    assert walk(metric, 1.5, step_m=0.0, frames=4) == pytest.approx([1.5] * 4, rel=1e-5)
    assert not metric.is_measured
    figures = metric.figures()
    assert figures["pairs"] == 0 and "no parallax" in figures["from"]
    assert figures["scale"] == 1.0 and figures["log_sigma"] == pytest.approx(RULE.prior_sigma)


def test_what_cannot_be_told_yet_makes_no_surface_but_not_for_ever() -> None:
    metric, estimate = MetricScale(RULE), WALL.estimate(AHEAD)
    sigmas = [
        float(np.median(metric.widen(metric(estimate, []), []).log_depth_sigma))
        for _ in range(RULE.waits + 1)
    ]
    own = float(np.median(estimate.log_depth_sigma))
    assert sigmas[: RULE.waits] == pytest.approx([np.hypot(own, RULE.unknown_sigma)] * RULE.waits)
    assert sigmas[RULE.waits] == pytest.approx(own)


def test_parallax_ends_the_waiting() -> None:
    metric = MetricScale(RULE)
    walk(metric, 1.2, step_m=0.15, frames=3)
    estimate = WALL.estimate()
    assert metric.widen(estimate, []) is estimate


def test_a_restored_scale_goes_on_as_the_one_saved() -> None:
    first = MetricScale(RULE)
    walk(first, 1.4, step_m=0.12, frames=4)
    second = MetricScale(RULE)
    second.restore(first.state())
    assert walk(first, 1.4, 0.1, frames=3) == walk(second, 1.4, 0.1, frames=3)
    assert second.figures() == first.figures()


def test_a_parabola_is_read_exactly() -> None:
    scales = np.linspace(-1, 1, 33)
    place, sigma = minimum((scales - 0.21) ** 2 / (2 * 0.07**2), scales)
    assert place == pytest.approx(0.21) and sigma == pytest.approx(0.07)
