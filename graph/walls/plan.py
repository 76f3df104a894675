"""The walls of every storey, and which straight lines lead through a gap between them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import ndimage

from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import MeshUpdate
from hydra_mono.graph.walls.evidence import Column, SurfaceRoles, WallEvidence, floor_points
from hydra_mono.graph.walls.gaps import GapRules, crossings, gap_cells
from hydra_mono.graph.walls.raster import (
    BARE_WALL,
    LABELLED_WALL,
    LINTEL,
    ROOMY,
    SOLID,
    PlanFrame,
    PlanRaster,
    StoreyColumns,
)
from hydra_mono.graph.walls.storeys import SLAB_M, settle_floors, storey_floors, storey_of

CELL_M = 0.1  # of the plan of walls: a wall of 10 cm is one cell, and noise of 3 cm stays in it
MARGIN_M = 2.0  # of wall looked at beyond the outermost line: as long as an edge between places
LEAST_WALL_M = 5.0  # of wall in sight before its gaps are believed: two sides of a small room
GUESSED_FLOOR_M = 1.2  # below the lowest place, while no floor has been seen: a camera in a hand


@dataclass(frozen=True, slots=True)
class GapLengths:
    """How wide a gap between two ends of wall may be to part rooms, in metres.

    Args:
        door_m: by itself, with wall standing out at either end.
        joint_m: with wall standing out at both ends.
        lintel_m: below a lintel or a beam.
        stub_m: of wall that must stand out beside a gap.
    """

    door_m: float = 1.0
    joint_m: float = 3.3  # open sides of kitchens and dining rooms; corridors' sides are longer
    lintel_m: float = 4.5  # a beam spans hardly more without a pillar
    stub_m: float = 0.3  # three cells: less is a door's frame, or a rounded corner

    def in_cells(self, cell_size_m: float) -> GapRules:
        door, joint, lintel, stub = (
            round(length / cell_size_m)
            for length in (self.door_m, self.joint_m, self.lintel_m, self.stub_m)
        )
        return GapRules(door=door, wide=joint, lintel=lintel, stub=max(stub, 1))


@dataclass(frozen=True, slots=True)
class StoreyRule:
    """What makes a floor a storey's: metres to the next floor, square metres seen of it.

    ``unsure_share``: of the largest floor that another has, where any surface may be floor.
    """

    min_height_m: float = 2.0
    min_area_m2: float = 1.5
    unsure_share: float = 0.1  # table tops together have less of a flat's floor


class WallPlan:
    """Wall evidence of the whole run; every question looks at the walls around it only."""

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
        self.floors_m: list[float] = []

    def apply(self, update: MeshUpdate) -> None:
        """Takes over the changed blocks."""
        columns = self._evidence.apply(update)
        self._known.update(columns)
        floors = storey_floors(floor_points(self._evidence), *self._min_storey)
        floors = settle_floors(self.floors_m, floors)
        if floors != self.floors_m:
            self._rebuild(floors)
            self.floors_m = floors
        else:
            for storey in self._storeys:
                storey.refresh(columns)

    def storeys_of(self, heights_m: Float64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """Storey of each height; all 0 while no floor has been seen."""
        if not self.floors_m and not self._storeys and len(heights_m) and self._known:
            self._rebuild([float(heights_m.min()) - GUESSED_FLOOR_M])
        return storey_of(heights_m, self.floors_m)

    def _rebuild(self, floors_m: list[float]) -> None:
        tops = [floor - SLAB_M for floor in floors_m[1:]] + [np.inf]
        self._storeys = [
            StoreyColumns(self._evidence, self._rule, floor, top)
            for floor, top in zip(floors_m, tops, strict=True)
        ]
        for storey in self._storeys:
            storey.refresh(sorted(self._known))

    def crossings(
        self, storey: int, starts_m: Float64[np.ndarray, "e 2"], ends_m: Float64[np.ndarray, "e 2"]
    ) -> Bool[np.ndarray, " e"] | None:
        """Which straight lines on a storey pass through a gap between two ends of wall.

        None where hardly any wall has been seen around them.
        """
        frame = PlanFrame(self._evidence.heading_rad)
        starts, ends = frame.to_plan(starts_m), frame.to_plan(ends_m)
        raster = self._raster(storey, frame, np.concatenate([starts, ends]))
        if raster is None:
            return None
        return crossings(raster, self._gap_cells(raster), starts, ends)

    def past_border_m(
        self, center_m: Float64[np.ndarray, "n 3"], radius_m: Float64[np.ndarray, " n"]
    ) -> Float64[np.ndarray, " n"]:
        """How far balls reach, in plan, past the nearest gap between two ends of wall.

        Below 0 where they do not; infinitely so where there is none.
        """
        past_m = np.full(len(center_m), -np.inf)
        frame = PlanFrame(self._evidence.heading_rad)
        storeys = self.storeys_of(center_m[:, 2])
        for storey in np.unique(storeys).tolist():
            here = storeys == storey
            plan_m = frame.to_plan(center_m[here, :2])
            raster = self._raster(storey, frame, plan_m)
            if raster is not None and (gaps := self._gap_cells(raster)).any():
                away_m = ndimage.distance_transform_edt(~gaps) * raster.cell_size_m
                past_m[here] = radius_m[here] - away_m[tuple(raster.cells_of(plan_m).T)]
        return past_m

    def _raster(
        self, storey: int, frame: PlanFrame, plan_m: Float64[np.ndarray, "n 2"]
    ) -> PlanRaster | None:
        """The walls around some points; None where hardly any have been seen."""
        if storey >= len(self._storeys):
            return None
        step = self._evidence.block_size_m
        lower = np.floor((plan_m.min(axis=0) - MARGIN_M) / step) * step
        upper = np.ceil((plan_m.max(axis=0) + MARGIN_M) / step) * step
        raster = self._storeys[storey].raster(frame, lower, upper)
        enough = raster.has(SOLID).sum() * raster.cell_size_m >= LEAST_WALL_M
        return raster if enough else None

    def _gap_cells(self, raster: PlanRaster) -> Bool[np.ndarray, "x y"]:
        rules = self._gaps.in_cells(raster.cell_size_m)
        return gap_cells(raster.has(SOLID), raster.has(LINTEL), raster.has(ROOMY), rules)
