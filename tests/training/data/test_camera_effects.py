"""What cameras do to images: each effect on an image of which the result is known."""

import numpy as np
import pytest
import torch

from hydra_mono.training.data.camera_effects import CameraEffects, photographed, random_effects

SIZE = (3, 48, 64)


def taken(image: torch.Tensor, effects: CameraEffects) -> torch.Tensor:
    return photographed(image, effects, np.random.default_rng(0))


def spot() -> torch.Tensor:
    image = torch.zeros(SIZE)
    image[:, 24, 32] = 1.0
    return image


def test_a_perfect_camera_changes_nothing() -> None:
    image = torch.rand(SIZE, generator=torch.Generator().manual_seed(0))
    assert torch.equal(taken(image, CameraEffects()), image)


def test_a_vignette_darkens_the_corners_and_spares_the_middle() -> None:
    found = taken(torch.full(SIZE, 0.8), CameraEffects(vignette=0.5))
    assert found[0, 0, 0] == pytest.approx(0.4) and found[0, 24, 32] == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(
    "effects", [CameraEffects(defocus=0.03), CameraEffects(motion=(0.1, 0.05))]
)
def test_blur_keeps_light_and_its_middle(effects: CameraEffects) -> None:
    found = taken(spot(), effects)
    assert float(found.sum()) == pytest.approx(3.0, rel=1e-4) and float(found.max()) < 0.5
    weight = found[0] / found[0].sum()
    middle_y = float((weight * torch.arange(48)[:, None]).sum())
    middle_x = float((weight * torch.arange(64)[None]).sum())
    assert (middle_y, middle_x) == (pytest.approx(24, abs=0.01), pytest.approx(32, abs=0.01))


def test_motion_draws_a_trace_of_its_length_and_heading() -> None:
    found = taken(spot(), CameraEffects(motion=(8 / 64, 0.0)))[0]
    assert int((found > 0).sum(dim=0).max()) == 1  # one row
    assert int((found[24] > 1e-3).sum()) == pytest.approx(9, abs=1)


def test_defocus_has_the_deviation_it_says() -> None:
    found = taken(spot(), CameraEffects(defocus=2 / 64))[0]
    variance = float((found * (torch.arange(64)[None] - 32.0) ** 2).sum() / found.sum())
    assert variance**0.5 == pytest.approx(2.0, rel=0.03)


def test_noise_rises_with_gain_and_brightness() -> None:
    def deviation(level: float, gain: float) -> float:
        return float(taken(torch.full(SIZE, level), CameraEffects(gain=gain)).std())

    assert deviation(0.5, 4e-4) == pytest.approx((4e-4 * 0.51) ** 0.5, rel=0.05)
    assert deviation(0.5, 4e-4) > deviation(0.2, 4e-4)
    assert deviation(0.5, 1.6e-3) == pytest.approx(2 * deviation(0.5, 4e-4), rel=0.05)


def test_overexposure_clips_and_compression_keeps_the_picture() -> None:
    ramp = torch.linspace(0, 1, 64).expand(SIZE)
    bright = taken(ramp, CameraEffects(exposure=2.0))
    assert float(bright.max()) == 1.0 and bright[0, 0, 16] == pytest.approx(
        2 * float(ramp[0, 0, 16])
    )
    rough = taken(ramp, CameraEffects(quality=40))
    assert 0 < float((rough - ramp).abs().max()) < 0.1


def test_random_cameras_repeat_and_stay_within_colours() -> None:
    image = torch.rand(SIZE, generator=torch.Generator().manual_seed(2))
    drawn = [random_effects(np.random.default_rng(seed)) for seed in range(40)]
    assert drawn == [random_effects(np.random.default_rng(seed)) for seed in range(40)]
    assert len({effects.quality is None for effects in drawn}) == 2
    for effects in drawn:
        found = taken(image, effects)
        assert found.shape == image.shape and 0 <= float(found.min()) <= float(found.max()) <= 1
