"""Free space: carved by every depth image, bounded by the mesh, with its distance field."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from hydra_mono.core.config import FreeSpaceConfig, MappingConfig, MonocularConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.freespace import FreeSpace
from hydra_mono.core.mesh import BlockKey, MeshUpdate
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.freespace.carve import chunks_in_view, pool_depth, seen_empty
from hydra_mono.mapping.freespace.esdf import behind_surface, distance_field
from hydra_mono.mapping.freespace.grid import (
    FREE,
    SIDE,
    SOLID,
    ChunkGrid,
    join_voxels,
    split_voxels,
)
from hydra_mono.mapping.freespace.surface import SurfaceVoxels, surface_voxels

_ENOUGH_EVIDENCE = 10  # frames; more of them weigh no more, so that changes are soon believed
_NOTABLE_VOXELS = 4  # of a chunk
_REACH_M = 1.5  # how far from a change distances are computed
_CAMERA_RADIUS_M = 0.3  # the camera is there, so nothing else is

SeenFree = tuple[Int32[np.ndarray, "n 3"], Bool[np.ndarray, "n 512"]]  # chunks, voxels in them
Int32Box = tuple[Int32[np.ndarray, "3"], Int32[np.ndarray, "3"]]


@dataclass(frozen=True, slots=True)
class _BlockSurface:
    """Where in the grid the surface of a mesh block was put."""

    chunks: Int32[np.ndarray, "n 3"]
    inside: Int32[np.ndarray, " n"]


class FreeSpaceMap:
    """What is known to be empty round the camera.

    A voxel is free when a camera saw through it and no mesh vertex lies in it. The mesh says
    where surfaces are, so the distance field and the mesh never disagree.
    """

    def __init__(
        self,
        *,
        voxel_size_m: float,
        max_distance_m: float,
        max_depth_m: float,
        window_radius_m: float,
        doubt_sigmas: float = 0.0,
    ) -> None:
        self._doubt_sigmas = np.float32(doubt_sigmas)
        self._voxel_size_m = voxel_size_m
        self._max_distance_m = max_distance_m
        self._max_depth_m = max_depth_m
        self._window_radius_m = window_radius_m
        self._grid = ChunkGrid()
        self._surfaces: dict[BlockKey, _BlockSurface] = {}
        self._body = _ball(_CAMERA_RADIUS_M / voxel_size_m)

    def carve(
        self, frame: Frame, prediction: Prediction, keep: Bool[np.ndarray, "h w"] | None = None
    ) -> SeenFree:
        """Marks what the depth image shows to be empty; ``keep`` False leaves a pixel out.

        Where the depth's deviation is known, nothing within so many of them counts as empty.
        Returns the chunks with voxels that were seen through, and which voxels those are.
        """
        sigma_m = prediction.sigma_m
        pooled = pool_depth(
            prediction.depth_m,
            keep,
            focal_px=frame.intrinsics.fx,
            max_depth_m=self._max_depth_m,
            doubt_m=None if sigma_m is None else sigma_m * self._doubt_sigmas,
        )
        pose, size = frame.world_from_camera, self._voxel_size_m
        self._add_camera(frame.camera_position_m)
        range_m = float(pooled.near_m.max(initial=0.0))
        if range_m == 0:
            return np.zeros((0, 3), np.int32), np.zeros((0, SIDE**3), bool)
        chunks = chunks_in_view(frame.intrinsics, pose, range_m, SIDE * size)
        front, behind = seen_empty(chunks, pooled, frame.intrinsics, pose, size)
        touched = front.any(axis=1)
        self._count(chunks[touched], front[touched], behind[touched])
        return chunks[touched], front[touched]

    def _count(
        self,
        chunks: Int32[np.ndarray, "n 3"],
        front: Bool[np.ndarray, "n 512"],
        behind: Bool[np.ndarray, "n 512"],
    ) -> None:
        slots = self._grid.acquire(chunks)
        before = self._grid.evidence[slots]
        after = np.minimum(before + front, _ENOUGH_EVIDENCE).astype(np.uint8)
        after -= behind & (after > 0)
        self._grid.evidence[slots] = after
        self._grid.is_dirty[slots] |= np.any((before > 0) != (after > 0), axis=1)

    def _add_camera(self, position_m: Float64[np.ndarray, "3"]) -> None:
        centre = np.floor(position_m / self._voxel_size_m).astype(np.int32)
        chunks, inside = split_voxels(self._body + centre)
        slots = self._grid.acquire(chunks)
        self._grid.is_dirty[slots[self._grid.evidence[slots, inside] == 0]] = True
        self._grid.evidence[slots, inside] = _ENOUGH_EVIDENCE

    def update(self, mesh: MeshUpdate, center_m: Float64[np.ndarray, "3"]) -> FreeSpace:
        """Takes over the mesh's news and returns the distance field round all that changed."""
        self._replace_surfaces(surface_voxels(mesh, self._voxel_size_m))
        changed = self._publish()
        self._forget(center_m)
        return self._box_round(changed, center_m)

    def _replace_surfaces(self, surface: SurfaceVoxels) -> None:
        ends = np.searchsorted(surface.block, np.arange(len(surface.blocks) + 1))
        chunks, inside = split_voxels(surface.voxels)
        old = [self._surfaces.pop(key) for key in surface.blocks if key in self._surfaces]
        for key, start, end in zip(surface.blocks, ends[:-1], ends[1:], strict=True):
            if end > start:
                self._surfaces[key] = _BlockSurface(chunks[start:end], inside[start:end])
        if old:
            gone = [
                np.concatenate([getattr(o, name) for o in old]) for name in ("chunks", "inside")
            ]
            self._add_surfaces(gone[0], gone[1], -1)
        slots = self._add_surfaces(chunks, inside, 1)
        self._grid.offset[slots, inside] = np.minimum(surface.point * 256, 255).astype(np.uint8)
        self._grid.normal[slots, inside] = np.rint(surface.normal * 127).astype(np.int8)

    def _add_surfaces(
        self, chunks: Int32[np.ndarray, "n 3"], inside: Int32[np.ndarray, " n"], sign: int
    ) -> Int64[np.ndarray, " n"]:
        slots = self._grid.acquire(chunks)
        np.add.at(self._grid.surfaces, (slots, inside), np.uint8(sign % 256))
        self._grid.is_dirty[slots] = True
        return slots

    def _publish(self) -> Int32Box | None:
        """The box of voxels whose state differs from what the last update said, if any does.

        A flicker of few voxels waits until there are more of them or something near changes.
        """
        grid = self._grid
        slots = np.flatnonzero(grid.is_dirty)
        now = grid.state(slots)
        differs = now != grid.published[slots]
        number = differs.sum(axis=1)
        grid.is_dirty[slots[number == 0]] = False
        matters = number >= _NOTABLE_VOXELS
        if not matters.any():
            return None
        corner = grid.position[slots] * SIDE
        lower, upper = corner[matters].min(axis=0), corner[matters].max(axis=0)
        near = np.all((corner >= lower - SIDE) & (corner <= upper + SIDE), axis=1) & (number > 0)
        grid.published[slots[near]] = now[near]
        grid.is_dirty[slots[near]] = False
        row, inside = np.nonzero(differs[near])
        voxels = join_voxels(grid.position[slots[near][row]], inside)
        return voxels.min(axis=0), voxels.max(axis=0) + 1

    def _forget(self, center_m: Float64[np.ndarray, "3"]) -> None:
        """Puts aside what lies outside the window and too far away to bear on what is inside."""
        slots = self._grid.slots()
        centres = (self._grid.position[slots] + 0.5) * (SIDE * self._voxel_size_m)
        reach = self._window_radius_m + self._max_distance_m + SIDE * self._voxel_size_m
        self._grid.shelve(slots[np.linalg.norm(centres - center_m, axis=1) > reach])

    def _box_round(self, changed: Int32Box | None, center_m: Float64[np.ndarray, "3"]) -> FreeSpace:
        if changed is None:
            return self._nothing(center_m)
        size = self._voxel_size_m
        reach = round(_REACH_M / size)
        first, end = self._grid.first_voxel, self._grid.last_voxel + 1
        lower = np.maximum(changed[0] - reach, first).astype(np.int32)
        upper = np.minimum(changed[1] + reach, end).astype(np.int32)
        state = self._grid.dense("published", lower, upper)
        offset = self._grid.dense("offset", lower, upper)
        distance, parent = distance_field(
            state == SOLID,
            offset,
            state == FREE,
            voxel_size_m=size,
            max_distance_m=self._max_distance_m,
        )
        is_behind = behind_surface(
            distance > size, parent, self._grid.dense("normal", lower, upper)
        )
        distance[is_behind] = 0
        return FreeSpace(
            voxel_size_m=self._voxel_size_m,
            max_distance_m=self._max_distance_m,
            lower=lower,
            observed_free=(state == FREE) & ~is_behind,
            distance_m=distance,
            parent=parent + lower,
            changed_lower=changed[0] - lower,
            changed_upper=changed[1] - lower,
            surface_offset=offset,
            unseen=(state != FREE) & (state != SOLID),
            complete_lower_m=np.where(lower > first, lower * size, -np.inf),
            complete_upper_m=np.where(upper < end, upper * size, np.inf),
            window_center_m=center_m,
            window_radius_m=self._window_radius_m,
        )

    def _nothing(self, center_m: Float64[np.ndarray, "3"]) -> FreeSpace:
        zero = np.zeros(3, np.int32)
        return FreeSpace(
            voxel_size_m=self._voxel_size_m,
            max_distance_m=self._max_distance_m,
            lower=zero,
            observed_free=np.zeros((0, 0, 0), bool),
            distance_m=np.zeros((0, 0, 0), np.float32),
            parent=np.zeros((0, 0, 0, 3), np.int32),
            surface_offset=np.zeros((0, 0, 0, 3), np.uint8),
            changed_lower=zero,
            changed_upper=zero,
            window_center_m=center_m,
            window_radius_m=self._window_radius_m,
        )


def create_free_space(
    config: FreeSpaceConfig, mapping: MappingConfig, monocular: MonocularConfig | None = None
) -> FreeSpaceMap:
    """The map that the configuration asks for; ``monocular`` where depth is a network's guess."""
    return FreeSpaceMap(
        voxel_size_m=config.voxel_size,
        max_distance_m=config.max_distance,
        max_depth_m=mapping.max_depth,
        window_radius_m=mapping.window_radius,
        doubt_sigmas=monocular.carve_sigmas if monocular and monocular.noise else 0.0,
    )


def _ball(radius: float) -> Int32[np.ndarray, "n 3"]:
    """Voxels whose centre is within ``radius`` voxels of that of voxel 0."""
    reach = int(radius)
    voxels = np.indices((2 * reach + 1,) * 3, np.int32).reshape(3, -1).T - reach
    return np.asarray(voxels[np.sum(voxels**2, axis=1) <= radius**2], dtype=np.int32)
