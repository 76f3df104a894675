"""From a data set's own numbers to the ids of a label space."""

import logging

import numpy as np
from jaxtyping import UInt8, UInt16, UInt32

from hydra_mono.core.labels import UNKNOWN, LabelSpace

logger = logging.getLogger(__name__)

MOST_RAW = 2**16 - 1  # numbers of a 16-bit label image
_NEVER_KNOWN = MOST_RAW + 1


class LabelTable:
    """Maps raw label images to a label space; what it does not know becomes 0 and is counted.

    ``ids`` leads from raw numbers, 0 to 65535, to ids of ``space``.
    """

    def __init__(self, ids: dict[int, int], space: LabelSpace) -> None:
        self.space = space
        self.unknown_pixels = 0
        self._table = np.zeros(_NEVER_KNOWN + 1, np.uint8)
        self._is_known = np.zeros(_NEVER_KNOWN + 1, bool)
        self._is_known[UNKNOWN] = True
        for raw, label in ids.items():
            self._table[raw] = label if space.find(label) else UNKNOWN
            self._is_known[raw] = True

    def __call__(
        self, raw: UInt16[np.ndarray, "h w"] | UInt32[np.ndarray, "h w"], frame: str
    ) -> UInt8[np.ndarray, "h w"]:
        """Ids of the label space, pixel by pixel; ``frame`` is named where one is unknown."""
        index = raw if raw.dtype == np.uint16 else np.minimum(raw, _NEVER_KNOWN)
        is_known = self._is_known[index]
        if not is_known.all():
            self._count(raw[~is_known], frame)
        return np.asarray(self._table[index])

    def _count(self, unknown: np.ndarray, frame: str) -> None:
        if not self.unknown_pixels:
            names = ", ".join(str(raw) for raw in np.unique(unknown)[:5])
            logger.warning(
                "%s: labels %s are not in '%s'; taken as unknown, here and in later frames",
                frame,
                names,
                self.space.name,
            )
        self.unknown_pixels += len(unknown)


def identity_table(space: LabelSpace) -> LabelTable:
    """For images that already hold ids of the space."""
    return LabelTable({label.id: label.id for label in space.labels}, space)
