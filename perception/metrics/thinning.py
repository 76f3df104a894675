"""Thinning of binary images to lines one pixel wide."""

import numpy as np
from jaxtyping import Bool

# (row, column) of the neighbours x1..x8: east, then counter-clockwise
NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


def thinned(image: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """What is left when peeling changes nothing any more; connections and line ends stay.

    Guo and Hall, *Parallel Thinning with Two-Subiteration Algorithms*, CACM 1989, algorithm A1;
    Matlab's ``bwmorph(…, 'thin', Inf)``. Costs as much as there are set pixels, not as the image.
    """
    padded = np.pad(image, 1)
    flat = padded.reshape(-1)  # a view
    steps = np.array([row * padded.shape[1] + column for row, column in NEIGHBOURS])
    kept, before = np.flatnonzero(flat), -1
    while len(kept) != before:
        before = len(kept)
        for removable in _REMOVABLE:
            gone = removable[_codes(flat, kept, steps)]
            flat[kept[gone]] = False
            kept = kept[~gone]
    return padded[1:-1, 1:-1].copy()


def _codes(flat: np.ndarray, pixels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Bit k is neighbour x(k+1)."""
    codes = np.zeros(len(pixels), np.uint8)
    for bit, step in enumerate(steps):
        codes |= flat[pixels + step].view(np.uint8) << np.uint8(bit)
    return codes


def _tables() -> tuple[Bool[np.ndarray, "256"], Bool[np.ndarray, "256"]]:
    """For each neighbourhood, whether the first and the second subiteration take the pixel."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    x = [bits[:, k].astype(bool) for k in range(8)]  # x[0] is x1
    crossings = sum((~x[2 * i] & (x[2 * i + 1] | x[(2 * i + 2) % 8])).astype(int) for i in range(4))
    one = sum((x[2 * k] | x[2 * k + 1]).astype(int) for k in range(4))
    other = sum((x[2 * k + 1] | x[(2 * k + 2) % 8]).astype(int) for k in range(4))
    least = np.minimum(one, other)
    common = (crossings == 1) & (least >= 2) & (least <= 3)
    first = common & ~((x[1] | x[2] | ~x[7]) & x[0])
    second = common & ~((x[5] | x[6] | ~x[3]) & x[4])
    return first, second


_REMOVABLE = _tables()
