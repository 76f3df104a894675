"""Which room a point belongs to, from a raster of every storey seen from above."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from hydra_mono.simulation.building.flights import SLAB_M
from hydra_mono.simulation.building.plan import Plan

CELL_M = 0.1
MARGIN_M = 0.5  # round the rooms


@dataclass(frozen=True)
class RoomMap:
    """The nearest room's number per storey and cell; beyond the raster counts as its rim.

    ``tops_m``: heights that part a storey from the next.
    """

    lower_m: Float32[np.ndarray, "2"]
    tops_m: Float32[np.ndarray, " tops"]
    room: Int64[np.ndarray, "storeys x y"]

    def at(self, points_m: Float32[np.ndarray, "h w 3"]) -> Int64[np.ndarray, "h w"]:
        """The room at world points."""
        cell = ((points_m[..., :2] - self.lower_m) / np.float32(CELL_M)).astype(np.int32)
        x = np.clip(cell[..., 0], 0, self.room.shape[1] - 1)
        y = np.clip(cell[..., 1], 0, self.room.shape[2] - 1)
        return np.asarray(self.room[np.searchsorted(self.tops_m, points_m[..., 2]), x, y])


def make_room_map(plan: Plan) -> RoomMap:
    lower = np.min([room.lower_m for room in plan.rooms], axis=0) - MARGIN_M
    upper = np.max([room.upper_m for room in plan.rooms], axis=0) + MARGIN_M
    shape = np.ceil((upper - lower) / CELL_M).astype(int)
    xs = lower[0] + (np.arange(shape[0]) + 0.5) * CELL_M
    ys = lower[1] + (np.arange(shape[1]) + 0.5) * CELL_M
    floors = np.array(plan.floors_m, np.float32)
    distance = np.full((len(floors), *shape), np.inf)
    numbers: Int64[np.ndarray, "s x y"] = np.zeros(distance.shape, np.int64)
    for room in plan.rooms:
        outside = np.maximum(
            _beyond(xs, room.lower_m[0], room.upper_m[0])[:, None],
            _beyond(ys, room.lower_m[1], room.upper_m[1])[None],
        )
        nearer = outside < distance[room.storey]
        distance[room.storey][nearer] = outside[nearer]
        numbers[room.storey][nearer] = room.index
    return RoomMap(lower.astype(np.float32), floors[1:] - np.float32(SLAB_M / 2), numbers)


def _beyond(values: Float64[np.ndarray, " n"], low: float, high: float) -> np.ndarray:
    return np.maximum(np.maximum(low - values, values - high), 0)
