"""A few points of an object's surface, and what it looks like; and a grid to find objects by."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Bool, Float32, Float64

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.mesh import BlockKey, MeshView, SemanticMesh, concatenate

SAMPLES = 32  # points of an object: a share of them is known to a tenth
SPREAD = 6  # cells along the longest side, of which each gives a point at most
MARGIN_M = 0.05  # a voxel round the box, in which its surface is looked for
MAPPED_PERCENT = 25  # of its vertices; a fifth, of a bin's, lie within the band of the floor below
PROFILE = 5  # slices of height in which an object's surface is counted: tells a chair from a stool
CELL_M = 2.0  # of the grid that objects are found by: as large as the largest objects

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Appearance:
    """What an object looks like: mean RGB, and the share of its surface in slices of height."""

    color: tuple[float, ...]
    profile: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """Points of the surface that was seen, and the ball about them, world metres.

    ``appearance``: of all of the surface.
    """

    points_m: Float32[np.ndarray, "n 3"]
    appearance: Appearance
    center_m: tuple[float, float, float]
    radius_m: float

    @staticmethod
    def of(points_m: Float32[np.ndarray, "n 3"], appearance: Appearance) -> "Sample":
        lower, upper = points_m.min(axis=0), points_m.max(axis=0)
        x, y, z = ((lower + upper) / 2).tolist()
        return Sample(points_m, appearance, (x, y, z), float(np.linalg.norm(upper - lower)) / 2)


def surface_of(
    mesh: MeshView, blocks: Iterable[BlockKey], box: BoundingBox, is_wanted: Bool[np.ndarray, "256"]
) -> SemanticMesh | None:
    """The vertices (no faces) with wanted labels in and about a box; None where there is none."""
    found = [block for key in blocks if (block := mesh.find_block(key)) is not None]
    if not found:
        return None
    whole = concatenate(found)
    keep = is_wanted[whole.labels] & ~whole.occlusion_artifacts
    local = np.abs(box.to_box_frame(whole.vertices_m[keep].astype(np.float64)))
    keep[keep] = (local <= np.array(box.dimensions_m) / 2 + MARGIN_M).all(axis=1)
    return whole.points(keep) if keep.any() else None


def mapped_ns(surface: SemanticMesh) -> int:
    """When a quarter of a surface had been seen: it surely was there, in nanoseconds.

    What stood before a wall, or on a floor, has some of their older stamps.
    """
    return int(np.percentile(surface.first_seen_ns, MAPPED_PERCENT, method="lower"))


def sample_of(surface: SemanticMesh, count: int = SAMPLES) -> Sample:
    """Points spread over a surface (at least one vertex), the same ones every time."""
    points = surface.vertices_m
    lower, upper = points.min(axis=0), points.max(axis=0)
    cell = max(float((upper - lower).max()) / SPREAD, MARGIN_M)
    x, y, z = np.floor((points - lower) / cell).astype(int).T
    _, first = np.unique((x * 64 + y) * 64 + z, return_index=True)
    chosen = np.sort(first)
    if len(chosen) > count:
        chosen = chosen[np.linspace(0, len(chosen) - 1, count).round().astype(int)]
    height = (points[:, 2] - lower[2]) / max(float(upper[2] - lower[2]), 1e-6)
    slices = np.bincount(np.minimum((height * PROFILE).astype(int), PROFILE - 1), minlength=PROFILE)
    appearance = Appearance(
        color=tuple(surface.colors.mean(axis=0).tolist()),
        profile=tuple((slices / len(points)).tolist()),
    )
    return Sample.of(points[chosen].copy(), appearance)


class PointIndex(Generic[Key]):
    """Keys by the grid cell of their centre: a look-up costs what is near, whatever the map."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int, int], dict[Key, None]] = {}
        self._cell_of: dict[Key, tuple[int, int, int]] = {}

    def put(self, key: Key, center_m: tuple[float, float, float]) -> None:
        x, y, z = np.floor(np.asarray(center_m) / CELL_M).astype(int).tolist()
        if self._cell_of.get(key) != (x, y, z):
            self.drop(key)
            self._cell_of[key] = (x, y, z)
            self._cells.setdefault((x, y, z), {})[key] = None

    def drop(self, key: Key) -> None:
        cell = self._cell_of.pop(key, None)
        if cell is not None:
            self._cells[cell].pop(key)
            if not self._cells[cell]:
                del self._cells[cell]

    def near(
        self, lower_m: Float64[np.ndarray, "3"], upper_m: Float64[np.ndarray, "3"]
    ) -> list[Key]:
        """Keys in the cells that an upright box touches, in no particular order."""
        first = np.floor(lower_m / CELL_M).astype(int).tolist()
        last = np.floor(upper_m / CELL_M).astype(int).tolist()
        x, y, z = (range(a, b + 1) for a, b in zip(first, last, strict=True))
        cells = ((i, j, k) for i in x for j in y for k in z)
        return [key for cell in cells for key in self._cells.get(cell, ())]
