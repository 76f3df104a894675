"""Colour, label and timestamps of voxels."""

import numpy as np
import pytest

from hydra_mono.mapping.tsdf.attributes import fuse_color, fuse_label, update_timestamps
from hydra_mono.mapping.tsdf.blocks import NEVER, BlockPool, VoxelArrays


@pytest.fixture
def voxels() -> VoxelArrays:
    pool = BlockPool(4)
    pool.insert(np.zeros((1, 3), np.int32))
    return pool.voxels


HERE = np.array([3], np.int64)


def test_a_colour_is_the_mean_of_what_was_seen(voxels: VoxelArrays) -> None:
    for number, gray in enumerate((10, 20, 60)):
        voxels.weight.reshape(-1)[HERE] = number + 1
        fuse_color(voxels, HERE, np.full((1, 3), gray, np.uint8))
        update_timestamps(voxels, HERE, number)
    assert voxels.color.reshape(-1, 3)[3] == pytest.approx(30, abs=0.01)


def test_a_colour_that_changed_has_changed_after_many_frames(voxels: VoxelArrays) -> None:
    voxels.weight.reshape(-1)[HERE] = 20
    update_timestamps(voxels, HERE, 0)
    for _ in range(60):
        fuse_color(voxels, HERE, np.full((1, 3), 200, np.uint8))
    assert (voxels.color.reshape(-1, 3)[3] > 190).all()


def test_the_first_frame_stays_the_first_and_the_last_moves_on(voxels: VoxelArrays) -> None:
    assert voxels.first_seen.reshape(-1)[3] == NEVER
    for number in (4, 7, 9):
        update_timestamps(voxels, HERE, number)
    assert (voxels.first_seen.reshape(-1)[3], voxels.last_seen.reshape(-1)[3]) == (4, 9)


def test_the_label_with_more_weight_wins(voxels: VoxelArrays) -> None:
    for label, weight in ((5, 1.0), (6, 0.4), (6, 0.4), (6, 0.4)):
        fuse_label(voxels, HERE, np.array([label], np.uint8), np.array([weight], np.float32), 10.0)
    assert voxels.label.reshape(-1)[3] == 6
