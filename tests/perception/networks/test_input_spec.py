"""What a network is shown of an image."""

import numpy as np
import pytest

from hydra_mono.core.frame import Intrinsics
from hydra_mono.perception.networks.input_spec import InputSpec, fitted


def test_an_image_fits_the_feed_in_proportion() -> None:
    assert fitted((480, 640), (224, 224)) == (168, 224)
    assert fitted((640, 480), (224, 224)) == (224, 168)
    assert fitted((1, 5000), (224, 224)) == (1, 224)


@pytest.mark.parametrize(("squashed", "size"), [(False, (96, 128)), (True, (128, 128))])
def test_a_squashed_image_fills_the_size(squashed: bool, size: tuple[int, int]) -> None:
    images = InputSpec((128, 128), squashed=squashed)
    assert images.shown(np.zeros((48, 64, 3), np.uint8)).shape[2:] == size


def test_without_a_focal_length_depth_is_left_as_it_is() -> None:
    camera = Intrinsics(200.0, 200.0, 79.5, 59.5, 160, 120)
    assert InputSpec((60, 80)).depth_factor(camera) == 1
    assert InputSpec((60, 80), focal_px=50.0).depth_factor(camera) == 2
