"""Free space: carved by every depth image, bounded by the mesh, with its distance field."""

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from hydra_mono.core.config import FreeSpaceConfig, MappingConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.freespace import FreeSpace
from hydra_mono.core.map import voxel_keys
from hydra_mono.core.map.state import State, joined, parted
from hydra_mono.core.mesh import BlockKey, MeshUpdate
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.extent import max_depth_m, window_radius_m
from hydra_mono.mapping.freespace.carve import chunks_in_view, free_and_behind, pool_depth
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
from hydra_mono.mapping.monocular_rule import MonocularRule

_MAX_EVIDENCE = 10  # observations; what stands in free space now is believed after as many
_LEAST_CHANGED = 4  # voxels of a chunk (of 512): fewer are noise at the rims of surfaces
_REACH_M = 1.5  # distances are computed so far round a change: places are seldom larger
_CAMERA_RADIUS_M = 0.3  # free round the camera: somebody carries it
MAX_DISTANCE_M = 2.0  # distances are cut to it: rooms seldom hold larger balls

SeenFree = tuple[Int32[np.ndarray, "n 3"], Bool[np.ndarray, "n 512"]]  # chunks, voxels in them
Int32Box = tuple[Int32[np.ndarray, "3"], Int32[np.ndarray, "3"]]


class FreeSpaceMap:
    """Observed free space round the camera.

    A voxel is free when it was observed so and no mesh vertex lies in it. Surfaces are where the
    mesh has them, so that distance field and mesh never disagree.
    """

    def __init__(
        self,
        *,
        voxel_size_m: float,
        max_depth_m: float,
        window_radius_m: float,
        max_distance_m: float = MAX_DISTANCE_M,
        margin_sigmas: float = 0.0,
    ) -> None:
        self._margin_sigmas = np.float32(margin_sigmas)
        self._voxel_size_m = voxel_size_m
        self._max_distance_m = max_distance_m
        self._max_depth_m = max_depth_m
        self._window_radius_m = window_radius_m
        self._grid = ChunkGrid()
        self._surfaces: dict[BlockKey, Int64[np.ndarray, " n"]] = {}  # packed voxels
        self._body = _ball(_CAMERA_RADIUS_M / voxel_size_m)

    def carve(
        self, frame: Frame, prediction: Prediction, keep: Bool[np.ndarray, "h w"] | None = None
    ) -> SeenFree:
        """Counts what the depth image observes to be free; ``keep`` False leaves a pixel out.

        Where the depth's deviation is known, nothing within ``margin_sigmas`` of it is free.
        Returns the chunks with voxels that were seen through, and which voxels those are.
        """
        sigma_m = prediction.sigma_m
        pooled = pool_depth(
            prediction.depth_m,
            keep,
            focal_px=frame.intrinsics.fx,
            max_depth_m=self._max_depth_m,
            margin_m=None if sigma_m is None else sigma_m * self._margin_sigmas,
        )
        pose, size = frame.world_from_camera, self._voxel_size_m
        self._add_camera(frame.camera_position_m)
        range_m = float(pooled.near_m.max(initial=0.0))
        if range_m == 0:
            return np.zeros((0, 3), np.int32), np.zeros((0, SIDE**3), bool)
        chunks = chunks_in_view(frame.intrinsics, pose, range_m, SIDE * size)
        front, behind = free_and_behind(chunks, pooled, frame.intrinsics, pose, size)
        touched = front.any(axis=1)
        self._count(chunks[touched], front[touched], behind[touched])
        return chunks[touched], front[touched]

    def _count(
        self,
        chunks: Int32[np.ndarray, "n 3"],
        front: Bool[np.ndarray, "n 512"],
        behind: Bool[np.ndarray, "n 512"],
    ) -> None:
        slots = self._grid.acquire_each(chunks)
        before = self._grid.evidence[slots]
        after = np.minimum(before + front, _MAX_EVIDENCE).astype(np.uint8)
        after -= behind & (after > 0)
        self._grid.evidence[slots] = after
        self._grid.is_dirty[slots] |= np.any((before > 0) != (after > 0), axis=1)

    def _add_camera(self, position_m: Float64[np.ndarray, "3"]) -> None:
        centre = np.floor(position_m / self._voxel_size_m).astype(np.int32)
        chunks, inside = split_voxels(self._body + centre)
        slots = self._grid.acquire(chunks)
        self._grid.is_dirty[slots[self._grid.evidence[slots, inside] == 0]] = True
        self._grid.evidence[slots, inside] = _MAX_EVIDENCE

    def update(self, mesh: MeshUpdate, center_m: Float64[np.ndarray, "3"]) -> FreeSpace:
        """Takes over changes of the mesh and returns the distance field round all that changed."""
        self._replace_surfaces(surface_voxels(mesh, self._voxel_size_m))
        changed = self._publish()
        self._archive_outside(center_m)
        return self._box_round(changed, center_m)

    def _replace_surfaces(self, surface: SurfaceVoxels) -> None:
        ends = np.searchsorted(surface.block, np.arange(len(surface.blocks) + 1))
        chunks, inside = split_voxels(surface.voxels)
        old = [self._surfaces.pop(key) for key in surface.blocks if key in self._surfaces]
        packed = voxel_keys.pack(surface.voxels)
        for key, start, end in zip(surface.blocks, ends[:-1], ends[1:], strict=True):
            if end > start:
                self._surfaces[key] = packed[start:end].copy()
        if old:
            gone = voxel_keys.unpack(np.concatenate(old)).astype(np.int32)
            self._add_surfaces(*split_voxels(gone), -1)
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
        """The box of voxels whose state differs from that of the last update; None for none.

        Few changed voxels of a chunk wait until there are more or something near changes.
        """
        grid = self._grid
        slots = np.flatnonzero(grid.is_dirty)
        now = grid.occupancy(slots)
        differs = now != grid.published[slots]
        number = differs.sum(axis=1)
        grid.is_dirty[slots[number == 0]] = False
        matters = number >= _LEAST_CHANGED
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

    def _archive_outside(self, center_m: Float64[np.ndarray, "3"]) -> None:
        """Archives what lies outside the window and too far away to affect distances inside."""
        slots = self._grid.slots()
        centres = (self._grid.position[slots] + 0.5) * (SIDE * self._voxel_size_m)
        reach = self._window_radius_m + self._max_distance_m + SIDE * self._voxel_size_m
        self._grid.archive(slots[np.linalg.norm(centres - center_m, axis=1) > reach])

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
            exact_lower_m=np.where(lower > first, lower * size, -np.inf),
            exact_upper_m=np.where(upper < end, upper * size, np.inf),
            window_center_m=center_m,
            window_radius_m=self._window_radius_m,
        )

    def state(self) -> State:
        """See ``core.map.state``."""
        keys = sorted(self._surfaces)
        return {
            "grid": self._grid.state(),
            "blocks": np.array(keys, np.int32).reshape(-1, 3),
            "surfaces": joined([self._surfaces[key] for key in keys], np.zeros(0, np.int64)),
        }

    def restore(self, state: State) -> None:
        self._grid = ChunkGrid.restored(state["grid"])
        keys = map(tuple, state["blocks"].tolist())
        self._surfaces = dict(zip(keys, parted(state["surfaces"]), strict=True))

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
    config: FreeSpaceConfig, mapping: MappingConfig, monocular: MonocularRule | None = None
) -> FreeSpaceMap:
    """The map a config describes; ``monocular`` where depth is estimated."""
    return FreeSpaceMap(
        voxel_size_m=config.voxel_size,
        max_depth_m=max_depth_m(mapping, monocular),
        window_radius_m=window_radius_m(mapping),
        margin_sigmas=monocular.carve_sigmas if monocular and monocular.noise else 0.0,
    )


def _ball(radius: float) -> Int32[np.ndarray, "n 3"]:
    """Voxels whose centre is within ``radius`` voxels of that of voxel 0."""
    reach = int(radius)
    voxels = np.indices((2 * reach + 1,) * 3, np.int32).reshape(3, -1).T - reach
    return np.asarray(voxels[np.sum(voxels**2, axis=1) <= radius**2], dtype=np.int32)
