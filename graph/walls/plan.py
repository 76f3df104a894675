"""The walls of every storey at one instant, and which straight lines pass a gap between them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import ndimage

from hydra_mono.graph.walls.gaps import GapRules, crossings, gap_cells
from hydra_mono.graph.walls.raster import LINTEL, ROOMY, SOLID, PlanFrame, PlanRaster, StoreyPlan
from hydra_mono.graph.walls.storeys import storey_of

MARGIN_M = 2.0  # of wall taken in beyond the outermost line: as long as an edge between places
LEAST_WALL_M = 5.0  # of wall in sight before its gaps are believed: two sides of a small room


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


@dataclass(frozen=True, slots=True, kw_only=True)
class WallPlan:
    """The walls as they were at one instant; every query takes in the walls around it only.

    ``floors_m``: heights of the storeys' floors, none while no floor has been seen; ``storeys``
    may then be one all the same, at a guessed height. ``heading_rad``: see ``PlanFrame``.
    """

    gaps: GapLengths
    heading_rad: float
    block_size_m: float
    floors_m: tuple[float, ...]
    storeys: tuple[StoreyPlan, ...]

    def storeys_of(self, heights_m: Float64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """Storey of each height; all 0 while no floor has been seen."""
        return storey_of(heights_m, list(self.floors_m))

    def crossings(
        self, storey: int, starts_m: Float64[np.ndarray, "e 2"], ends_m: Float64[np.ndarray, "e 2"]
    ) -> Bool[np.ndarray, " e"] | None:
        """Which straight lines on a storey pass through a gap between two ends of wall.

        None where hardly any wall has been seen around them.
        """
        frame = PlanFrame(self.heading_rad)
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
        frame = PlanFrame(self.heading_rad)
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
        if storey >= len(self.storeys):
            return None
        step = self.block_size_m
        lower = np.floor((plan_m.min(axis=0) - MARGIN_M) / step) * step
        upper = np.ceil((plan_m.max(axis=0) + MARGIN_M) / step) * step
        raster = self.storeys[storey].raster(frame, lower, upper)
        enough = raster.has(SOLID).sum() * raster.cell_size_m >= LEAST_WALL_M
        return raster if enough else None

    def _gap_cells(self, raster: PlanRaster) -> Bool[np.ndarray, "x y"]:
        rules = self.gaps.in_cells(raster.cell_size_m)
        return gap_cells(raster.has(SOLID), raster.has(LINTEL), raster.has(ROOMY), rules)
