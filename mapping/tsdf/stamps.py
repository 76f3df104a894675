"""The stamp of every fused frame, by the number that voxels refer to it by."""

import numpy as np
from jaxtyping import Int64


class FrameStamps:
    """A list of stamps that is an array at any time, at no cost that grows with it."""

    def __init__(self, stamps_ns: Int64[np.ndarray, " n"] | None = None) -> None:
        known = np.zeros(0, np.int64) if stamps_ns is None else stamps_ns
        self._stamps_ns = np.zeros(max(1024, 2 * len(known)), np.int64)
        self._stamps_ns[: len(known)] = known
        self._count = len(known)

    def __len__(self) -> int:
        return self._count

    def append(self, stamp_ns: int) -> None:
        if self._count == len(self._stamps_ns):
            self._stamps_ns = np.concatenate([self._stamps_ns, np.zeros_like(self._stamps_ns)])
        self._stamps_ns[self._count] = stamp_ns
        self._count += 1

    @property
    def all_ns(self) -> Int64[np.ndarray, " n"]:
        """Stamps by frame number."""
        return self._stamps_ns[: self._count]
