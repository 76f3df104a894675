"""What one observation counts, and what follows for the surface."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_mapping import Renderer, World, kinect_noise, look_at

from hydra_mono.core.config import MappingConfig
from hydra_mono.mapping.tsdf.volume import create_volume
from hydra_mono.mapping.tsdf.weights import certainty, closeness, depth_weight, expected_sdf_m

FACE_M = 0.013  # of the wall, on y


def test_a_noisy_surface_does_not_recede_with_distance() -> None:
    """At 4 m depth deviates by half a voxel, of the 6 cm that are measured behind a surface."""
    renderer = Renderer(World().box((-3, FACE_M, -1), (3, 0.3, 3)))
    rng, volume = np.random.default_rng(0), create_volume(MappingConfig())
    for _ in range(40):
        frame, seen = renderer(look_at((0.0, -4.0, 1.0), (0.0, 0.0, 1.0)))
        volume.integrate(frame, replace(seen, depth_m=kinect_noise(seen.depth_m, rng)))
    update = volume.update_mesh(frame.stamp_ns, frame.camera_position_m)
    vertices = np.concatenate([mesh.vertices_m for mesh in update.changed.values()])
    assert abs(vertices[:, 1].mean() - FACE_M) < 0.004


def test_an_observation_is_weighed_by_the_mean_it_agrees_with() -> None:
    stored, weight = np.array([-0.02, -0.02, 0.15], np.float32), np.array([3, 0, 3], np.float32)
    seen = np.full(3, -0.04, np.float32)
    np.testing.assert_allclose(expected_sdf_m(stored, weight, seen, 0.06), [-0.02, -0.04, -0.04])


def test_labels_count_less_off_the_surface_but_never_nothing() -> None:
    counts = closeness(np.array([0.0, -0.03, 0.06], np.float32), 0.06)
    np.testing.assert_allclose(counts, [1.0, 0.5, 0.1], atol=1e-6)


def test_an_observation_weighs_half_at_the_given_deviation() -> None:
    assert certainty(np.array([0.0, 0.02], np.float32), 0.02) == pytest.approx([1.0, 0.5])


def test_far_measurements_weigh_less() -> None:
    weights = depth_weight(np.array([0.5, 2.0, 5.0], np.float32))
    assert np.all(np.diff(weights) < 0) and weights[0] > 0.95
