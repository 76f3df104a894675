"""Small images of a prediction, and the way back."""

from dataclasses import replace

import numpy as np
from helpers_runs import wall_frame

from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.monocular.low_res import downsample, upsample


def prediction(**changes: np.ndarray) -> Prediction:
    whole = {
        "depth_m": np.full((48, 64), 2.0, np.float32),
        "labels": np.ones((48, 64), np.uint8),
        "confidence": np.full((48, 64), 0.9, np.float32),
    }
    return Prediction(**(whole | changes))


def test_a_draft_left_alone_gives_the_depth_back() -> None:
    rng = np.random.default_rng(0)
    given = prediction(depth_m=rng.uniform(1, 4, (48, 64)).astype(np.float32))
    estimate = downsample(wall_frame(0), given, 24)
    assert estimate.log_depth.shape == (24, 32) and estimate.camera.width == 32
    np.testing.assert_allclose(
        upsample(given, estimate, estimate).depth_m, given.depth_m, rtol=1e-6
    )


def test_a_change_of_scale_and_deviation_reach_the_whole_image() -> None:
    given = prediction()
    estimate = downsample(wall_frame(0), given, 24)
    better = replace(
        estimate,
        log_depth=estimate.log_depth + np.float32(np.log(1.5)),
        log_depth_sigma=np.full((24, 32), 0.1, np.float32),
    )
    result = upsample(given, estimate, better)
    np.testing.assert_allclose(result.depth_m, 3.0, rtol=1e-6)
    assert result.sigma_m is not None
    np.testing.assert_allclose(result.sigma_m, 0.3, rtol=1e-6)


def test_what_is_not_usable_has_no_depth() -> None:
    given = prediction()
    estimate = downsample(wall_frame(0), given, 24)
    usable = estimate.usable.copy()
    usable[:, :16] = False
    result = upsample(given, estimate, replace(estimate, usable=usable))
    assert not result.depth_m[:, :32].any() and result.depth_m[:, 32:].all()


def test_pixels_without_depth_or_with_none_that_is_a_number_are_not_usable() -> None:
    depth_m = np.full((48, 64), 2.0, np.float32)
    depth_m[:10], depth_m[10:20] = 0, np.nan
    estimate = downsample(wall_frame(0), prediction(depth_m=depth_m), 48)
    assert not estimate.usable[:20].any() and estimate.usable[20:].all()
    assert np.isfinite(estimate.log_depth).all()


def test_an_image_smaller_than_the_draft_is_not_enlarged() -> None:
    assert downsample(wall_frame(0), prediction(), 96).log_depth.shape == (48, 64)
