"""The fused map of the active window: distance, colour, label and stamps per voxel."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32

from hydra_mono.core.config import MappingConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import BlockKey, MeshUpdate, SemanticMesh
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.extent import max_depth_m, window_radius_m
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.tsdf.archive import Archive, pack, unpack, within
from hydra_mono.mapping.tsdf.blocks import (
    RESOLUTION,
    BlockPool,
    FrameStamps,
    voxels_in_cubes,
)
from hydra_mono.mapping.tsdf.changes import (
    MeshRule,
    blocks_to_mesh,
    sorted_unique,
    update_meshed_values,
)
from hydra_mono.mapping.tsdf.depth import clean_depth
from hydra_mono.mapping.tsdf.frustum import DepthView, in_view, surface_blocks
from hydra_mono.mapping.tsdf.fusion import (
    BEHIND_VOXELS,
    FRONT_VOXELS,
    FusionRule,
    bordered_pixels,
    fuse,
    project,
    with_estimated_depth,
)
from hydra_mono.mapping.tsdf.raycast import first_crossing
from hydra_mono.mapping.tsdf.remesh import mesh_blocks
from hydra_mono.mapping.tsdf.thin import ThinRule, fuse_thin
from hydra_mono.mapping.tsdf.tiles import summarise

_ROUGH = 0.05  # of the weight from which surface is meshed: one far observation tells its scale
_FIRST_BLOCKS = 16384  # virtual memory only; pages are used as blocks are
_RELOAD_BLOCKS = 2  # a block is reloaded so far inside the window, lest it be archived at once
_REMESH_BLOCKS = 4  # and meshed so far inside, when all its neighbours have been reloaded too


class SemanticVolume:
    """Depth, colour and labels fused on a sparse voxel grid; a mesh of what changed.

    Only blocks within ``window_radius_m`` of the camera are active. Those that leave are archived;
    when the camera returns they are reloaded and go on where they were, so that a surface seen
    twice is neither doubled nor lost.
    """

    def __init__(
        self,
        *,
        fusion: FusionRule,
        mesh: MeshRule,
        thin: ThinRule | None,
        max_depth_m: float,
        window_radius_m: float,
    ) -> None:
        self._fusion = fusion
        self._mesh_rule = mesh
        self._thin = thin
        self._max_depth_m = max_depth_m
        self._block_size_m = RESOLUTION * fusion.voxel_size_m
        self._window_blocks = window_radius_m / self._block_size_m
        self._refresh_ns = round(mesh.refresh_s * 1e9)
        self._pool = BlockPool(_FIRST_BLOCKS)
        self._archive = Archive()
        self._stamps = FrameStamps()
        self._meshed: dict[BlockKey, int] = {}  # stamp of the mesh of every block that has one
        self._reloaded = np.zeros((0, 3), np.int32)  # not meshed anew since

    def integrate(
        self,
        frame: Frame,
        prediction: Prediction,
        keep: Bool[np.ndarray, "h w"] | None = None,
    ) -> None:
        """Fuses one frame; pixels where ``keep`` is false are left out altogether."""
        depth = clean_depth(prediction.depth_m, keep, self._fusion.min_depth_m, self._max_depth_m)
        if not depth.any():
            return
        view = DepthView(depth, frame.intrinsics, frame.world_from_camera)
        tiles = summarise(depth, frame.intrinsics)
        self._allocate(view)
        rule = self._fusion
        observed = in_view(view, tiles, self._pool.keys, self._block_size_m, rule.deepest_m)
        keys, slots = self._pool.keys[observed], self._pool.slots[observed]
        pixels = bordered_pixels(view, tiles, frame.rgb, prediction)
        samples = project(view, pixels, keys, slots, rule)
        fuse(self._pool.voxels, samples, pixels, rule, len(self._stamps))
        if self._thin is not None:
            fuse_thin(self._pool, view, samples, pixels, self._thin, len(self._stamps))
        self._pool.touched[slots] = True
        self._stamps.append(frame.stamp_ns)

    def forget(self, cubes: Int32[np.ndarray, "n 3"], cube_size_m: float) -> None:
        """Makes voxels unobserved: those in cubes (i, j, k) · size of the world, what moves."""
        if not len(cubes):
            return
        keys, inside = voxels_in_cubes(cubes, cube_size_m / self._fusion.voxel_size_m)
        slots = self._pool.find(keys)
        self._pool.forget(slots[slots >= 0], inside[slots >= 0])

    def update_mesh(self, stamp_ns: int, center_m: Float64[np.ndarray, "3"]) -> MeshUpdate:
        """Meshes the blocks that changed since the last call, then moves the window."""
        self._reload(center_m)
        keys, slots = self._pool.take_touched()
        changed = update_meshed_values(self._pool, keys, slots, self._mesh_rule)
        dirty = [
            blocks_to_mesh(keys, changed),
            self._take_surrounded(center_m),
            self._stale(keys, stamp_ns),
        ]
        meshes = self._mesh(sorted_unique(np.concatenate(dirty)), stamp_ns)
        return MeshUpdate(
            stamp_ns=stamp_ns,
            block_size_m=self._block_size_m,
            changed=meshes,
            archived=self._archive_outside(center_m),
        )

    def surface_along(
        self, points_m: Float32[np.ndarray, "k n 3"]
    ) -> tuple[Float32[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
        """Where rays, given as points from near to far, first meet the surface mapped so far.

        In steps from the first point; and whether they do. See ``first_crossing``. Surface
        that is not sure enough to be meshed counts too.
        """
        least = _ROUGH * self._mesh_rule.min_weight
        return first_crossing(self._pool, points_m, self._fusion.voxel_size_m, least)

    def _allocate(self, view: DepthView) -> None:
        size = self._fusion.voxel_size_m
        keys = surface_blocks(view, self._block_size_m, self._fusion.deepest_m, 1.5 * size)
        self._open(keys[self._pool.find(keys) < 0])

    def _open(self, keys: Int32[np.ndarray, "n 3"]) -> None:
        """Adds blocks as they were when they were archived, or unobserved."""
        slots = self._pool.insert(keys)
        blocks = [self._archive.take(tuple(key)) for key in keys.tolist()]
        rows = [row for row, block in enumerate(blocks) if block is not None]
        if rows:
            unpack([b for b in blocks if b is not None], self._pool.voxels, slots[rows])
            self._reloaded = np.concatenate([self._reloaded, keys[rows]])

    def _reload(self, center_m: Float64[np.ndarray, "3"]) -> None:
        center = center_m / self._block_size_m
        self._open(self._archive.near(center, self._window_blocks - _RELOAD_BLOCKS))

    def _take_surrounded(self, center_m: Float64[np.ndarray, "3"]) -> Int32[np.ndarray, "n 3"]:
        """Reloaded blocks whose neighbours have been reloaded too; each once."""
        center = center_m / self._block_size_m
        inside = within(self._reloaded, center, self._window_blocks - _REMESH_BLOCKS)
        surrounded, self._reloaded = self._reloaded[inside], self._reloaded[~inside]
        return np.asarray(surrounded)

    def _stale(self, keys: Int32[np.ndarray, "n 3"], stamp_ns: int) -> Int32[np.ndarray, "m 3"]:
        """Blocks seen unchanged for so long that their vertices' last stamps are out of date."""
        limit = stamp_ns - self._refresh_ns
        old = [self._meshed.get(tuple(key), stamp_ns) <= limit for key in keys.tolist()]
        return np.asarray(keys[np.array(old, np.bool_)])

    def _mesh(self, keys: Int32[np.ndarray, "n 3"], stamp_ns: int) -> dict[BlockKey, SemanticMesh]:
        """New meshes; an empty one only where there was a surface before."""
        keys = keys[self._pool.find(keys) >= 0]
        size_m, stamps_ns = self._fusion.voxel_size_m, self._stamps.all_ns
        meshes = mesh_blocks(self._pool, keys, size_m, stamps_ns)
        news = {key: mesh for key, mesh in meshes.items() if len(mesh) or key in self._meshed}
        for key, mesh in news.items():
            if len(mesh):
                self._meshed[key] = stamp_ns
            else:
                del self._meshed[key]
        return news

    def _archive_outside(self, center_m: Float64[np.ndarray, "3"]) -> tuple[BlockKey, ...]:
        """Archives the blocks that left the window; returns those that have a mesh, sorted."""
        center = center_m / self._block_size_m
        keys = self._pool.keys[~within(self._pool.keys, center, self._window_blocks)]
        packed = pack(self._pool.voxels, self._pool.find(keys))
        for key, block in zip(keys.tolist(), packed, strict=True):
            self._archive.put(tuple(key), block)
        self._pool.erase(keys)
        self._reloaded = self._reloaded[within(self._reloaded, center, self._window_blocks)]
        gone = {tuple(key) for key in keys.tolist()} & self._meshed.keys()
        return tuple(sorted(gone))

    def state(self) -> State:
        """See ``core.map.state``."""
        meshed = sorted(self._meshed)
        return {
            "pool": self._pool.state(),
            "archive": self._archive.state(),
            "stamps_ns": self._stamps.all_ns.copy(),
            "meshed": np.array(meshed, np.int32).reshape(-1, 3),
            "meshed_ns": np.array([self._meshed[key] for key in meshed], np.int64),
            "reloaded": self._reloaded.copy(),
        }

    def restore(self, state: State) -> None:
        self._pool.restore(state["pool"])
        self._archive.restore(state["archive"])
        self._stamps = FrameStamps(state["stamps_ns"])
        keys = map(tuple, state["meshed"].tolist())
        self._meshed = dict(zip(keys, state["meshed_ns"].tolist(), strict=True))
        self._reloaded = state["reloaded"].copy()


def create_volume(config: MappingConfig, monocular: MonocularRule | None = None) -> SemanticVolume:
    """The volume a config describes; ``monocular`` where depth is estimated.

    The window always holds what the camera can see.
    """
    size_m = config.voxel_size
    front_m, behind_m = (round(n * size_m, 6) for n in (FRONT_VOXELS, BEHIND_VOXELS))
    fusion = FusionRule(size_m, front_m=front_m, behind_m=behind_m)
    mesh = MeshRule(voxel_size_m=size_m, front_m=front_m)
    if monocular is not None:
        fusion = with_estimated_depth(fusion, monocular)
        mesh = replace(mesh, min_weight=monocular.min_weight)
    return SemanticVolume(
        fusion=fusion,
        mesh=mesh,
        thin=ThinRule(voxel_size_m=size_m, free_m=front_m) if monocular is None else None,
        max_depth_m=max_depth_m(config, monocular),
        window_radius_m=window_radius_m(config),
    )
