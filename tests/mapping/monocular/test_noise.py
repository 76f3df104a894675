"""How far a network's depth is off."""

import numpy as np
import pytest

from hydra_mono.mapping.monocular.noise import cos_incidence, log_depth_sigma


def test_the_deviation_grows_with_the_square_of_depth() -> None:
    depth_m = np.array([[1.0, 2.0, 4.0]], np.float32)
    sigma_m = log_depth_sigma(depth_m, 0.02, 0.03) * depth_m
    np.testing.assert_allclose(sigma_m, [[0.05, 0.14, 0.5]], rtol=1e-6)


def test_incidence_is_the_cosine_between_ray_and_normal() -> None:
    rays = np.array([[[0, 0, 1], [1, 0, 1], [0, 0, 1], [0, 0, 1]]], np.float32)
    slanted = (np.sin(1.2), 0, -np.cos(1.2))
    normals = np.array([[[0, 0, -1], [0, 0, -1], slanted, [0, 0, 0]]], np.float32)
    expected = [1, np.sqrt(0.5), np.cos(1.2), 1]
    assert cos_incidence(normals, rays)[0] == pytest.approx(expected, abs=1e-6)
