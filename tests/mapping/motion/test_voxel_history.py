"""Ever-free voxels against their definition, voxel by voxel."""

import numpy as np
import pytest
from scipy import ndimage

from hydra_mono.mapping.freespace.grid import SIDE, VOXELS, split_voxels
from hydra_mono.mapping.motion.voxel_history import HistoryRule, VoxelHistory, eroded

TICK_NS = 100_000_000
RULE = HistoryRule(free_ticks=3, promote_every=1)


@pytest.mark.parametrize("shape", [(8, 8, 8), (24, 16, 8), (1, 2, 9)])
def test_erosion_is_scipys_with_the_eighteen_neighbours(shape: tuple[int, int, int]) -> None:
    dense = np.random.default_rng(1).random(shape) < 0.9
    eighteen = ndimage.generate_binary_structure(3, 2)
    np.testing.assert_array_equal(eroded(dense), ndimage.binary_erosion(dense, eighteen))


def test_a_voxel_is_ever_free_once_it_and_its_neighbours_were_free_long_enough() -> None:
    rng = np.random.default_rng(0)
    chunks = np.indices((2, 2, 2)).reshape(3, -1).T.astype(np.int32)
    history = VoxelHistory(RULE)
    free = np.zeros((2 * SIDE,) * 3, np.int64)
    expected = np.zeros(free.shape, bool)
    voxels = np.indices(free.shape).reshape(3, -1).T.astype(np.int32)
    chunk, inside = split_voxels(voxels)
    row = np.ravel_multi_index(tuple(chunk.T), (2, 2, 2))
    for step in range(6):
        seen_free = rng.random((8, VOXELS)) < 0.97
        history.learn(step * TICK_NS, chunks, seen_free, np.zeros((0, 3), np.int32))
        free += seen_free[row, inside].reshape(free.shape)
        long_free = (free >= 3) | expected
        expected |= ndimage.binary_erosion(long_free, ndimage.generate_binary_structure(3, 2))
    assert expected.any() and not expected.all()
    np.testing.assert_array_equal(history.is_ever_free(voxels), expected.ravel())


def test_surface_ends_a_run_of_free_observations() -> None:
    history = VoxelHistory(RULE)
    chunk = np.zeros((1, 3), np.int32)
    middle = np.full((1, 3), 4, np.int32)
    everything = np.ones((1, VOXELS), bool)
    for step in range(2):
        history.learn(step * TICK_NS, chunk, everything, np.zeros((0, 3), np.int32))
    history.learn(2 * TICK_NS, chunk, np.zeros((1, VOXELS), bool), middle)
    for step in (3, 4):
        history.learn(step * TICK_NS, chunk, everything, np.zeros((0, 3), np.int32))
    assert not history.is_ever_free(middle).any()
    history.learn(5 * TICK_NS, chunk, everything, np.zeros((0, 3), np.int32))
    assert history.is_ever_free(middle).all()


def test_a_pause_of_minutes_is_not_taken_for_free_time() -> None:
    history = VoxelHistory(HistoryRule(free_ticks=10, promote_every=1))
    chunk, everything = np.zeros((1, 3), np.int32), np.ones((1, VOXELS), bool)
    for stamp_s in (0, 300):
        history.learn(stamp_s * 10**9, chunk, everything, np.zeros((0, 3), np.int32))
    assert not history.is_ever_free(np.full((1, 3), 4, np.int32)).any()


def test_what_came_to_stay_is_no_longer_ever_free() -> None:
    history = VoxelHistory(RULE)
    chunk, everything = np.zeros((1, 3), np.int32), np.ones((1, VOXELS), bool)
    for step in range(4):
        history.learn(step * TICK_NS, chunk, everything, np.zeros((0, 3), np.int32))
    voxel = np.full((1, 3), 4, np.int32)
    assert history.is_ever_free(voxel).all()
    history.accept(voxel)
    assert not history.is_ever_free(voxel).any()
    assert history.is_ever_free(voxel - 2).all()


@pytest.mark.parametrize(("away_s", "was_put"), [(0.5, False), (10.0, True)])
def test_space_nobody_looked_at_for_a_while_may_have_been_filled(
    away_s: float, was_put: bool
) -> None:
    history = VoxelHistory(RULE)
    chunk, everything = np.zeros((1, 3), np.int32), np.ones((1, VOXELS), bool)
    for step in range(20):
        history.learn(step * TICK_NS, chunk, everything, np.zeros((0, 3), np.int32))
    middle = np.full((1, 3), 4, np.int32)
    then_ns = 20 * TICK_NS + round(away_s * 1e9)
    assert history.was_entered_unseen(middle, then_ns).tolist() == [was_put]
    unknown = np.full((1, 3), 400, np.int32)
    assert not history.was_entered_unseen(unknown, then_ns).any(), "nor was it ever free"
    again = VoxelHistory(RULE)
    again.restore(history.state())
    assert again.was_entered_unseen(middle, then_ns).tolist() == [was_put]
