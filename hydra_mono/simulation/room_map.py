"""Which room a point belongs to, from a raster seen from above."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from hydra_mono.simulation.plan import Plan

CELL_M = 0.1
MARGIN_M = 0.5  # round the rooms


@dataclass(frozen=True)
class RoomMap:
    """The nearest room's number per cell; what lies beyond the raster belongs to its rim."""

    lower_m: Float32[np.ndarray, "2"]
    room: Int64[np.ndarray, "x y"]

    def at(self, points_m: Float32[np.ndarray, "h w 3"]) -> Int64[np.ndarray, "h w"]:
        """The room at world points."""
        cell = ((points_m[..., :2] - self.lower_m) / np.float32(CELL_M)).astype(np.int32)
        x = np.clip(cell[..., 0], 0, self.room.shape[0] - 1)
        y = np.clip(cell[..., 1], 0, self.room.shape[1] - 1)
        return np.asarray(self.room[x, y])


def make_room_map(plan: Plan) -> RoomMap:
    lower = np.min([room.lower_m for room in plan.rooms], axis=0) - MARGIN_M
    upper = np.max([room.upper_m for room in plan.rooms], axis=0) + MARGIN_M
    shape = np.ceil((upper - lower) / CELL_M).astype(int)
    xs = lower[0] + (np.arange(shape[0]) + 0.5) * CELL_M
    ys = lower[1] + (np.arange(shape[1]) + 0.5) * CELL_M
    distance = np.full(shape, np.inf)
    numbers: Int64[np.ndarray, "x y"] = np.zeros(shape, np.int64)
    for room in plan.rooms:
        outside = np.maximum(
            _beyond(xs, room.lower_m[0], room.upper_m[0])[:, None],
            _beyond(ys, room.lower_m[1], room.upper_m[1])[None],
        )
        nearer = outside < distance
        distance[nearer] = outside[nearer]
        numbers[nearer] = room.index
    return RoomMap(lower.astype(np.float32), numbers)


def _beyond(values: Float64[np.ndarray, " n"], low: float, high: float) -> np.ndarray:
    return np.maximum(np.maximum(low - values, values - high), 0)
