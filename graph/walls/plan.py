"""The walls of every storey at one instant, and which straight lines pass a gap between them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import ndimage

from hydra_mono.graph.walls.gaps import GapRules, crossings, gap_cells
from hydra_mono.graph.walls.headings import SlantedWalls
from hydra_mono.graph.walls.raster import LINTEL, ROOMY, SOLID, PlanFrame, PlanRaster, StoreyPlan
from hydra_mono.graph.walls.storeys import storey_of

MARGIN_M = 2.0  # of wall taken in beyond the outermost line: as long as an edge between places
LEAST_WALL_M = 5.0  # of wall in sight before its gaps are believed: two sides of a small room

PlanBox = tuple[float, float, float, float]


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
    ``slanted``: walls along other directions. ``changed_m``: box, seen from above (lower x and
    y, upper x and y), outside which no wall has changed since the instant before; None where
    none has at all.
    """

    gaps: GapLengths
    heading_rad: float
    block_size_m: float
    floors_m: tuple[float, ...]
    storeys: tuple[StoreyPlan, ...]
    slanted: tuple[SlantedWalls, ...] = ()
    changed_m: PlanBox | None = None

    def is_changed_near(self, points_m: Float64[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
        """Points from which a change of the walls may open or close a gap beside them."""
        if self.changed_m is None:
            return np.zeros(len(points_m), bool)
        lower, upper = np.array(self.changed_m[:2]), np.array(self.changed_m[2:])
        reach_m = self.gaps.lintel_m + MARGIN_M
        return np.asarray(
            np.all((points_m >= lower - reach_m) & (points_m <= upper + reach_m), axis=1)
        )

    def storeys_of(self, heights_m: Float64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """Storey of each height; all 0 while no floor has been seen."""
        return storey_of(heights_m, list(self.floors_m))

    def floors_of(self, heights_m: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """The floor (m) of each height's storey; -inf while none has been seen."""
        floors_m = np.array(self.floors_m or (-np.inf,))
        return np.asarray(floors_m[self.storeys_of(heights_m)])

    def crossings(
        self, storey: int, starts_m: Float64[np.ndarray, "e 2"], ends_m: Float64[np.ndarray, "e 2"]
    ) -> Bool[np.ndarray, " e"] | None:
        """Which straight lines on a storey pass through a gap between two ends of wall.

        None where hardly any wall has been seen around them.
        """
        points_m = np.concatenate([starts_m, ends_m])
        if self.raster_near(storey, PlanFrame(self.heading_rad), points_m) is None:
            return None
        crossed = np.zeros(len(starts_m), bool)
        for raster, gaps in self.gaps_near(storey, points_m):
            to_plan = raster.frame.to_plan
            crossed |= crossings(raster, gaps, to_plan(starts_m), to_plan(ends_m))
        return crossed

    def past_border_m(
        self, center_m: Float64[np.ndarray, "n 3"], radius_m: Float64[np.ndarray, " n"]
    ) -> Float64[np.ndarray, " n"]:
        """How far balls reach, in plan, past the nearest gap between two ends of wall.

        Below 0 where they do not; infinitely so where there is none.
        """
        past_m = np.full(len(center_m), -np.inf)
        storeys = self.storeys_of(center_m[:, 2])
        for storey in np.unique(storeys).tolist():
            here = np.flatnonzero(storeys == storey)
            for raster, gaps in self.gaps_near(storey, center_m[here, :2]):
                away_m = ndimage.distance_transform_edt(~gaps) * raster.cell_size_m
                cells = raster.cells_of(raster.frame.to_plan(center_m[here, :2]))
                past_m[here] = np.maximum(past_m[here], radius_m[here] - away_m[tuple(cells.T)])
        return past_m

    def gaps_near(
        self, storey: int, points_m: Float64[np.ndarray, "n 2"]
    ) -> Iterator[tuple[PlanRaster, Bool[np.ndarray, "x y"]]]:
        """Walls around points and the cells of gaps in them, for every direction with gaps.

        Walls aslant to the building's are looked at along themselves, and only near them.
        """
        rules = self.gaps.in_cells
        for heading_rad, columns in (
            (self.heading_rad, None),
            *((walls.heading_rad, walls.columns) for walls in self.slanted),
        ):
            raster = self.raster_near(storey, PlanFrame(heading_rad), points_m)
            if raster is None:
                continue
            near = True if columns is None else raster.near_columns(columns, self.block_size_m)
            if not np.any(near):
                continue
            solid, lintel, roomy = (raster.has(flag) for flag in (SOLID, LINTEL, ROOMY))
            gaps = gap_cells(solid, lintel, roomy, rules(raster.cell_size_m)) & near
            if gaps.any():
                yield raster, gaps

    def raster_near(
        self, storey: int, frame: PlanFrame, points_m: Float64[np.ndarray, "n 2"]
    ) -> PlanRaster | None:
        """The walls around some points; None where hardly any have been seen."""
        if storey >= len(self.storeys):
            return None
        step, plan_m = self.block_size_m, frame.to_plan(points_m)
        lower = np.floor((plan_m.min(axis=0) - MARGIN_M) / step) * step
        upper = np.ceil((plan_m.max(axis=0) + MARGIN_M) / step) * step
        raster = self.storeys[storey].raster(frame, lower, upper)
        enough = raster.has(SOLID).sum() * raster.cell_size_m >= LEAST_WALL_M
        return raster if enough else None
