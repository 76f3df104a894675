"""Euclidean clustering of labelled points on a voxel grid: linear, vectorised, in a fixed order."""

import numpy as np
from jaxtyping import Float32, Int64, Shaped, UInt8
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_BITS = 18  # per axis: ±131,000 cells
_BIAS = 1 << (_BITS - 1)
_MASK = (1 << _BITS) - 1
# Marching cubes puts vertices on grid lines. Off those, and off the lines half a voxel aside, a
# rounding error cannot move a vertex to the next cell and leave a hole behind.
_OFFSET = np.float32(0.25)


def pack_cells(
    points_m: Float32[np.ndarray, "n 3"], labels: UInt8[np.ndarray, " n"], cell_size_m: float
) -> Int64[np.ndarray, " n"]:
    """One integer per point for its label and its grid cell; ordered by label, then x, y, z."""
    grid = np.floor(points_m / np.float32(cell_size_m) + _OFFSET).astype(np.int64) + _BIAS
    place = (((grid[:, 0] << _BITS) | grid[:, 1]) << _BITS) | grid[:, 2]
    return np.asarray((labels.astype(np.int64) << (3 * _BITS)) | place)


def unpack_labels(cells: Int64[np.ndarray, " n"]) -> UInt8[np.ndarray, " n"]:
    return np.asarray((cells >> (3 * _BITS)).astype(np.uint8))


def unpack_grid(cells: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, "n 3"]:
    """Grid coordinates of packed cells."""
    axes = [(cells >> (2 * _BITS)) & _MASK, (cells >> _BITS) & _MASK, cells & _MASK]
    return np.stack(axes, axis=1) - _BIAS


def cluster_cells(cells: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Components of sorted unique cells; cells of one label that touch, corners too, are one.

    Components are numbered by their first cell, so equal input gives equal numbers.
    """
    if not len(cells):
        return np.zeros(0, np.int64)
    pairs = [_neighbours(cells, offset) for offset in _half_of_26()]
    source, target = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    shape = (len(cells), len(cells))
    links = coo_array((np.ones(len(source), np.int8), (source, target)), shape=shape)
    _, component = connected_components(links.tocsr(), directed=False)
    return renumber(component.astype(np.int64))


def renumber(component: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The same grouping, numbered by first occurrence."""
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse])


def _half_of_26() -> list[int]:
    """Packed steps to 13 of a cell's 26 neighbours; the other 13 are their opposites."""
    steps = [
        (((x << _BITS) + y) << _BITS) + z
        for x in (-1, 0, 1)
        for y in (-1, 0, 1)
        for z in (-1, 0, 1)
    ]
    return [step for step in steps if step > 0]


def _neighbours(
    cells: Int64[np.ndarray, " n"], step: int
) -> tuple[Shaped[np.ndarray, " m"], Shaped[np.ndarray, " m"]]:
    """Index pairs of cells that lie ``step`` apart."""
    found = np.searchsorted(cells, cells + step)
    found[found == len(cells)] = 0
    source = np.flatnonzero(cells[found] == cells + step)
    return source, found[source]
