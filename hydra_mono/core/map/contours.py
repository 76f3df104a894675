"""Contour points: where labelled objects end, as the images showed it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Shaped

from hydra_mono.core.mesh import BlockKey, blocks_between

# ``key``: an integer of whoever averages the points, its last 8 bits the label. ``weight``:
# pixels at close range. ``images``: how many images showed the point.
CONTOUR_RECORD = np.dtype(
    [("key", np.int64), ("weight", np.float32), ("images", np.int32), ("point_m", np.float32, 3)]
)
LEAST_IMAGES = 2  # a point that one image alone showed may be a flaw of its labels


@dataclass(frozen=True, slots=True)
class ContourPoints:
    """Contour points as they were at one instant, in blocks of a world grid."""

    block_size_m: float
    blocks: Mapping[BlockKey, Shaped[np.ndarray, " n"]]

    def near(
        self,
        label: int,
        lower_m: Float64[np.ndarray, "3"],
        upper_m: Float64[np.ndarray, "3"],
        least_images: int = LEAST_IMAGES,
    ) -> Float64[np.ndarray, "n 3"]:
        """World points of a label between two corners of an upright box, in a fixed order.

        ``least_images``: that showed a point.
        """
        keys = blocks_between(lower_m, upper_m, self.block_size_m)
        found = [self.blocks[key] for key in keys if key in self.blocks]
        records = np.concatenate([np.zeros(0, CONTOUR_RECORD), *found])
        records = records[(records["key"] & 255) == label]
        points_m = records["point_m"][records["images"] >= least_images].astype(np.float64)
        inside = np.all((points_m >= lower_m) & (points_m <= upper_m), axis=1)
        return np.asarray(points_m[inside])


NO_CONTOURS = ContourPoints(block_size_m=1.0, blocks={})
