"""Walks longer than the window: what is left behind is archived and comes back."""

import numpy as np
from helpers_mapping import FRAME_NS, WALL, Renderer, World, look_at, open_edges, take

from hydra_mono.core.config import MappingConfig
from hydra_mono.core.mesh import BlockMesh, concatenate
from hydra_mono.mapping.tsdf.volume import SemanticVolume, create_volume


def walk(volume: SemanticVolume, renderer: Renderer, whole: BlockMesh, xs: np.ndarray) -> None:
    for x in xs.tolist():
        pose = look_at((x, -2.0, 1.0), (x, 0.0, 1.0))
        whole.apply(take(volume, renderer, pose))


def long_wall() -> World:
    return World().box((-3, 0.013, -1), (40, 0.3, 3), label=WALL, color=(10, 120, 250))


def test_what_is_left_behind_is_archived_and_comes_back_whole() -> None:
    config = MappingConfig(window_radius=3.0, max_depth=2.5)
    volume, renderer, whole = create_volume(config), Renderer(long_wall()), BlockMesh()
    out = np.arange(0, 14, 0.5)
    walk(volume, renderer, whole, out)
    gone = whole.whole_mesh()
    active = concatenate(block for _, block in whole.active_blocks())
    assert active.vertices_m[:, 0].min() > 5.0 and gone.vertices_m[:, 0].min() < 0.0
    walk(volume, renderer, whole, out[::-1])
    back = whole.whole_mesh()
    assert abs(len(back) - len(gone)) <= 0.01 * len(gone)
    welded = len(np.unique(back.vertices_m, axis=0))
    assert abs(welded - len(np.unique(gone.vertices_m, axis=0))) <= 0.01 * welded
    assert np.abs(back.vertices_m[np.abs(back.vertices_m[:, 0] - 6) < 5, 1] - 0.013).max() < 0.002
    middles = open_edges(back)
    half_height = 2.013 * 59.5 / 131.25
    inner = np.abs(middles[:, 2] - 1) < half_height - 0.15
    assert np.all((middles[inner, 0] < -0.9) | (middles[inner, 0] > 14))
    near = np.abs(back.vertices_m[:, 0]) < 0.5
    assert back.first_seen_ns[near].max() < 10 * FRAME_NS


def test_blocks_held_open_do_not_grow_with_the_walk() -> None:
    config = MappingConfig(window_radius=3.0, max_depth=2.5)
    volume, renderer, whole = create_volume(config), Renderer(long_wall()), BlockMesh()
    counts = []
    for start in range(0, 30, 10):
        walk(volume, renderer, whole, np.arange(start, start + 10, 0.5))
        counts.append(len(list(whole.active_blocks())))
    assert counts[2] <= 1.1 * counts[1]
    assert len(whole) > 2 * counts[2]
