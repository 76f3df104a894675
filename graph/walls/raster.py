"""Wall columns of one storey on a grid that lies along the walls."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8
from scipy import ndimage

from hydra_mono.graph.walls.evidence import INSIDE, WALL, WallEvidence, height_masks
from hydra_mono.graph.walls.headings import Column

SOLID, LINTEL, ROOMY = 1, 2, 4  # bits of a cell


@dataclass(frozen=True, slots=True)
class WallRule:
    """When a column is wall: metres of upright surface in the middle band, and above it or not.

    Bands are heights above the floor: a wall stands in the middle one and a doorway does not;
    in the upper one is the wall above the doorway.
    """

    middle_m: tuple[float, float]
    upper_m: tuple[float, float]
    least_m: float
    reaches_up: bool


LABELLED_WALL = WallRule((0.9, 1.9), (1.95, 3.2), 0.2, reaches_up=False)
BARE_WALL = WallRule((0.9, 1.9), (2.2, 3.2), 0.5, reaches_up=True)  # taller than furniture


@dataclass(frozen=True, slots=True)
class PlanFrame:
    """Axes along the walls: ``heading_rad`` from the world's x axis, counter-clockwise."""

    heading_rad: float

    def to_plan(self, points_m: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
        return np.asarray(points_m @ self._world_from_plan())

    def to_world(self, points_m: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
        return np.asarray(points_m @ self._world_from_plan().T)

    def _world_from_plan(self) -> Float64[np.ndarray, "2 2"]:
        cos, sin = math.cos(self.heading_rad), math.sin(self.heading_rad)
        return np.array([[cos, -sin], [sin, cos]])


@dataclass(frozen=True, slots=True)
class PlanRaster:
    """Flags of the cells of a box in plan axes; cell (0, 0) begins at ``lower_m``."""

    frame: PlanFrame
    lower_m: Float64[np.ndarray, "2"]
    cell_size_m: float
    flags: UInt8[np.ndarray, "x y"]

    def has(self, flag: int) -> Bool[np.ndarray, "x y"]:
        return np.asarray((self.flags & flag) != 0)

    def cells_of(self, plan_m: Float64[np.ndarray, "*n 2"]) -> Int64[np.ndarray, "*n 2"]:
        """Cells of points in plan axes, clipped into the box."""
        cells = np.floor((plan_m - self.lower_m) / self.cell_size_m).astype(np.int64)
        return np.asarray(np.clip(cells, 0, np.array(self.flags.shape) - 1))

    def near_columns(
        self, columns: frozenset[Column], column_size_m: float
    ) -> Bool[np.ndarray, "x y"]:
        """Cells in or beside some columns of blocks."""
        steps = [np.arange(n) + 0.5 for n in self.flags.shape]
        middles = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1) * self.cell_size_m
        owners = np.floor(self.frame.to_world(self.lower_m + middles) / column_size_m)
        first = owners.min(axis=(0, 1)).astype(np.int64) - 1
        there = np.zeros(owners.max(axis=(0, 1)).astype(np.int64) - first + 2, bool)
        inside = np.array(sorted(columns), np.int64).reshape(-1, 2) - first
        inside = inside[np.all((inside >= 0) & (inside < there.shape), axis=1)]
        there[tuple(inside.T)] = True
        beside = ndimage.binary_dilation(there, np.ones((3, 3), bool))
        at = owners.astype(np.int64) - first
        return np.asarray(beside[at[..., 0], at[..., 1]])


class StoreyColumns:
    """Cell flags of every column of one storey, recomputed where the evidence changed."""

    def __init__(
        self, evidence: WallEvidence, rule: WallRule, floor_m: float, top_m: float
    ) -> None:
        self._evidence, self._rule = evidence, rule
        self.floor_m = floor_m
        self.top_m = top_m
        self._flags: dict[Column, UInt8[np.ndarray, "c c"]] = {}

    def refresh(self, columns: Sequence[Column]) -> None:
        stacks = [(c, k, m) for c in columns for k, m in self._evidence.stacks(c)]
        for column in columns:
            self._flags.pop(column, None)
        if not stacks:
            return
        owners = {c: i for i, c in enumerate(dict.fromkeys(c for c, _, _ in stacks))}
        owner = np.array([owners[c] for c, _, _ in stacks])
        ks = np.array([k for _, k, _ in stacks], dtype=np.int64)
        masks = np.stack([m for _, _, m in stacks])
        flags = self._flag(len(owners), owner, ks, masks)
        self._flags.update(zip(owners, flags, strict=True))

    def _flag(
        self,
        count: int,
        owner: Int64[np.ndarray, " n"],
        ks: Int64[np.ndarray, " n"],
        masks: UInt8[np.ndarray, "n 3 c c"],
    ) -> UInt8[np.ndarray, "m c c"]:
        middle = self._slices(count, owner, ks, masks[:, WALL], self._rule.middle_m)
        upper = self._slices(count, owner, ks, masks[:, WALL], self._rule.upper_m)
        inside = self._slices(count, owner, ks, masks[:, INSIDE], (-0.3, self._rule.upper_m[1]))
        solid = middle * self._evidence.slice_m >= self._rule.least_m - 1e-9
        if self._rule.reaches_up:
            solid &= upper > 0
        flags = SOLID * solid + LINTEL * (~solid & (upper > 0)) + ROOMY * (inside > 0)
        return np.asarray(flags.astype(np.uint8))

    def _slices(
        self,
        count: int,
        owner: Int64[np.ndarray, " n"],
        ks: Int64[np.ndarray, " n"],
        masks: UInt8[np.ndarray, "n c c"],
        band_m: tuple[float, float],
    ) -> Int64[np.ndarray, "m c c"]:
        """How many slices within the band (above the floor) are set, for every column's cells."""
        band = (self.floor_m + band_m[0], min(self.floor_m + band_m[1], self.top_m))
        chosen = height_masks(ks, self._evidence.slice_m, band)
        total = np.zeros((count, *masks.shape[1:]), dtype=np.int64)
        np.add.at(total, owner, np.bitwise_count(masks & chosen[:, None, None]))
        return total

    def snapshot(self) -> "StoreyPlan":
        """The flags as they are now; no column of them is ever written to."""
        cells = self._evidence.cells
        size_m = self._evidence.cell_size_m if cells else 0.0
        return StoreyPlan(cells=cells, cell_size_m=size_m, flags=dict(self._flags))


@dataclass(frozen=True, slots=True)
class StoreyPlan:
    """Flags of a storey's cells at one instant, ``cells`` × ``cells`` for every column."""

    cells: int
    cell_size_m: float
    flags: Mapping[Column, UInt8[np.ndarray, "c c"]]

    def raster(
        self, frame: PlanFrame, lower_m: Float64[np.ndarray, "2"], upper_m: Float64[np.ndarray, "2"]
    ) -> PlanRaster:
        """Flags of a box given in plan axes."""
        size = self.cell_size_m
        first = np.floor(lower_m / size + 0.5).astype(np.int64)
        shape = np.maximum(np.ceil(upper_m / size - 0.5).astype(np.int64) - first, 1)
        if frame.heading_rad == 0:
            flags = self._patch(first, first + shape)
        else:
            flags = self._turned(frame, first, shape)
        return PlanRaster(frame, first * size, size, flags)

    def _turned(
        self, frame: PlanFrame, first: Int64[np.ndarray, "2"], shape: Int64[np.ndarray, "2"]
    ) -> UInt8[np.ndarray, "x y"]:
        """Each plan cell shows the world cell that its middle lies in."""
        steps = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in shape), indexing="ij"), axis=-1)
        cells = np.floor(frame.to_world(first + steps)).astype(np.int64)
        lower = cells.min(axis=(0, 1))
        patch = self._patch(lower, cells.max(axis=(0, 1)) + 1)
        local = cells - lower
        return np.asarray(patch[local[..., 0], local[..., 1]])

    def _patch(
        self, first: Int64[np.ndarray, "2"], last: Int64[np.ndarray, "2"]
    ) -> UInt8[np.ndarray, "x y"]:
        """World cells from ``first`` up to but without ``last``."""
        c = self.cells
        low, high = first // c, -(-last // c)
        (i0, j0), (i1, j1) = low.tolist(), high.tolist()
        patch = np.zeros((i1 - i0, c, j1 - j0, c), dtype=np.uint8)
        for i in range(i0, i1):
            for j in range(j0, j1):
                flags = self.flags.get((i, j))
                if flags is not None:
                    patch[i - i0, :, j - j0, :] = flags
        whole = patch.reshape((i1 - i0) * c, (j1 - j0) * c)
        begin, end = first - low * c, last - low * c
        return whole[begin[0] : end[0], begin[1] : end[1]]
