"""What a depth image says before it is fused: tiles, borders, and the blocks it concerns."""

import numpy as np
import pytest
from helpers_mapping import CAMERA, Renderer, World, look_at

from hydra_mono.core.geometry import camera_rays
from hydra_mono.mapping.tsdf.depth import clean_depth, flying_pixels
from hydra_mono.mapping.tsdf.frustum import DepthView, in_view, surface_blocks
from hydra_mono.mapping.tsdf.tiles import LEAST_COS_INCIDENCE, summarise

BLOCK = 0.4


def plane_depth(normal: np.ndarray, distance_m: float) -> np.ndarray:
    return (distance_m / (camera_rays(CAMERA) @ normal)).astype(np.float32)


@pytest.mark.parametrize("tilt", [0.0, 0.3, 0.7, 1.0])
def test_slant_turns_depth_differences_into_distances_to_a_plane(tilt: float) -> None:
    normal = np.array([np.sin(tilt), 0.0, np.cos(tilt)])
    depth = plane_depth(normal, 1.5)
    usable = (depth > 0) & (depth < 5)
    tiles = summarise(np.where(usable, depth, np.float32(0)), CAMERA)
    truth = (camera_rays(CAMERA) @ normal)[4::8, 4::8]
    inner = usable[4::8, 4::8] & (tiles.farthest_m > 0) & (truth > LEAST_COS_INCIDENCE)
    mixed = np.flatnonzero(~usable.all(axis=0)) // 8
    inner[:, [c for m in mixed for c in (m - 1, m, m + 1) if 0 <= c < 20]] = False
    assert inner.any()
    np.testing.assert_allclose(tiles.cos_incidence[inner], np.minimum(truth, 1)[inner], atol=0.03)


def test_a_tile_on_a_depth_border_counts_as_seen_head_on() -> None:
    depth = np.full((120, 160), 1.0, np.float32)
    depth[:, 84:] = 3.0
    tiles = summarise(depth, CAMERA)
    assert np.all(tiles.cos_incidence[:, 10] == 1)
    assert np.all(tiles.farthest_m[:, 10] == 3)


def test_pixels_between_two_surfaces_fly_and_those_on_surfaces_do_not() -> None:
    depth = np.full((9, 9), 1.0, np.float32)
    depth[:, 5:] = 3.0
    depth[:, 5] = 2.0
    pixels = np.array([4 * 9 + column for column in (3, 4, 5, 6)], np.int32)
    found = flying_pixels(depth.reshape(-1), pixels, stride=9, focal_px=131.0)
    assert found.tolist() == [False, False, True, False]


def test_clean_depth_keeps_measurements_in_range_only() -> None:
    depth = np.array([[0.05, 0.2, 3.0, 6.0, np.nan, np.inf, -1.0, 0.0, 2.0]], np.float32)
    keep = np.array([[True] * 8 + [False]])
    clean = clean_depth(depth, keep, 0.1, 5.0)
    np.testing.assert_array_equal(clean, np.array([[0, 0.2, 3, 0, 0, 0, 0, 0, 0]], np.float32))


def scene_view() -> tuple[DepthView, np.ndarray]:
    world = World().box((-3, 0, -1), (3, 0.3, 3)).sphere((0.2, -0.7, 1.1), 0.3)
    pose = look_at((0.3, -2.2, 1.3), (0.0, 0.0, 1.0))
    _, seen = Renderer(world)(pose)
    points = camera_rays(CAMERA) * seen.depth_m[..., None]
    view = DepthView(seen.depth_m, CAMERA, pose)
    return view, (points.reshape(-1, 3) @ pose[:3, :3].T + pose[:3, 3])


def test_every_cell_the_surface_cuts_has_its_corners_in_allocated_blocks() -> None:
    view, points = scene_view()
    blocks = {tuple(key) for key in surface_blocks(view, BLOCK, 0.075, 0.075).tolist()}
    for corner in np.ndindex(2, 2, 2):
        cells = np.floor(points / 0.05).astype(int) + corner
        assert {tuple(key) for key in np.unique(cells // 8, axis=0).tolist()} <= blocks


def test_blocks_with_measured_surface_are_in_view_and_those_behind_the_camera_are_not() -> None:
    view, points = scene_view()
    keys = np.unique(np.floor(points / BLOCK).astype(np.int32), axis=0)
    tiles = summarise(view.depth_m, CAMERA)
    assert in_view(view, tiles, keys, BLOCK, 0.075).all()
    hidden = np.array([[0, -8, 3], [0, 5, 2], [20, 0, 2]], np.int32)
    assert not in_view(view, tiles, hidden, BLOCK, 0.075).any()
