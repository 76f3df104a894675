"""The volume fed with estimated depth instead of measurements."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_mapping import AHEAD, Renderer, wall

from hydra_mono.core.config import MappingConfig
from hydra_mono.core.mesh import BlockMesh
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.tsdf.volume import SemanticVolume, create_volume


def monocular_volume() -> SemanticVolume:
    return create_volume(MappingConfig(), MonocularRule())


def estimate(seen: Prediction, offset_m: float, sigma_m: float) -> Prediction:
    """A network's estimate: the depth's error and its deviation."""
    depth_m = seen.depth_m + np.float32(offset_m)
    return replace(seen, depth_m=depth_m, sigma_m=np.full_like(depth_m, sigma_m))


def face_after(*estimates: tuple[int, float, float]) -> np.ndarray:
    """Where the wall's middle is mapped after estimates: how many, offset, deviation."""
    volume, renderer, whole = monocular_volume(), Renderer(wall()), BlockMesh()
    for count, offset_m, sigma_m in estimates:
        for _ in range(count):
            frame, seen = renderer(AHEAD)
            volume.integrate(frame, estimate(seen, offset_m, sigma_m))
            whole.apply(volume.update_mesh(frame.stamp_ns, frame.camera_position_m))
    vertices = whole.whole_mesh().vertices_m
    at_wall = (np.abs(vertices[:, 0]) < 0.5) & (np.abs(vertices[:, 1] - 0.013) < 0.2)
    return np.asarray(vertices[at_wall, 1])


def test_estimates_weigh_by_their_deviation() -> None:
    half_sigma = MonocularRule().half_sigma_m
    sure, unsure = (1 / (1 + (sigma / half_sigma) ** 2) for sigma in (0.02, 0.06))
    face = face_after((4, 0.0, 0.02), (4, 0.05, 0.06))
    assert face.mean() - 0.013 == pytest.approx(0.05 * unsure / (sure + unsure), abs=0.003)


def test_estimates_far_apart_average_where_a_sensors_band_would_cut_them() -> None:
    face = face_after((6, -0.1, 0.15), (6, 0.1, 0.15))
    assert face.mean() == pytest.approx(0.013, abs=0.02)


def test_seeing_through_a_surface_removes_it_only_as_the_estimate_is_certain() -> None:
    assert len(face_after((4, 0.0, 0.02), (6, 1.0, 0.5)))
    assert not len(face_after((4, 0.0, 0.02), (12, 1.0, 0.02)))
