"""Depth tried against earlier images of a patterned plane."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_estimates import Plane, moved, scaled

from hydra_mono.mapping.monocular.low_res import LowResEstimate
from hydra_mono.mapping.monocular.plane_sweep import (
    COARSE,
    FINE,
    SweepRule,
    normalise_contrast,
    partners,
    sweep,
)

WALL = Plane(normal=(0.3, 0.1, -1.0), offset_m=-2.2)
RULE = FINE
PAST = [WALL.estimate(moved(x=-0.3)), WALL.estimate(moved(y=0.25))]


@pytest.mark.parametrize(
    ("rule", "factor"), [(FINE, 0.95), (FINE, 1.0), (FINE, 1.05), (COARSE, 0.8), (COARSE, 1.25)]
)
def test_a_wrong_scale_is_found_where_there_is_a_pattern(rule: SweepRule, factor: float) -> None:
    found = sweep(scaled(WALL.estimate(), factor), PAST, rule)
    assert found is not None
    sure = found.precision > 500
    assert sure.mean() > 0.3
    finest = 0.005 if rule is FINE else 0.02
    assert np.median(found.change[sure]) == pytest.approx(-np.log(factor), abs=finest)
    assert np.abs(found.change[sure] + np.log(factor)).mean() < 4 * finest


def test_earlier_depth_that_is_wrong_does_not_matter() -> None:
    past = [scaled(estimate, 1.3) for estimate in PAST]
    one, other = (sweep(WALL.estimate(), estimates, RULE) for estimates in (PAST, past))
    assert one is not None and other is not None
    np.testing.assert_array_equal(one.change, other.change)


def test_a_blank_wall_says_nothing() -> None:
    blank = replace(WALL, contrast=0.0)
    found = sweep(scaled(blank.estimate(), 1.1), [blank.estimate(moved(x=-0.3))], RULE)
    assert found is not None
    assert not found.precision.any() and not found.change.any()


def test_a_pattern_that_repeats_is_believed_less_than_one_that_does_not() -> None:
    """Stripes 40 cm apart, seen from 1.2 m aside, match again at a change of log depth of 0.4."""
    wide = replace(COARSE, span=0.45, steps=26, prior=0.3)
    estimates = [WALL.estimate(), WALL.estimate(moved(x=-1.2))]
    plain = sweep(estimates[0], estimates[1:], wide)
    striped = sweep(*_striped(estimates), wide)
    assert plain is not None and striped is not None
    inner = np.s_[8:-8, 2:14]  # what the other image shows at any depth searched
    assert np.median(striped.precision[inner]) < 0.3 * np.median(plain.precision[inner])


def _striped(estimates: list[LowResEstimate]) -> tuple[LowResEstimate, list[LowResEstimate]]:
    drawn = []
    for estimate in estimates:
        across_m = (estimate.rays * estimate.depth_m[..., None])[..., 0]
        phase = 2 * np.pi * (across_m + estimate.world_from_camera[0, 3]) / 0.4
        drawn.append(replace(estimate, gray=(120 + 60 * np.sin(phase)).astype(np.float32)))
    return drawn[0], drawn[1:]


def test_darker_images_of_the_same_are_alike() -> None:
    gray = WALL.estimate().gray
    np.testing.assert_allclose(
        normalise_contrast(gray * 0.7 + 10), normalise_contrast(gray), atol=0.15
    )


def test_without_a_distance_between_them_images_are_no_partners() -> None:
    estimate = WALL.estimate()
    assert partners(estimate, [WALL.estimate(moved(x=0.01))], RULE) == []
    assert sweep(estimate, [], RULE) is None


def test_partners_are_those_of_the_best_distance() -> None:
    past = [WALL.estimate(moved(x=x)) for x in (-1.5, -0.35, -0.3, -0.1)]
    chosen = partners(WALL.estimate(), past, RULE)
    assert [estimate.world_from_camera[0, 3] for estimate in chosen] == [-0.35, -0.3]


def test_what_earlier_images_do_not_show_gets_no_evidence() -> None:
    found = sweep(WALL.estimate(), [WALL.estimate(moved(x=-0.5))], RULE)
    assert found is not None
    assert not found.precision[:, -6:].any() and found.precision[:, 8:40].any()
