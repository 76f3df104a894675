"""Structures thinner than a voxel: kept where a distance field alone loses them."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_mapping import Renderer, World, kinect_noise, look_at, new_volume, wall

from hydra_mono.core.mesh import BlockMesh, SemanticMesh
from hydra_mono.mapping.tsdf.thin import ThinRule, thin_pixels
from hydra_mono.mapping.tsdf.volume import SemanticVolume

POLE, X, Y = 7, 0.027, -0.52  # far from every voxel's middle
EVERY_FRAME = ThinRule(voxel_size_m=0.05, every=1)
EYES = [(x, -2.2, 1.0) for x in np.linspace(-0.4, 0.4, 12).tolist()]


def pole_before_wall(width_m: float = 0.02) -> World:
    half = width_m / 2
    return wall().box((X - half, Y - half, 0.4), (X + half, Y + half, 1.6), label=POLE)


def mapped(volume: SemanticVolume, renderer: Renderer) -> SemanticMesh:
    whole, rng = BlockMesh(), np.random.default_rng(5)
    for eye in EYES:
        frame, seen = renderer(look_at(eye, (0.0, 0.0, 1.0)))
        volume.integrate(frame, replace(seen, depth_m=kinect_noise(seen.depth_m, rng)))
        whole.apply(volume.update_mesh(frame.stamp_ns, frame.camera_position_m))
    return whole.whole_mesh()


def pole_heights(mesh: SemanticMesh) -> np.ndarray:
    """Heights of the vertices within a voxel and a half of the pole."""
    near = np.hypot(mesh.vertices_m[:, 0] - X, mesh.vertices_m[:, 1] - Y) < 0.075
    return np.asarray(np.unique(np.rint(mesh.vertices_m[near, 2] / 0.05)))


def test_a_pole_thinner_than_a_voxel_stands_in_the_mesh_without_gaps() -> None:
    mesh = mapped(new_volume(thin=EVERY_FRAME), Renderer(pole_before_wall()))
    assert set(range(9, 31)) <= set(pole_heights(mesh).astype(int).tolist())
    is_pole = mesh.labels == POLE
    assert is_pole.any()
    assert np.hypot(mesh.vertices_m[is_pole, 0] - X, mesh.vertices_m[is_pole, 1] - Y).max() < 0.075


def test_without_the_search_the_distance_field_loses_most_of_it() -> None:
    mesh = mapped(new_volume(thin=None), Renderer(pole_before_wall()))
    assert len(pole_heights(mesh)) < 12


def test_a_pole_that_was_carried_away_is_seen_through_and_goes() -> None:
    volume, renderer = new_volume(thin=EVERY_FRAME), Renderer(pole_before_wall())
    mapped(volume, renderer)
    renderer.show(wall())
    assert not len(pole_heights(mapped(volume, renderer)))


def test_noise_on_a_wall_makes_no_thin_structures() -> None:
    with_search = mapped(new_volume(thin=EVERY_FRAME), Renderer(wall()))
    without = mapped(new_volume(thin=None), Renderer(wall()))
    assert np.array_equal(with_search.vertices_m, without.vertices_m)


def test_a_thin_structure_survives_being_archived() -> None:
    volume = new_volume(thin=EVERY_FRAME)
    mapped(volume, Renderer(pole_before_wall()))
    frame, _ = Renderer(wall())(look_at((40.0, -2.2, 1.0), (40.0, 0.0, 1.0)))
    volume.update_mesh(frame.stamp_ns, frame.camera_position_m)
    again = volume.update_mesh(frame.stamp_ns, np.array([0.0, -2.2, 1.0]))
    whole = BlockMesh()
    whole.apply(again)
    assert len(pole_heights(whole.whole_mesh())) >= 20


@pytest.mark.parametrize("is_column", [True, False])
def test_a_strip_is_thin_up_to_the_given_width(is_column: bool) -> None:
    def strip(width_px: int) -> np.ndarray:
        depth_m = np.full((120, 160), 2.0, np.float32)
        depth_m[:, 60 : 60 + width_px] = 1.0
        return depth_m if is_column else np.ascontiguousarray(depth_m.T)

    widest = int(EVERY_FRAME.width_m * 131.25)  # pixels at 1 m
    assert len(thin_pixels(strip(widest), 131.25, EVERY_FRAME)) == 120 * widest
    assert not len(thin_pixels(strip(3 * widest), 131.25, EVERY_FRAME))


def test_a_step_a_slope_and_missing_depth_are_not_thin() -> None:
    depth_m = np.tile(np.linspace(1.0, 2.5, 160, dtype=np.float32), (120, 1))
    assert not len(thin_pixels(depth_m, 131.25, EVERY_FRAME))
    depth_m[:, 80:] += 1
    assert not len(thin_pixels(depth_m, 131.25, EVERY_FRAME))
    alone = np.zeros((120, 160), np.float32)
    alone[:, 60:64] = 1.0
    assert not len(thin_pixels(alone, 131.25, EVERY_FRAME))
