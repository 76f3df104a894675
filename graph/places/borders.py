"""Balls that lie half in the next room belong to neither."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.graph.places.cover import Balls


@runtime_checkable
class Borders(Protocol):
    """Knows where one room ends and the next begins, as far as it has been seen."""

    def past_border_m(
        self, center_m: Float64[np.ndarray, "n 3"], radius_m: Float64[np.ndarray, " n"]
    ) -> Float64[np.ndarray, " n"]:
        """How far balls reach past the nearest border; below 0 where they do not."""
        ...


def straddle(balls: Balls, max_past_m: float, borders: Borders | None) -> Bool[np.ndarray, " n"]:
    """Balls that reach too far past a border of a room."""
    if borders is None or not len(balls):
        return np.zeros(len(balls), bool)
    past_m = borders.past_border_m(balls.center_m, balls.radius_m)
    return np.asarray(past_m > max_past_m)
