"""Voxel blocks in memory: found, grown, dropped, packed away and taken out again."""

import numpy as np

from hydra_mono.mapping.tsdf.archive import Archive, pack, unpack
from hydra_mono.mapping.tsdf.blocks import NEVER, BlockPool

KEYS = np.argwhere(np.ones((3, 3, 3))).astype(np.int32) - 1


def test_a_full_pool_grows_and_keeps_what_it_holds() -> None:
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


def test_a_dropped_block_is_gone_and_its_place_is_handed_on_blank() -> None:
    pool = BlockPool(32)
    pool.voxels.sdf_m[pool.insert(KEYS)] = 1.0
    pool.erase(KEYS[:5])
    assert np.all(pool.find(KEYS[:5]) == -1) and np.all(pool.find(KEYS[5:]) >= 0)
    again = pool.insert(KEYS[:5])
    assert not pool.voxels.sdf_m[again].any()
    assert np.all(pool.voxels.first_seen[again] == NEVER)


def test_a_packed_block_comes_back_as_it_was() -> None:
    rng, pool = np.random.default_rng(0), BlockPool(8)
    first, second = pool.insert(KEYS[:2])
    voxels = pool.voxels
    seen = rng.random(512) < 0.4
    voxels.weight[first, seen] = 3.0
    voxels.sdf_m[first, seen] = voxels.meshed_sdf_m[first, seen] = rng.uniform(
        -0.15, 0.15, seen.sum()
    )
    voxels.color[first, seen] = 77.0
    voxels.label[first, seen] = voxels.meshed_label[first, seen] = 5
    voxels.first_seen[first, seen] = voxels.last_seen[first, seen] = 12
    voxels.thin[first, seen] = 3
    unpack(pack(voxels, int(first)), voxels, int(second))
    exact = ("weight", "color", "label", "meshed_label", "first_seen", "last_seen", "thin")
    for name in exact:
        values = getattr(voxels, name)
        np.testing.assert_array_equal(values[second], values[first])
    for values in (voxels.sdf_m, voxels.meshed_sdf_m):
        np.testing.assert_allclose(values[second], values[first], atol=1e-4)


def test_the_archive_finds_what_is_near_and_gives_each_block_back_once() -> None:
    pool, archive = BlockPool(64), Archive()
    slots = pool.insert(KEYS)
    for key, slot in zip(KEYS.tolist(), slots.tolist(), strict=True):
        archive.put(tuple(key), pack(pool.voxels, slot))
    near = archive.near(np.array([0.5, 0.5, 0.5]), 1.1)
    assert len(near) == 7 and len(archive) == 27
    assert archive.take((0, 0, 0)) is not None
    assert archive.take((0, 0, 0)) is None
    assert len(archive.near(np.array([0.5, 0.5, 0.5]), 1.1)) == 6
