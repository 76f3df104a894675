"""What motion computes of points, against NumPy's and SciPy's own."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hydra_mono.mapping.motion.clusters import connected_pixels
from hydra_mono.mapping.motion.scene import is_level, rows_at, spread_m


@pytest.mark.parametrize("count", [1, 2, 50, 51, 300])
def test_the_spread_is_the_2nd_and_98th_percentile(count: int) -> None:
    points_m = np.random.default_rng(count).normal(size=(count, 3))
    np.testing.assert_array_equal(spread_m(points_m), np.percentile(points_m, [2, 98], axis=0))


def test_surface_is_level_where_its_normal_stands_up() -> None:
    points_m = np.random.default_rng(0).random((7, 9, 3))
    normal = np.cross(np.gradient(points_m, axis=1), np.gradient(points_m, axis=0))
    expected = np.abs(normal[..., 2]) > 0.8 * np.linalg.norm(normal, axis=2)
    assert expected.any() and not expected.all()
    np.testing.assert_array_equal(is_level(points_m, 0.8), expected)


def test_rows_of_a_mask_come_in_the_image_s_order() -> None:
    rng = np.random.default_rng(0)
    image, mask = rng.random((5, 6, 3)), rng.random((5, 6)) < 0.5
    np.testing.assert_array_equal(rows_at(image, mask), image[mask])


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_pixels_are_connected_as_in_a_graph_of_their_links(share: float) -> None:
    rng = np.random.default_rng(1)
    depth, candidates = rng.random((12, 17)).astype(np.float32), rng.random((12, 17)) < share
    index = np.arange(depth.size).reshape(depth.shape)
    pairs = []
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        linked = candidates[a] & candidates[b] & (np.abs(depth[a] - depth[b]) < 0.4)
        pairs.append(np.stack([index[a][linked], index[b][linked]]))
    links = coo_array((np.ones(sum(p.shape[1] for p in pairs)), np.concatenate(pairs, axis=1)),
                      (depth.size, depth.size))  # fmt: skip
    part = connected_components(links, directed=False)[1].reshape(depth.shape)
    numbers = connected_pixels(depth, candidates, np.full(depth.shape, 0.4, np.float32))
    np.testing.assert_array_equal(numbers > 0, candidates)
    same = part[candidates][:, None] == part[candidates][None]
    np.testing.assert_array_equal(numbers[candidates][:, None] == numbers[candidates][None], same)
