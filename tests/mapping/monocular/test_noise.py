"""How far a network's depth is off."""

import numpy as np

from hydra_mono.mapping.monocular.noise import log_depth_sigma


def test_the_deviation_grows_with_the_square_of_depth() -> None:
    depth_m = np.array([[1.0, 2.0, 4.0]], np.float32)
    sigma_m = log_depth_sigma(depth_m, 0.02, 0.03) * depth_m
    np.testing.assert_allclose(sigma_m, [[0.05, 0.14, 0.5]], rtol=1e-6)
