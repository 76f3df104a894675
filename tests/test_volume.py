"""The fused volume, seen from outside: frames in, meshes of changed blocks out."""

import numpy as np
import pytest

from helpers_mapping import Renderer, World, look_at, open_edges
from hydra_mono.core.config import MappingConfig
from hydra_mono.core.mesh import BlockMesh, SemanticMesh
from hydra_mono.mapping.volume import SemanticVolume, create_volume

EYE = (0.0, -2.0, 1.0)
AHEAD = look_at(EYE, (0.0, 0.0, 1.0))


def wall() -> World:
    """A wall whose face is the plane y = 0.013."""
    return World().box((-3, 0.013, -1), (3, 0.3, 3), label=3, color=(10, 120, 250))


@pytest.fixture
def volume() -> SemanticVolume:
    return create_volume(MappingConfig())


def mapped(volume: SemanticVolume, renderer: Renderer, frames: int = 5) -> SemanticMesh:
    whole = BlockMesh()
    for _ in range(frames):
        frame, prediction = renderer(AHEAD)
        volume.integrate(frame, prediction)
    whole.apply(volume.update_mesh(frame.stamp_ns, frame.camera_position_m))
    return whole.whole_mesh()


def test_a_plane_reconstructs_to_a_millimetre(volume: SemanticVolume) -> None:
    mesh = mapped(volume, Renderer(wall()))
    inside = np.abs(mesh.vertices_m[:, 0]) < 0.8
    assert inside.sum() > 500
    assert np.abs(mesh.vertices_m[inside, 1] - 0.013).max() < 1e-3
    assert np.all(mesh.normals[inside, 1] < -0.99)


def test_inside_the_seen_area_no_edge_is_open(volume: SemanticVolume) -> None:
    mesh = mapped(volume, Renderer(wall()))
    middles = open_edges(mesh)
    assert len(middles)
    half_width = 2.013 * 79.5 / 131.25
    assert np.all((np.abs(middles[:, 0]) > half_width - 0.15) | (np.abs(middles[:, 2] - 1) > 0.75))
