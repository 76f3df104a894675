"""Keeps the walls of a run up to date and hands them out as values."""

from dataclasses import dataclass

import numpy as np

from hydra_mono.core.config import RoomsConfig
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import MeshUpdate
from hydra_mono.graph.walls.evidence import SurfaceRoles, WallEvidence, floor_points
from hydra_mono.graph.walls.headings import Column
from hydra_mono.graph.walls.plan import GapLengths, PlanBox, WallPlan
from hydra_mono.graph.walls.raster import BARE_WALL, LABELLED_WALL, StoreyColumns
from hydra_mono.graph.walls.storeys import SLAB_M, settle_floors, storey_floors

CELL_M = 0.1  # of the plan of walls: a wall of 10 cm is one cell, and noise of 3 cm stays in it
GUESSED_FLOOR_M = 1.2  # below the camera, while no floor has been seen: a camera in a hand
EVERYWHERE_M: PlanBox = (-np.inf, -np.inf, np.inf, np.inf)


@dataclass(frozen=True, slots=True)
class StoreyRule:
    """What makes a floor a storey's: metres to the next floor, square metres seen of it.

    ``unsure_share``: of the largest floor that another has, where any surface may be floor.
    """

    min_height_m: float = 2.0  # m; lower, nobody stands upright: a gallery or a landing
    min_area_m2: float = 1.5
    unsure_share: float = 0.1  # table tops together have less of a flat's floor


class WallLayer:
    """Wall evidence of the whole run, and from it the walls of every storey.

    ``update`` costs as much as there are changed blocks, and a reference for every column.
    """

    def __init__(
        self,
        labels: LabelSpace,
        *,
        gaps: GapLengths,
        storeys: StoreyRule,
        cell_size_m: float = CELL_M,
    ) -> None:
        roles = SurfaceRoles.of(labels)
        self._evidence = WallEvidence(roles, cell_size_m)
        self._rule = LABELLED_WALL if roles.tells_walls else BARE_WALL
        self._gaps = gaps
        share = 0.0 if roles.tells_floor else storeys.unsure_share
        self._min_storey = (storeys.min_height_m, storeys.min_area_m2, share)
        self._known: set[Column] = set()
        self._storeys: list[StoreyColumns] = []
        self._floors_m: list[float] = []
        self._changed_m: PlanBox | None = None

    def update(self, update: MeshUpdate, camera_height_m: float) -> WallPlan:
        """The walls after the changed blocks are taken over; a value that never changes."""
        columns = self._evidence.apply(update)
        self._known.update(columns)
        self._changed_m = self._box_of(columns)
        floors = storey_floors(floor_points(self._evidence), *self._min_storey)
        floors = settle_floors(self._floors_m, floors)
        if floors != self._floors_m:
            self._rebuild(floors or [camera_height_m - GUESSED_FLOOR_M])
            self._floors_m = floors
        elif not self._storeys and self._known:
            self._rebuild([camera_height_m - GUESSED_FLOOR_M])
        else:
            for storey in self._storeys:
                storey.refresh(columns)
        return self.plan()

    def plan(self) -> WallPlan:
        """The walls as the last update left them."""
        return WallPlan(
            gaps=self._gaps,
            heading_rad=self._evidence.headings.main_rad,
            slanted=self._evidence.headings.slanted,
            block_size_m=self._evidence.block_size_m,
            floors_m=tuple(self._floors_m),
            storeys=tuple(storey.snapshot() for storey in self._storeys),
            changed_m=self._changed_m,
        )

    def _box_of(self, columns: list[Column]) -> PlanBox | None:
        if not columns:
            return None
        corners = np.array(columns)
        lower, upper = corners.min(axis=0), corners.max(axis=0) + 1
        x0, y0, x1, y1 = (np.concatenate([lower, upper]) * self._evidence.block_size_m).tolist()
        return x0, y0, x1, y1

    def _rebuild(self, floors_m: list[float]) -> None:
        self._changed_m = EVERYWHERE_M
        tops = [floor - SLAB_M for floor in floors_m[1:]] + [float("inf")]
        self._storeys = [
            StoreyColumns(self._evidence, self._rule, floor, top)
            for floor, top in zip(floors_m, tops, strict=True)
        ]
        for storey in self._storeys:
            storey.refresh(sorted(self._known))

    def state(self) -> State:
        """See ``core.map.state``; the storeys follow from the evidence."""
        return {
            "evidence": self._evidence.state(),
            "known": np.array(sorted(self._known), np.int32).reshape(-1, 2),
            "floors_m": list(self._floors_m),
            "storey_floors_m": [storey.floor_m for storey in self._storeys],
            "changed_m": None if self._changed_m is None else list(self._changed_m),
        }

    def restore(self, state: State) -> None:
        self._evidence.restore(state["evidence"])
        self._known = {(i, j) for i, j in state["known"].tolist()}
        self._rebuild(list(state["storey_floors_m"]))
        self._floors_m = list(state["floors_m"])
        changed_m = state["changed_m"]
        self._changed_m = None if changed_m is None else tuple(changed_m)


def create_walls(config: RoomsConfig, labels: LabelSpace) -> WallLayer:
    """The walls that a config describes, none at first."""
    return WallLayer(
        labels,
        gaps=GapLengths(door_m=config.max_door),
        storeys=StoreyRule(min_area_m2=config.min_area),
    )
