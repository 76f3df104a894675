"""Voxel blocks in memory: found, enlarged, dropped and restored."""

from dataclasses import fields

import numpy as np

from hydra_mono.mapping.tsdf.blocks import (
    NEVER,
    VOXELS,
    BlockPool,
    FrameStamps,
    VoxelArrays,
    voxels_in_cubes,
)

KEYS = np.argwhere(np.ones((3, 3, 3))).astype(np.int32) - 1


def test_a_full_pool_is_enlarged_and_keeps_what_it_holds() -> None:
    pool = BlockPool(4)
    for n, key in enumerate(KEYS):
        (slot,) = pool.insert(key[None])
        pool.voxels.sdf_m[slot] = n
        pool.touched[slot] = n % 2
    slots = pool.find(KEYS)
    assert len(set(slots.tolist())) == len(KEYS) == len(pool)
    np.testing.assert_array_equal(pool.voxels.sdf_m[slots, 0], np.arange(len(KEYS)))
    np.testing.assert_array_equal(pool.take_touched()[0], KEYS[1::2])
    assert len(pool.take_touched()[0]) == 0


def test_a_dropped_block_is_gone_and_its_slot_is_handed_on_blank() -> None:
    pool = BlockPool(32)
    pool.voxels.sdf_m[pool.insert(KEYS)] = 1.0
    pool.erase(KEYS[:5])
    assert np.all(pool.find(KEYS[:5]) == -1) and np.all(pool.find(KEYS[5:]) >= 0)
    again = pool.insert(KEYS[:5])
    assert not pool.voxels.sdf_m[again].any()
    assert np.all(pool.voxels.first_seen[again] == NEVER)


def test_a_restored_pool_holds_the_same_blocks() -> None:
    rng, pool, other = np.random.default_rng(1), BlockPool(32), BlockPool(4)
    slots = pool.insert(KEYS)
    pool.voxels.sdf_m[slots] = rng.normal(size=(len(KEYS), VOXELS))
    pool.voxels.color[slots] = rng.uniform(0, 255, (len(KEYS), VOXELS, 3))
    pool.touched[slots[::3]] = True
    other.restore(pool.state())
    back = other.find(KEYS)
    for field in fields(VoxelArrays):
        one, two = getattr(pool.voxels, field.name)[slots], getattr(other.voxels, field.name)[back]
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(pool.take_touched()[0], other.take_touched()[0])


def test_all_stamps_are_there_in_order_however_many() -> None:
    stamps = FrameStamps()
    for number in range(3000):
        stamps.append(number * 33)
    assert len(stamps) == 3000
    np.testing.assert_array_equal(stamps.all_ns, np.arange(3000) * 33)


def test_stamps_made_of_others_go_on_after_them() -> None:
    stamps = FrameStamps(np.array([5, 7], np.int64))
    stamps.append(9)
    np.testing.assert_array_equal(stamps.all_ns, [5, 7, 9])


def test_voxels_in_cubes_are_those_whose_sample_lies_in_them() -> None:
    """Against every voxel's own place, with cubes of two voxels and of two and a half."""
    grid = np.argwhere(np.ones((40, 40, 40))) - 20
    for side in (2.0, 2.5):
        cubes = np.array([[-3, 0, 1], [2, 2, -5]], np.int32)
        block, inside = voxels_in_cubes(cubes, side)
        x, y, z = inside % 8, inside // 8 % 8, inside // 64
        found = {tuple(v) for v in (block * 8 + np.stack([x, y, z], axis=1)).tolist()}
        within = [(grid >= c * side) & (grid < (c + 1) * side) for c in cubes]
        expected = grid[np.any([np.all(hit, axis=1) for hit in within], axis=0)]
        assert {tuple(v) for v in expected.tolist()} <= found
        if side == 2.0:
            assert len(found) == len(expected)


def test_forgotten_voxels_are_unobserved_and_their_block_is_meshed_anew() -> None:
    pool = BlockPool(32)
    slots = pool.insert(KEYS)
    pool.voxels.weight[slots] = 3.0
    pool.voxels.last_seen[slots] = 7
    pool.forget(slots[:1], np.array([5]))
    assert pool.voxels.weight[slots[0]].sum() == 3.0 * (VOXELS - 1)
    assert pool.voxels.last_seen[slots[0], 5] == NEVER
    np.testing.assert_array_equal(pool.take_touched()[0], KEYS[:1])
