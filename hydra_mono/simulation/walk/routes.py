"""Paths through a whole building: level on a storey, up and down between them."""

import numpy as np
from jaxtyping import Float64

from hydra_mono.simulation.building.plan import Plan
from hydra_mono.simulation.building.walkable import WalkMap, find_path, make_walk_map, resampled
from hydra_mono.simulation.shapes import SceneObject


class Routes:
    """Knows where one can walk on every storey and which flight leads from each to the next."""

    def __init__(self, plan: Plan, objects: tuple[SceneObject, ...]) -> None:
        self._plan = plan
        self.maps = [make_walk_map(plan, objects, storey) for storey in range(plan.storeys)]

    def map_of(self, room: int) -> WalkMap:
        return self.maps[self._plan.rooms[room].storey]

    def path(
        self, start_m: Float64[np.ndarray, "3"], goal_m: Float64[np.ndarray, "3"], step_m: float
    ) -> Float64[np.ndarray, "n 3"]:
        """Where the feet go in equal steps, the start left out; both ends stand on a floor.

        Raises:
            DataError: there is no path.
        """
        here, storey, last = start_m, self._storey(start_m), self._storey(goal_m)
        legs = []
        while storey != last:
            up = storey < last
            ramp = self._plan.flights[storey if up else storey - 1].ramp()
            ramp = ramp if up else ramp[::-1]
            legs += [self._level(storey, here, ramp[0], step_m), resampled(ramp, step_m)]
            here, storey = ramp[-1], storey + (1 if up else -1)
        return np.concatenate([*legs, self._level(storey, here, goal_m, step_m)])

    def _level(
        self,
        storey: int,
        start_m: Float64[np.ndarray, "3"],
        goal_m: Float64[np.ndarray, "3"],
        step_m: float,
    ) -> Float64[np.ndarray, "n 3"]:
        path = resampled(find_path(self.maps[storey], start_m[:2], goal_m[:2]), step_m)
        return np.column_stack([path, np.full(len(path), self.maps[storey].floor_m)])

    def _storey(self, feet_m: Float64[np.ndarray, "3"]) -> int:
        return int(np.argmin([abs(walk_map.floor_m - feet_m[2]) for walk_map in self.maps]))
