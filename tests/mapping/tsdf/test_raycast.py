"""Rays that meet the map."""

import numpy as np
from helpers_mapping import Renderer, World, look_at

from hydra_mono.core.config import MappingConfig
from hydra_mono.mapping.tsdf.volume import create_volume

AHEAD = look_at((0.0, -2.0, 1.0), (0.0, 0.0, 1.0))


def along_y(x: np.ndarray) -> np.ndarray:
    """Points every 10 cm along rays that run in +y from y = -1 at height 1."""
    y = np.arange(-1.0, 1.0, 0.1)
    points = np.stack(np.broadcast_arrays(x[None, :], y[:, None], 1.0), axis=-1)
    return points.astype(np.float32)


def test_rays_meet_a_mapped_wall_where_it_is_and_nothing_where_it_ends() -> None:
    volume = create_volume(MappingConfig())
    renderer = Renderer(World().box((-3, 0.013, -1), (0.5, 0.3, 3)))
    for _ in range(3):
        volume.integrate(*renderer(AHEAD))
    place, found = volume.surface_along(along_y(np.array([-0.4, 0.0, 0.3, 0.9, 9.0])))
    assert found.tolist() == [True, True, True, False, False]
    assert np.abs(-1 + 0.1 * place[:3] - 0.013).max() < 0.03


def test_an_empty_map_is_met_nowhere() -> None:
    place, found = create_volume(MappingConfig()).surface_along(along_y(np.zeros(3)))
    assert not found.any() and not place.any()
