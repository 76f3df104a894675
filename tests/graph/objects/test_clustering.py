import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label as label_grid

from hydra_mono.graph.objects.clusters import cluster_cells, renumber
from hydra_mono.graph.objects.surface import (
    pack_cells,
    unpack_grid,
    unpack_labels,
)

grids = arrays(np.uint8, (6, 6, 6), elements=st.integers(0, 2))


def cells_of(grid: np.ndarray) -> np.ndarray:
    """Sorted cells of the non-zero voxels of a label grid, around the origin."""
    index = np.argwhere(grid)
    points = ((index - 3) * 0.05).astype(np.float32)
    return np.sort(pack_cells(points, grid[tuple(index.T)], 0.05))


@given(grids)
def test_packing_loses_nothing(grid: np.ndarray) -> None:
    cells = cells_of(grid)
    index = unpack_grid(cells) + 3
    assert np.array_equal(grid[tuple(index.T)], unpack_labels(cells))
    assert len(cells) == np.count_nonzero(grid)


@settings(deadline=None)
@given(grids)
def test_clusters_are_the_connected_components_of_each_label(grid: np.ndarray) -> None:
    cells = cells_of(grid)
    component = cluster_cells(cells)
    expected = np.zeros(len(cells), np.int64)
    index = tuple((unpack_grid(cells) + 3).T)
    for value in (1, 2):
        components, _ = label_grid(grid == value, structure=np.ones((3, 3, 3)))
        expected = np.where(
            unpack_labels(cells) == value, 1000 * value + components[index], expected
        )
    assert np.array_equal(component, renumber(expected))


def test_components_are_numbered_by_first_occurrence() -> None:
    assert renumber(np.array([7, 7, 2, 9, 2])).tolist() == [0, 0, 1, 2, 1]
    assert cluster_cells(np.zeros(0, np.int64)).tolist() == []


def test_surface_on_grid_lines_leaves_no_holes() -> None:
    steps = (np.arange(200) * 0.05).astype(np.float32)
    line = np.stack([steps, np.zeros(200), np.zeros(200)], axis=1).astype(np.float32)
    for shift in (0.0, 0.025):
        cells = pack_cells(line + np.float32(shift), np.full(200, 7, np.uint8), 0.05)
        assert len(np.unique(cells)) == 200
        assert set(cluster_cells(np.sort(cells)).tolist()) == {0}
