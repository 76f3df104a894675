"""What the mesh says about walls, seen from above: columns of wall, lintel and inside."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex128, Float64, Int64, UInt8

from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import BlockKey, MeshUpdate, SemanticMesh, concatenate

SLICES = 8  # heights told apart inside a block, one bit each
WALL, FLOOR, INSIDE = 0, 1, 2
UPRIGHT = 0.5  # |z| of a normal below it is a wall's
LEAST_TURN = 1.5  # degrees; walls closer to the axes are taken to lie along them
LEVEL = 0.7  # z of a normal above it is a floor's, below its negative a ceiling's

Column = tuple[int, int]


@dataclass(frozen=True)
class SurfaceRoles:
    """Which labels may be wall and floor: all of them where the label space does not say."""

    wall: Bool[np.ndarray, "256"]
    floor: Bool[np.ndarray, "256"]
    inside: Bool[np.ndarray, "256"]

    @staticmethod
    def of(labels: LabelSpace) -> "SurfaceRoles":
        """Doors are no walls: an open leaf stands far into a room. Stairs are no floor."""
        every = tuple(range(256))
        wall = labels.mask(labels.ids_with_role("wall", "window") or every)
        floor = labels.mask(labels.ids_with_role("floor") or every)
        return SurfaceRoles(wall=wall, floor=floor, inside=~wall | wall.all())


class WallEvidence:
    """Bit masks over height for every column of every block, replaced as blocks change.

    ``cell_size_m`` divides the block size evenly; a slice is an eighth of a block high.
    """

    def __init__(self, roles: SurfaceRoles, cell_size_m: float) -> None:
        self._roles = roles
        self._wanted_cell_m = cell_size_m
        self.block_size_m = 0.0
        self.cells = 0
        self._columns: dict[Column, dict[int, UInt8[np.ndarray, "3 c c"]]] = {}
        self._floor_cells: dict[int, int] = {}
        self._turns: dict[BlockKey, complex] = {}
        self._turn_sum = 0j

    @property
    def cell_size_m(self) -> float:
        return self.block_size_m / self.cells

    @property
    def slice_m(self) -> float:
        return self.block_size_m / SLICES

    def apply(self, update: MeshUpdate) -> list[Column]:
        """Takes over the changed blocks; returns their columns, sorted."""
        if not update.changed:
            return []
        self.block_size_m = update.block_size_m
        self.cells = max(1, round(update.block_size_m / self._wanted_cell_m))
        keys = sorted(update.changed)
        masks, turns = self._masks(keys, [update.changed[key] for key in keys])
        for key, mask, turn in zip(keys, masks, turns.tolist(), strict=True):
            self._replace(key, mask)
            self._turn_sum += turn - self._turns.pop(key, 0j)
            if turn:
                self._turns[key] = turn
        return sorted({key[:2] for key in keys})

    def stacks(self, column: Column) -> Iterator[tuple[int, UInt8[np.ndarray, "3 c c"]]]:
        """(k, masks) of the blocks above a column, from below."""
        return iter(sorted(self._columns.get(column, {}).items()))

    def floor_area_m2(self) -> dict[int, float]:
        """Floor area by height slice; slice i spans ``[i, i+1) * slice_m``."""
        area = self.cell_size_m**2 if self.cells else 0.0
        return {level: n * area for level, n in sorted(self._floor_cells.items()) if n}

    @property
    def heading_rad(self) -> float:
        """Angle within ±45° from the x axis to the walls' main direction, in whole degrees."""
        degrees = math.degrees(math.atan2(self._turn_sum.imag, self._turn_sum.real)) / 4
        return math.radians(round(degrees)) if abs(degrees) > LEAST_TURN else 0.0

    def _replace(self, key: BlockKey, mask: UInt8[np.ndarray, "3 c c"]) -> None:
        column = self._columns.setdefault(key[:2], {})
        before = column.pop(key[2], None)
        if before is not None:
            self._count_floor(key[2], before[FLOOR], -1)
        if mask.any():
            column[key[2]] = mask.copy()
            self._count_floor(key[2], mask[FLOOR], 1)
        elif not column:
            del self._columns[key[:2]]

    def _count_floor(self, k: int, mask: UInt8[np.ndarray, "c c"], sign: int) -> None:
        counts = np.unpackbits(mask[..., None], axis=-1, bitorder="little").sum(axis=(0, 1))
        for bit in np.flatnonzero(counts).tolist():
            level = k * SLICES + bit
            self._floor_cells[level] = self._floor_cells.get(level, 0) + sign * int(counts[bit])

    def _masks(
        self, keys: list[BlockKey], meshes: list[SemanticMesh]
    ) -> tuple[UInt8[np.ndarray, "n 3 c c"], Complex128[np.ndarray, " n"]]:
        mesh = concatenate(meshes)
        owner = np.repeat(np.arange(len(keys)), [len(part) for part in meshes])
        lower = np.array(keys, dtype=np.float64) * self.block_size_m
        inside = (mesh.vertices_m - lower[owner]) / self.block_size_m
        plan = np.clip((inside[:, :2] * self.cells).astype(np.int64), 0, self.cells - 1)
        level = np.clip((inside[:, 2] * SLICES).astype(np.int64), 0, SLICES - 1)
        cell = (owner * self.cells + plan[:, 0]) * self.cells + plan[:, 1]
        shape = (len(keys), self.cells, self.cells)
        surfaces = self._surfaces(mesh)
        layers = [_bits(cell[chosen], level[chosen], shape) for chosen in surfaces]
        turns = _quarter_turns(mesh.normals[surfaces[WALL]].astype(np.float64))
        sums = np.zeros(len(keys), dtype=np.complex128)
        np.add.at(sums, owner[surfaces[WALL]], turns)
        return np.stack(layers, axis=1), sums

    def _surfaces(self, mesh: SemanticMesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which vertices are wall, floor, and level things that only the inside has."""
        upward = mesh.normals[:, 2]
        return (
            self._roles.wall[mesh.labels] & (np.abs(upward) < UPRIGHT),
            self._roles.floor[mesh.labels] & (upward > LEVEL),
            self._roles.inside[mesh.labels] & (np.abs(upward) > LEVEL),
        )


def _bits(
    cell: Int64[np.ndarray, " v"], level: Int64[np.ndarray, " v"], shape: tuple[int, int, int]
) -> UInt8[np.ndarray, "n c c"]:
    """Slices hit by at least one vertex, as bits."""
    hit = np.zeros(int(np.prod(shape)) * SLICES, dtype=bool)
    hit[cell * SLICES + level] = True
    bits = np.packbits(hit.reshape(-1, SLICES), axis=1, bitorder="little")
    return np.asarray(bits.reshape(shape))


def _quarter_turns(normals: Float64[np.ndarray, "v 3"]) -> Complex128[np.ndarray, " v"]:
    """Unit numbers at four times each normal's bearing: equal for walls at right angles."""
    flat = normals[:, 0] + 1j * normals[:, 1]
    return np.asarray((flat / np.maximum(np.abs(flat), 1e-6)) ** 4)


def height_masks(
    ks: Int64[np.ndarray, " n"], slice_m: float, band_m: tuple[float, float]
) -> UInt8[np.ndarray, " n"]:
    """For blocks at heights ``ks``, the bits of the slices whose middle lies in the band."""
    middles = (ks[:, None] * SLICES + np.arange(SLICES) + 0.5) * slice_m
    within = (middles >= band_m[0]) & (middles < band_m[1])
    return np.asarray(np.packbits(within, axis=1, bitorder="little")[:, 0])


def floor_points(evidence: WallEvidence) -> Float64[np.ndarray, "n 2"]:
    """(height of a slice's middle, floor area in m²), from below."""
    area = evidence.floor_area_m2()
    rows = [((level + 0.5) * evidence.slice_m, size) for level, size in area.items()]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)
