"""Which voxels one depth image observes to be free."""

import numpy as np

from hydra_mono.core.frame import Intrinsics
from hydra_mono.mapping.freespace.carve import chunks_in_view, free_and_behind, pool_depth
from hydra_mono.mapping.freespace.grid import SIDE, join_voxels

CAMERA = Intrinsics(fx=130.0, fy=130.0, cx=79.5, cy=59.5, width=160, height=120)
SIZE_M = 0.1


def centres_of(chunks: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    row, inside = np.nonzero(chosen)
    return (join_voxels(chunks[row], inside) + 0.5) * SIZE_M


def test_all_between_the_camera_and_a_wall_is_free_and_none_beyond() -> None:
    depth_m = np.full((120, 160), 2.0, np.float32)
    pooled = pool_depth(depth_m, None, focal_px=CAMERA.fx, max_depth_m=5.0)
    chunks = chunks_in_view(CAMERA, np.eye(4), 2.0, SIDE * SIZE_M)
    free, behind = free_and_behind(chunks, pooled, CAMERA, np.eye(4), SIZE_M)
    seen = centres_of(chunks, free)
    assert seen[:, 2].max() <= 1.95 and seen[:, 2].min() >= 0.05
    slope = CAMERA.cx / CAMERA.fx
    assert np.all(np.abs(seen[:, 0]) <= slope * seen[:, 2] + 0.05)
    volume_m3 = len(seen) * SIZE_M**3
    pyramid_m3 = (2 * slope) * (2 * CAMERA.cy / CAMERA.fy) * 1.95**3 / 3
    assert 0.75 * pyramid_m3 < volume_m3 < 1.1 * pyramid_m3
    beyond = centres_of(chunks, behind)[:, 2]
    assert beyond.min() > 2.0 and beyond.max() < 2.16


def test_the_nearest_depth_of_a_cell_holds_for_all_of_it() -> None:
    depth_m = np.full((120, 160), 3.0, np.float32)
    depth_m[60, 80] = 1.0
    pooled = pool_depth(depth_m, None, focal_px=4 * CAMERA.fx, max_depth_m=5.0)
    cell = 60 // pooled.cell_px, 80 // pooled.cell_px
    assert pooled.near_m[cell] == 1.0 and pooled.far_m[cell] == 3.0


def test_cells_without_depth_in_half_their_pixels_are_no_evidence() -> None:
    depth_m = np.full((120, 160), 3.0, np.float32)
    depth_m[:, :80] = 0.0
    depth_m[:, 120:] = np.inf
    keep = np.ones((120, 160), bool)
    keep[:60] = False
    pooled = pool_depth(depth_m, keep, focal_px=CAMERA.fx, max_depth_m=5.0)
    n = pooled.cell_px
    known = pooled.near_m > 0
    assert not known[:, : 80 // n].any() and not known[:, -(40 // n) :].any()
    assert not known[: 60 // n].any() and known[-1, 80 // n + 1]


def test_depth_is_cut_to_the_maximum_and_widened_by_its_margin() -> None:
    depth_m = np.full((120, 160), 6.0, np.float32)
    margin_m = np.full((120, 160), 0.5, np.float32)
    pooled = pool_depth(depth_m, None, focal_px=130.0, max_depth_m=4.0, margin_m=margin_m)
    assert pooled.near_m.max() == 4.0 and pooled.far_m.max() == 6.5
