"""One integer for three: voxel, block and cell indices packed so that they sort as they should."""

import numpy as np
from jaxtyping import Int, Int64

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
