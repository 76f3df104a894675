"""What the mesh says about walls, seen from above: columns of wall, lintel and inside."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex64, Complex128, Float32, Float64, Int64, UInt8

from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import BlockKey, MeshUpdate, SemanticMesh
from hydra_mono.graph.walls.headings import Column, Headings

SLICES = 8  # heights told apart inside a block, one bit each
WALL, FLOOR, INSIDE = 0, 1, 2
UPRIGHT = 0.5  # |z| of a normal below it is a wall's
LEVEL = 0.7  # z of a normal above it is a floor's, below its negative a ceiling's


@dataclass(frozen=True)
class SurfaceRoles:
    """Which labels may be wall and floor: all of them where the label space does not say."""

    wall: Bool[np.ndarray, "256"]
    floor: Bool[np.ndarray, "256"]
    inside: Bool[np.ndarray, "256"]
    tells_walls: bool
    tells_floor: bool

    @staticmethod
    def of(labels: LabelSpace) -> "SurfaceRoles":
        """Doors are no walls: an open leaf stands far into a room. Stairs are no floor."""
        every = tuple(range(256))
        walls = labels.ids_with_role("wall", "window")
        wall = labels.mask(walls or every)
        floors = labels.ids_with_role("floor")
        return SurfaceRoles(
            wall=wall,
            floor=labels.mask(floors or every),
            inside=~wall if walls else wall,
            tells_walls=bool(walls),
            tells_floor=bool(floors),
        )

    def split(
        self, upward: Float32[np.ndarray, " v"], labels: UInt8[np.ndarray, " v"]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which vertices are wall, floor, and level surfaces that only the inside has."""
        return (
            self.wall[labels] & (np.abs(upward) < UPRIGHT),
            self.floor[labels] & (upward > LEVEL),
            self.inside[labels] & (np.abs(upward) > LEVEL),
        )


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
        self.headings = Headings()

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
        masks, turns, counts = self._masks(keys, [update.changed[key] for key in keys])
        for key, turn, count in zip(keys, turns.tolist(), counts.tolist(), strict=True):
            self.headings.put(key, turn, count, least_count=self.cells**2 // 2)  # half a face
        before = np.stack([self._find(key) for key in keys])
        different = np.flatnonzero((before != masks).any(axis=(1, 2, 3))).tolist()
        self._count_floor(np.array(keys)[different, 2], before[different], masks[different])
        for i in different:
            self._put(keys[i], masks[i])
        return sorted({keys[i][:2] for i in different})

    def state(self) -> State:
        """See ``core.map.state``."""
        stacks = [(column, k) for column, ks in sorted(self._columns.items()) for k in sorted(ks)]
        shape = (-1, 3, self.cells, self.cells) if stacks else (0, 3, 1, 1)
        return {
            "block_size_m": self.block_size_m,
            "cells": self.cells,
            "blocks": np.array([(*column, k) for column, k in stacks], np.int32).reshape(-1, 3),
            "masks": np.array([self._columns[c][k] for c, k in stacks], np.uint8).reshape(shape),
            "floor_levels": np.array(list(self._floor_cells), np.int64),
            "floor_cells": np.array(list(self._floor_cells.values()), np.int64),
            "headings": self.headings.state(),
        }

    def restore(self, state: State) -> None:
        self.block_size_m, self.cells = state["block_size_m"], state["cells"]
        self._columns = {}
        for (i, j, k), mask in zip(state["blocks"].tolist(), state["masks"], strict=True):
            self._columns.setdefault((i, j), {})[k] = mask.copy()
        levels, cells = state["floor_levels"].tolist(), state["floor_cells"].tolist()
        self._floor_cells = dict(zip(levels, cells, strict=True))
        self.headings.restore(state["headings"])

    def stacks(self, column: Column) -> Iterator[tuple[int, UInt8[np.ndarray, "3 c c"]]]:
        """(k, masks) of the blocks above a column, from below."""
        return iter(sorted(self._columns.get(column, {}).items()))

    def floor_area_m2(self) -> dict[int, float]:
        """Floor area by height slice; slice i spans ``[i, i+1) * slice_m``."""
        area = self.cell_size_m**2 if self.cells else 0.0
        return {level: n * area for level, n in sorted(self._floor_cells.items()) if n}

    def _find(self, key: BlockKey) -> UInt8[np.ndarray, "3 c c"]:
        mask = self._columns.get(key[:2], {}).get(key[2])
        return np.zeros((3, self.cells, self.cells), np.uint8) if mask is None else mask

    def _put(self, key: BlockKey, mask: UInt8[np.ndarray, "3 c c"]) -> None:
        column = self._columns.setdefault(key[:2], {})
        if mask.any():
            column[key[2]] = mask.copy()
            return
        column.pop(key[2], None)
        if not column:
            del self._columns[key[:2]]

    def _count_floor(
        self,
        ks: Int64[np.ndarray, " n"],
        before: UInt8[np.ndarray, "n 3 c c"],
        after: UInt8[np.ndarray, "n 3 c c"],
    ) -> None:
        for bit in range(SLICES):
            set_bits = ((masks[:, FLOOR] >> bit) & 1 for masks in (before, after))
            was, now = (bits.sum(axis=(1, 2), dtype=np.int64) for bits in set_bits)
            for i in np.flatnonzero(was != now).tolist():
                level = int(ks[i]) * SLICES + bit
                self._floor_cells[level] = self._floor_cells.get(level, 0) + int(now[i] - was[i])

    def _masks(
        self, keys: list[BlockKey], meshes: list[SemanticMesh]
    ) -> tuple[UInt8[np.ndarray, "n 3 c c"], Complex128[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
        """Bit masks of each block, and of its wall the sum and number of quarter turns."""
        points, normals, labels = _joined(meshes)
        owner = np.repeat(np.arange(len(keys)), [len(part) for part in meshes])
        lower = np.array(keys, dtype=np.float32)
        inside = points / np.float32(self.block_size_m) - lower[owner]
        plan = np.clip((inside[:, :2] * self.cells).astype(np.int64), 0, self.cells - 1)
        level = np.clip((inside[:, 2] * SLICES).astype(np.int64), 0, SLICES - 1)
        bit = ((owner * self.cells + plan[:, 0]) * self.cells + plan[:, 1]) * SLICES + level
        surfaces = self._roles.split(normals[:, 2], labels)
        shape = (len(keys), self.cells, self.cells)
        layers = [_bits(bit[chosen], shape) for chosen in surfaces]
        walls = surfaces[WALL]
        turns = _quarter_turns(normals[walls])
        real = np.bincount(owner[walls], weights=turns.real, minlength=len(keys))
        imag = np.bincount(owner[walls], weights=turns.imag, minlength=len(keys))
        counts = np.bincount(owner[walls], minlength=len(keys))
        return np.stack(layers, axis=1), real + 1j * imag, counts


def _joined(meshes: list[SemanticMesh]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, normals and labels of all the meshes."""
    return (
        np.concatenate([mesh.vertices_m for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.labels for mesh in meshes]),
    )


def _bits(bit: Int64[np.ndarray, " v"], shape: tuple[int, int, int]) -> UInt8[np.ndarray, "n c c"]:
    """Slices hit by at least one vertex, as bits."""
    hit = np.zeros(int(np.prod(shape)) * SLICES, dtype=bool)
    hit[bit] = True
    bits = np.packbits(hit.reshape(-1, SLICES), axis=1, bitorder="little")
    return np.asarray(bits.reshape(shape))


def _quarter_turns(normals: Float32[np.ndarray, "v 3"]) -> Complex64[np.ndarray, " v"]:
    """Unit numbers at four times each normal's bearing: equal for walls at right angles."""
    flat = normals[:, 0] + np.complex64(1j) * normals[:, 1]
    unit = flat / np.maximum(np.abs(flat), np.float32(1e-6))
    squared = unit * unit
    return np.asarray(squared * squared)


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
