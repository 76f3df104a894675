"""The walls of every storey, and which straight ways lead through a gap between them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import MeshUpdate
from hydra_mono.graph.rooms_evidence import Column, SurfaceRoles, WallEvidence, floor_points
from hydra_mono.graph.rooms_gaps import GapRules, gap_cells
from hydra_mono.graph.rooms_groups import crossings
from hydra_mono.graph.rooms_raster import (
    BARE_WALL,
    LABELLED_WALL,
    LINTEL,
    ROOMY,
    SOLID,
    PlanFrame,
    PlanRaster,
    StoreyColumns,
)
from hydra_mono.graph.storeys import SLAB_M, settle_floors, storey_floors, storey_of

MARGIN_M = 2.0  # of wall looked at beyond the outermost way
LEAST_WALL_M = 5.0  # of wall in sight before its gaps are believed
UNSURE_SHARE = 0.1  # of the largest floor that another has where any surface may be floor
GUESSED_FLOOR_M = 1.2  # below the lowest place, while no floor has been seen


@dataclass(frozen=True, slots=True)
class GapLengths:
    """Metres; see ``RoomsConfig``."""

    door: float
    joint: float
    lintel: float
    stub: float

    def in_cells(self, cell_size_m: float) -> GapRules:
        door, joint, lintel, stub = (
            round(length / cell_size_m)
            for length in (self.door, self.joint, self.lintel, self.stub)
        )
        return GapRules(door=door, wide=joint, lintel=lintel, stub=max(stub, 1))


class WallPlan:
    """Wall evidence of the whole run; every question looks at the walls around it only."""

    def __init__(
        self,
        labels: LabelSpace,
        *,
        cell_size_m: float,
        gaps: GapLengths,
        min_storey_height_m: float,
        min_storey_area_m2: float,
    ) -> None:
        roles = SurfaceRoles.of(labels)
        self._evidence = WallEvidence(roles, cell_size_m)
        self._rule = LABELLED_WALL if roles.tells_walls else BARE_WALL
        self._gaps = gaps
        share = 0.0 if roles.tells_floor else UNSURE_SHARE
        self._min_storey = (min_storey_height_m, min_storey_area_m2, share)
        self._known: set[Column] = set()
        self._storeys: list[StoreyColumns] = []
        self._latest: dict[int, tuple[np.ndarray, np.ndarray]] = {}
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
        if storey >= len(self._storeys):
            return None
        frame = PlanFrame(self._evidence.heading_rad)
        starts, ends = frame.to_plan(starts_m), frame.to_plan(ends_m)
        step = self._evidence.block_size_m
        lower = np.minimum(starts.min(axis=0), ends.min(axis=0)) - MARGIN_M
        upper = np.maximum(starts.max(axis=0), ends.max(axis=0)) + MARGIN_M
        lower, upper = np.floor(lower / step) * step, np.ceil(upper / step) * step
        raster = self._storeys[storey].raster(frame, lower, upper)
        if raster.has(SOLID).sum() * raster.cell_size_m < LEAST_WALL_M:
            return None
        return crossings(raster, self._gap_cells(storey, raster), starts, ends)

    def _gap_cells(self, storey: int, raster: PlanRaster) -> Bool[np.ndarray, "x y"]:
        """Gap cells of a raster, those of the last time where its flags are the same."""
        flags, gaps = self._latest.get(storey, (None, None))
        if flags is None or gaps is None or not np.array_equal(flags, raster.flags):
            rules = self._gaps.in_cells(raster.cell_size_m)
            gaps = gap_cells(raster.has(SOLID), raster.has(LINTEL), raster.has(ROOMY), rules)
            self._latest[storey] = raster.flags, gaps
        return gaps
