"""Calibration error against a sum over bins by hand."""

import numpy as np
import pytest

from hydra_mono.perception.metrics.calibration import CalibrationError


def scored(confidence: list[float], right: list[bool]) -> CalibrationError:
    error = CalibrationError()
    labels = np.where(right, 3, 4).astype(np.uint8)[None]
    error.add(np.array([confidence], np.float32), labels, np.full(labels.shape, 3, np.uint8))
    return error


def test_who_is_right_as_often_as_told_has_no_error() -> None:
    scores = scored([0.75] * 4, [True, True, True, False]).scores()
    assert scores is not None and scores.ece == pytest.approx(0)
    assert scores.accuracy == scores.confidence == pytest.approx(0.75)


def test_errors_are_weighed_by_the_pixels_of_their_bin() -> None:
    """Three pixels, 0.1 too sure; one pixel, 0.4 not sure enough."""
    scores = scored([0.767, 0.767, 0.767, 0.6], [True, False, True, True]).scores()
    assert scores is not None
    assert scores.ece == pytest.approx(0.75 * 0.1 + 0.25 * 0.4, abs=1e-3)


def test_errors_of_opposite_sign_in_one_bin_cancel_and_in_two_do_not() -> None:
    one, two = (
        scored([0.9, 0.9], [True, False]).scores(),
        scored([1.0, 0.0], [False, True]).scores(),
    )
    assert one is not None and one.ece == pytest.approx(0.4)
    assert two is not None and two.ece == pytest.approx(1.0)


def test_pixels_without_truth_do_not_count_and_none_at_all_have_no_score() -> None:
    error = CalibrationError()
    image = np.full((2, 2), 0.5, np.float32)
    error.add(image, np.ones((2, 2), np.uint8), np.zeros((2, 2), np.uint8))
    assert error.scores() is None
