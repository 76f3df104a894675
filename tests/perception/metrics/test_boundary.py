"""Boundary odsF: thinning, local maxima and one-to-one matching against plain implementations."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from hydra_mono.perception.metrics.boundary import Boundaries, BoundaryScores, local_maxima
from hydra_mono.perception.metrics.thinning import thinned

EIGHT = np.ones((3, 3))


def blobs(seed: int, height: int = 40, width: int = 50) -> np.ndarray:
    noise = np.random.default_rng(seed).random((height, width))
    return np.asarray(ndimage.gaussian_filter(noise, 1.5) > 0.5)


def outline(height: int, width: int, top: int = 30, left: int = 40) -> np.ndarray:
    """A closed line one pixel wide."""
    image = np.zeros((height, width), bool)
    image[top:-30, [left, -40]] = True
    image[[top, -30], left:-39] = True
    return image


def line(column: int, height: int = 120, width: int = 160) -> np.ndarray:
    image = np.zeros((height, width), bool)
    image[:, column] = True
    return image


def scored(predicted: np.ndarray, truth: np.ndarray, **numbers: float) -> BoundaryScores:
    boundaries = Boundaries(**numbers)  # type: ignore[arg-type]
    boundaries.add(predicted.astype(np.float32), truth)
    scores = boundaries.scores()
    assert scores is not None
    return scores


def pixels_matched(predicted: np.ndarray, truth: np.ndarray, reach_px: float) -> int:
    """The cheapest assignment, unmatched pixels costing more than any detour."""
    apart = np.linalg.norm(np.argwhere(predicted)[:, None] - np.argwhere(truth)[None], axis=2)
    cost = np.where(apart <= reach_px, apart, 1e6)
    return int((cost[linear_sum_assignment(cost)] < 1e6).sum())


@pytest.mark.parametrize("seed", range(5))
def test_thinning_keeps_what_hangs_together_and_leaves_no_thick_line(seed: int) -> None:
    image = blobs(seed)
    thin = thinned(image)
    assert not (thin & ~image).any()
    assert ndimage.label(thin, EIGHT)[1] == ndimage.label(image, EIGHT)[1]
    holes = [ndimage.label(np.pad(~x, 1, constant_values=True))[1] for x in (thin, image)]
    assert holes[0] == holes[1]
    full = ndimage.minimum_filter(thin.astype(int), 3, mode="constant")
    assert not full.any()
    np.testing.assert_array_equal(thinned(thin), thin)


def test_a_bar_thins_to_its_middle_row() -> None:
    bar = np.zeros((9, 20), bool)
    bar[2:7, 2:18] = True
    rows, columns = np.nonzero(thinned(bar))
    middle = (columns > 5) & (columns < 14)
    assert set(rows[middle]) == {4} and np.unique(columns[middle]).size == 8


@pytest.mark.parametrize("angle_deg", [0, 20, 45, 70, 90, 110, 135, 160])
def test_a_soft_ridge_has_its_maxima_on_its_crest(angle_deg: float) -> None:
    y, x = np.mgrid[-40:41, -40:41]
    angle = np.deg2rad(angle_deg + 0.01)
    off_px = x * np.sin(angle) - y * np.cos(angle)
    maxima = local_maxima(np.exp(-(off_px**2) / 18).astype(np.float32))
    inner = np.zeros_like(maxima, bool)
    inner[10:-10, 10:-10] = True
    assert np.abs(off_px[(maxima > 0.05) & inner]).max() < 1.0
    assert (maxima[inner & (np.abs(off_px) < 0.3)] > 0.9).all()


def test_maxima_fade_at_the_border_of_the_image() -> None:
    maxima = local_maxima(np.ones((30, 40), np.float32))
    np.testing.assert_allclose(maxima[15, :7], [0, 0.2, 0.4, 0.6, 0.8, 1, 1], atol=1e-6)
    np.testing.assert_allclose(maxima[15, ::-1], maxima[15], atol=1e-6)
    np.testing.assert_allclose(maxima[:7, 20], [0, 0.2, 0.4, 0.6, 0.8, 1, 1], atol=1e-6)


def test_a_boundary_matches_itself() -> None:
    assert scored(outline(240, 320), outline(240, 320), thresholds=11).ods_f >= 0.99


@pytest.mark.parametrize(("shift_px", "found"), [(1, True), (8, True), (9, False)])
def test_what_lies_within_the_tolerance_counts(shift_px: int, found: bool) -> None:
    """0.011 of the diagonal of 480 × 640 pixels is 8.8 pixels."""
    truth, predicted = line(300, 480, 640), line(300 + shift_px, 480, 640)
    scores = scored(predicted, truth, thresholds=3)
    assert scores.ods_f > 0.95 if found else scores.ods_f == 0


@pytest.mark.parametrize("seed", range(4))
def test_matching_is_one_to_one_and_as_large_as_can_be(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = thinned(blobs(seed, 60, 80))
    probability = (ndimage.gaussian_filter(blobs(seed + 9, 60, 80) * 1.0, 1) * 0.9).astype("f4")
    probability *= rng.random((60, 80)).astype("f4")
    boundaries = Boundaries(thresholds=5, tolerance=0.03)
    boundaries.add(probability, truth)
    scores = boundaries.scores()
    maxima = local_maxima(np.rint(probability * 255).astype(np.float32) / 255)
    best = 0.0
    for threshold in (0.001, 0.25, 0.5, 0.75, 0.999):
        thin = thinned(maxima > threshold)
        matched = pixels_matched(thin, truth, 0.03 * np.hypot(60, 80))
        f = 2 * matched / (thin.sum() + truth.sum())
        best = max(best, f)
        if scores is not None and threshold == scores.threshold:
            assert scores.ods_f == pytest.approx(f)
            assert scores.precision == pytest.approx(matched / thin.sum())
            assert scores.recall == pytest.approx(matched / truth.sum())
    assert scores is not None and scores.ods_f == pytest.approx(best) and best > 0.2


def test_two_lines_cannot_both_match_one() -> None:
    scores = scored(line(78) | line(82), line(80), thresholds=3, tolerance=0.02)
    assert scores.precision == pytest.approx(0.5, abs=0.03)
    assert scores.recall == 1.0


def test_the_best_threshold_is_chosen_for_all_images_together() -> None:
    boundaries = Boundaries(thresholds=11)
    for strength in (0.95, 0.35):
        clutter = 0.25 * (line(30) | line(50)).astype(np.float32)
        boundaries.add(np.maximum(clutter, line(90) * np.float32(strength)), line(90))
    scores = boundaries.scores()
    assert scores is not None and scores.threshold == pytest.approx(0.3)
    assert scores.precision == 1.0 and scores.ods_f > 0.95


def test_predictions_where_borders_are_unknown_do_not_count() -> None:
    truth, unknown = line(40), line(120)
    predicted = (truth | unknown).astype(np.float32)
    told, untold = Boundaries(thresholds=3), Boundaries(thresholds=3)
    told.add(predicted, truth, unknown)
    untold.add(predicted, truth)
    first, second = told.scores(), untold.scores()
    assert first is not None and second is not None
    assert first.precision == 1.0 and second.precision == pytest.approx(0.5)
    assert first.recall == second.recall


def test_where_unknown_meets_a_true_border_the_benchmark_rules() -> None:
    truth, unknown = line(80), line(81)
    boundaries = Boundaries(thresholds=3)
    boundaries.add(truth.astype(np.float32), truth, unknown)
    scores = boundaries.scores()
    assert scores is not None and scores.ods_f > 0.95


def test_without_any_true_border_there_is_no_score() -> None:
    boundaries = Boundaries(thresholds=3)
    boundaries.add(line(20).astype(np.float32), np.zeros((120, 160), bool))
    assert boundaries.scores() is None


def test_a_network_that_sees_no_border_scores_nothing() -> None:
    scores = scored(np.zeros((120, 160)), line(20), thresholds=3)
    assert scores.ods_f == 0 and scores.recall == 0 and scores.precision == 0
