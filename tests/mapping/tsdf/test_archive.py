"""Blocks that left the window: packed, found by position, unpacked."""

import numpy as np
import pytest

from hydra_mono.mapping.tsdf.archive import Archive, pack, unpack
from hydra_mono.mapping.tsdf.blocks import NEVER, VOXELS, BlockPool

KEYS = np.array([[0, 0, 0], [1, 0, 0], [-9, 4, 2]], np.int32)


def filled_pool(latest_frame: int) -> tuple[BlockPool, np.ndarray]:
    """Three blocks, observed in part; the last not at all."""
    rng, pool = np.random.default_rng(2), BlockPool(8)
    slots = pool.insert(KEYS)
    of = pool.voxels
    for slot in slots[:2]:
        seen = rng.random(VOXELS) < 0.4
        of.weight[slot, seen] = rng.uniform(0.1, 20, seen.sum())
        of.sdf_m[slot, seen] = rng.uniform(-0.06, 0.15, seen.sum())
        of.meshed_sdf_m[slot, seen] = rng.uniform(-0.06, 0.15, seen.sum())
        of.color[slot, seen] = rng.uniform(0, 255, (seen.sum(), 3))
        of.label[slot, seen] = rng.integers(0, 40, seen.sum())
        of.first_seen[slot, seen] = rng.choice([NEVER, 0, latest_frame // 2], seen.sum())
        of.last_seen[slot, seen] = rng.choice([NEVER, latest_frame], seen.sum())
        of.thin[slot, seen] = rng.integers(0, 10, seen.sum())
    return pool, slots


@pytest.mark.parametrize("latest_frame", [300, 70_000])
def test_a_block_comes_back_to_a_tenth_of_a_millimetre(latest_frame: int) -> None:
    pool, slots = filled_pool(latest_frame)
    other = BlockPool(8)
    back = other.insert(KEYS)
    unpack(pack(pool.voxels, slots), other.voxels, back)
    before, after = pool.voxels, other.voxels
    np.testing.assert_allclose(after.sdf_m[back], before.sdf_m[slots], atol=1e-4)
    np.testing.assert_allclose(after.meshed_sdf_m[back], before.meshed_sdf_m[slots], atol=1e-4)
    np.testing.assert_allclose(after.weight[back], before.weight[slots], rtol=1e-3)
    np.testing.assert_allclose(after.color[back], before.color[slots], atol=0.51)
    np.testing.assert_array_equal(after.meshed_label[back], before.label[slots])
    for name in ("label", "first_seen", "last_seen", "thin"):
        np.testing.assert_array_equal(getattr(after, name)[back], getattr(before, name)[slots])


def test_an_observed_voxel_takes_seventeen_bytes() -> None:
    pool, slots = filled_pool(300)
    observed = int((pool.voxels.weight[slots[0]] > 0).sum())
    assert pack(pool.voxels, slots[:1])[0].nbytes == 17 * observed + VOXELS // 8 + 1


def test_blocks_are_found_by_the_ball_their_centre_lies_in() -> None:
    pool, slots = filled_pool(300)
    archive = Archive()
    for key, block in zip(KEYS.tolist(), pack(pool.voxels, slots), strict=True):
        archive.put(tuple(key), block)
    np.testing.assert_array_equal(archive.near(np.array([0.5, 0.5, 0.5]), 1.0), KEYS[:2])
    assert archive.take((0, 0, 0)) is not None and archive.take((0, 0, 0)) is None
    assert len(archive) == 2


def test_a_restored_archive_holds_the_same_blocks() -> None:
    pool, slots = filled_pool(300)
    archive, other = Archive(), Archive()
    for key, block in zip(KEYS.tolist(), pack(pool.voxels, slots), strict=True):
        archive.put(tuple(key), block)
    other.restore(archive.state())
    for key in map(tuple, KEYS.tolist()):
        np.testing.assert_array_equal(other.take(key), archive.take(key))
