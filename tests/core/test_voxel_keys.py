"""Three indices in one integer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hydra_mono.core.map import voxel_keys


@pytest.mark.parametrize("bits", [15, 18, 21])
def test_packing_is_undone_over_the_whole_range(bits: int) -> None:
    half = 1 << bits - 1
    ends = np.array([-half, -1, 0, 1, half - 1])
    index = np.stack(np.meshgrid(ends, ends, ends, indexing="ij"), axis=-1).reshape(-1, 3)
    keys = voxel_keys.pack(index, bits)
    assert len(np.unique(keys)) == len(index) and keys.min() == 0
    np.testing.assert_array_equal(voxel_keys.unpack(keys, bits), index)


@given(arrays(np.int64, (20, 3), elements=st.integers(-1000, 1000)))
def test_keys_sort_by_x_then_y_then_z(index: np.ndarray) -> None:
    order = np.argsort(voxel_keys.pack(index), kind="stable")
    np.testing.assert_array_equal(order, np.lexsort(index.T[::-1]))


def test_a_step_along_an_axis_adds_a_constant() -> None:
    here, bits = np.array([[-3, 5, -7]]), 18
    for axis, step in enumerate((1 << 2 * bits, 1 << bits, 1)):
        there = here + np.eye(3, dtype=int)[axis]
        assert voxel_keys.pack(there, bits) - voxel_keys.pack(here, bits) == step


def test_what_stands_above_the_indices_is_dropped() -> None:
    keys = voxel_keys.pack(np.array([[1, -2, 3]]), 18) | (200 << 54)
    np.testing.assert_array_equal(voxel_keys.unpack(keys, 18), [[1, -2, 3]])


@given(arrays(np.int64, 30, elements=st.integers(-5, 5)))
def test_distinct_keys_are_those_of_numpy(keys: np.ndarray) -> None:
    np.testing.assert_array_equal(voxel_keys.distinct(keys), np.unique(keys))


@pytest.mark.parametrize("reach", [3, 100_000])
def test_indices_are_numbered_in_order_close_together_or_far_apart(reach: int) -> None:
    index = np.random.default_rng(0).integers(-reach, reach, (50, 3)).astype(np.int32)
    index = np.concatenate([index, index[::-1]])
    each, number = voxel_keys.numbered(index)
    np.testing.assert_array_equal(each, np.unique(index, axis=0))
    np.testing.assert_array_equal(each[number], index)
    assert each.dtype == index.dtype
    none, of_none = voxel_keys.numbered(index[:0])
    assert len(none) == len(of_none) == 0
