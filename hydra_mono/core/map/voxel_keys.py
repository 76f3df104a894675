"""One integer for three: voxel, block and cell indices packed so that they sort as they should."""

import numpy as np
from jaxtyping import Int, Int32, Int64

BITS = 21  # per axis where nothing else shares the integer: 3 * 21 of its 63 bits; ±1,048,576


def pack(index: Int[np.ndarray, "*n 3"], bits: int = BITS) -> Int64[np.ndarray, "*n"]:
    """Indices of ``-2**(bits-1) <= i < 2**(bits-1)`` as integers in the order of x, then y, then z.

    A step of one along x, y or z adds ``1 << 2 * bits``, ``1 << bits`` or 1.
    """
    shifted = index.astype(np.int64) + (1 << bits - 1)
    x, y, z = shifted[..., 0], shifted[..., 1], shifted[..., 2]
    return np.asarray((((x << bits) | y) << bits) | z)


def unpack(keys: Int64[np.ndarray, "*n"], bits: int = BITS) -> Int64[np.ndarray, "*n 3"]:
    """The indices that ``pack`` was given; whatever stands above them in ``keys`` is dropped."""
    mask = (1 << bits) - 1
    axes = [(keys >> (2 * bits)) & mask, (keys >> bits) & mask, keys & mask]
    return np.stack(axes, axis=-1) - (1 << bits - 1)


def distinct(keys: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " m"]:
    """Every key once, ascending; ``numpy.unique`` takes ten times as long, for it hashes them."""
    ordered = np.sort(keys)
    is_first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return np.asarray(ordered[is_first])


_MOST_CELLS = 64  # of the box about indices, for each: a larger table takes longer than a sort


def numbered(
    index: Int32[np.ndarray, "n 3"],
) -> tuple[Int32[np.ndarray, "m 3"], Int64[np.ndarray, " n"]]:
    """Every index once, in the order of ``pack``, and which of them each is.

    By a dense table where they lie close together, as what one frame shows does.
    """
    if not len(index):
        return index, np.zeros(0, np.int64)
    columns = [index[:, axis] for axis in range(3)]
    lower = [int(column.min()) for column in columns]
    shape = [int(column.max()) - least + 1 for column, least in zip(columns, lower, strict=True)]
    if np.prod(shape, dtype=float) > _MOST_CELLS * len(index) + _MOST_CELLS**2:
        keys, number = np.unique(pack(index), return_inverse=True)
        return unpack(keys).astype(index.dtype), number
    x, y, z = (column - least for column, least in zip(columns, lower, strict=True))
    cell = ((x.astype(np.int64) * shape[1]) + y) * shape[2] + z
    table = np.zeros(int(np.prod(shape)), np.int64)
    table[cell] = 1
    found = np.flatnonzero(table)
    table[found] = np.arange(len(found))
    each = np.stack(np.unravel_index(found, shape), axis=1) + np.array(lower)
    return each.astype(index.dtype), table[cell]
