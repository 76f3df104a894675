"""Agents are left out of the map."""

import numpy as np
import pytest
from scipy import ndimage

from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.static_pixels import dilated, static_pixels


def test_people_are_left_out_with_a_margin() -> None:
    labels = np.ones((20, 20), np.uint8)
    labels[8:12, 8:12] = 40
    moving = np.zeros(256, bool)
    moving[40] = True
    keep = static_pixels(
        Prediction(np.ones((20, 20), np.float32), labels=labels), moving, margin_px=2
    )
    assert keep is not None
    assert not keep[8:12, 8:12].any() and not keep[6, 9] and keep[5, 9]


def test_without_labels_or_people_nothing_is_left_out() -> None:
    depth = np.ones((4, 4), np.float32)
    moving = np.ones(256, bool)
    assert static_pixels(Prediction(depth), moving) is None
    calm = Prediction(depth, labels=np.ones((4, 4), np.uint8))
    assert static_pixels(calm, np.zeros(256, bool)) is None


@pytest.mark.parametrize("share", [0.0, 0.002, 0.3])
@pytest.mark.parametrize("steps", [1, 4])
def test_a_mask_grows_as_in_scipy_up_to_the_image_s_edges(share: float, steps: int) -> None:
    mask = np.random.default_rng(steps).random((30, 41)) < share
    expected = ndimage.binary_dilation(mask, iterations=steps)
    np.testing.assert_array_equal(dilated(mask, steps), expected)
