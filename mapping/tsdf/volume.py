"""The fused map of the active window: distance, colour, label and stamps per voxel."""

import logging
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32

from hydra_mono.core.config import MappingConfig, MonocularConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.mesh import BlockKey, MeshUpdate, SemanticMesh
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.tsdf.archive import Archive, pack, unpack, within
from hydra_mono.mapping.tsdf.blocks import RESOLUTION, BlockPool
from hydra_mono.mapping.tsdf.changes import MeshRule, blocks_to_mesh, sorted_unique, take_over
from hydra_mono.mapping.tsdf.depth import clean_depth
from hydra_mono.mapping.tsdf.frustum import DepthView, in_view, surface_blocks
from hydra_mono.mapping.tsdf.fusion import FusionRule, bordered, fuse, project
from hydra_mono.mapping.tsdf.raycast import first_crossing
from hydra_mono.mapping.tsdf.remesh import mesh_blocks
from hydra_mono.mapping.tsdf.thin import ThinRule, fuse_thin
from hydra_mono.mapping.tsdf.tiles import summarise

logger = logging.getLogger(__name__)

_ROUGH = 0.05  # of the weight from which surface is meshed
_FIRST_BLOCKS = 16384  # virtual memory only; pages are used as blocks are


class SemanticVolume:
    """Depth, colour and labels fused on a sparse voxel grid; a mesh of what changed.

    Only blocks within ``window_radius_m`` of the camera are held open. Those that leave are
    packed away; when the camera returns they are taken out again and go on where they were,
    so that a surface seen twice is neither doubled nor lost.
    """

    def __init__(
        self,
        *,
        fusion: FusionRule,
        mesh: MeshRule,
        thin: ThinRule | None,
        max_depth_m: float,
        window_radius_m: float,
        refresh_s: float,
    ) -> None:
        self._fusion = fusion
        self._mesh_rule = mesh
        self._thin = thin
        self._max_depth_m = max_depth_m
        self._block_size_m = RESOLUTION * fusion.voxel_size_m
        self._window_blocks = window_radius_m / self._block_size_m
        self._refresh_ns = round(refresh_s * 1e9)
        self._pool = BlockPool(_FIRST_BLOCKS)
        self._archive = Archive()
        self._stamps_ns: list[int] = []
        self._meshed: dict[BlockKey, int] = {}  # stamp of the mesh of every block that has one
        self._returned = np.zeros((0, 3), np.int32)

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
        concerned = in_view(view, tiles, self._pool.keys, self._block_size_m, rule.deepest_m)
        keys, slots = self._pool.keys[concerned], self._pool.slots[concerned]
        pixels = bordered(view, tiles, frame.rgb, prediction)
        samples = project(view, pixels, keys, slots, rule)
        fuse(self._pool.voxels, samples, pixels, rule, len(self._stamps_ns))
        if self._thin is not None:
            fuse_thin(self._pool, view, samples, pixels, self._thin, len(self._stamps_ns))
        self._pool.touched[slots] = True
        self._stamps_ns.append(frame.stamp_ns)

    def update_mesh(self, stamp_ns: int, center_m: Float64[np.ndarray, "3"]) -> MeshUpdate:
        """Meshes the blocks that changed since the last call, then moves the window."""
        self._bring_back(center_m)
        keys, slots = self._pool.take_touched()
        changed = take_over(self._pool, keys, slots, self._mesh_rule)
        dirty = [
            blocks_to_mesh(keys, changed),
            self._settled(center_m),
            self._stale(keys, stamp_ns),
        ]
        meshes = self._mesh(sorted_unique(np.concatenate(dirty)), stamp_ns)
        return MeshUpdate(
            stamp_ns=stamp_ns,
            block_size_m=self._block_size_m,
            changed=meshes,
            archived=self._put_away(center_m),
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
        """Adds blocks as they were when they were put away, or blank."""
        slots = self._pool.insert(keys)
        returned = []
        for key, slot in zip(keys.tolist(), slots.tolist(), strict=True):
            packed = self._archive.take(tuple(key))
            if packed is not None:
                unpack(packed, self._pool.voxels, slot)
                returned.append(key)
        if returned:
            self._returned = np.concatenate([self._returned, np.array(returned, np.int32)])

    def _bring_back(self, center_m: Float64[np.ndarray, "3"]) -> None:
        """Opens archived blocks a little before they matter, so that none flickers."""
        self._open(self._archive.near(center_m / self._block_size_m, self._window_blocks - 2))

    def _settled(self, center_m: Float64[np.ndarray, "3"]) -> Int32[np.ndarray, "n 3"]:
        """Blocks brought back whose neighbours are back too."""
        center = center_m / self._block_size_m
        inside = within(self._returned, center, self._window_blocks - 4)
        settled, self._returned = self._returned[inside], self._returned[~inside]
        return np.asarray(settled)

    def _stale(self, keys: Int32[np.ndarray, "n 3"], stamp_ns: int) -> Int32[np.ndarray, "m 3"]:
        """Blocks seen unchanged for so long that their vertices' last stamps are out of date."""
        limit = stamp_ns - self._refresh_ns
        old = [self._meshed.get(tuple(key), stamp_ns) <= limit for key in keys.tolist()]
        return np.asarray(keys[np.array(old, np.bool_)])

    def _mesh(self, keys: Int32[np.ndarray, "n 3"], stamp_ns: int) -> dict[BlockKey, SemanticMesh]:
        """New meshes; an empty one only where there was a surface before."""
        keys = keys[self._pool.find(keys) >= 0]
        stamps = np.array(self._stamps_ns or [0], np.int64)
        meshes = mesh_blocks(self._pool, keys, self._fusion.voxel_size_m, stamps)
        news = {key: mesh for key, mesh in meshes.items() if len(mesh) or key in self._meshed}
        for key, mesh in news.items():
            if len(mesh):
                self._meshed[key] = stamp_ns
            else:
                del self._meshed[key]
        return news

    def _put_away(self, center_m: Float64[np.ndarray, "3"]) -> tuple[BlockKey, ...]:
        """Packs the blocks that left the window; names those that had a surface."""
        center = center_m / self._block_size_m
        keys = self._pool.keys[~within(self._pool.keys, center, self._window_blocks)]
        for key, slot in zip(keys.tolist(), self._pool.find(keys).tolist(), strict=True):
            self._archive.put(tuple(key), pack(self._pool.voxels, slot))
        self._pool.erase(keys)
        self._returned = self._returned[within(self._returned, center, self._window_blocks)]
        gone = {tuple(key) for key in keys.tolist()} & self._meshed.keys()
        return tuple(sorted(gone))


def create_volume(
    config: MappingConfig, monocular: MonocularConfig | None = None
) -> SemanticVolume:
    """The volume a config asks for; ``monocular`` where depth is a network's guess.

    The window always holds what the camera can see.
    """
    return SemanticVolume(
        fusion=_fusion_rule(config, monocular),
        mesh=MeshRule(
            min_weight=monocular.min_weight if monocular else config.min_weight,
            tolerance_m=config.mesh_tolerance,
            front_m=config.truncation,
            voxel_size_m=config.voxel_size,
            thin_frames=config.thin_frames,
        ),
        thin=None if monocular else _thin_rule(config),
        max_depth_m=min(config.max_depth, monocular.max_depth) if monocular else config.max_depth,
        window_radius_m=max(config.window_radius, config.max_depth + 2.0),
        refresh_s=config.mesh_refresh,
    )


def _thin_rule(config: MappingConfig) -> ThinRule | None:
    if config.thin_width == 0:
        return None
    return ThinRule(
        voxel_size_m=config.voxel_size,
        free_m=config.truncation,
        width_m=config.thin_width,
        reach_m=config.thin_reach,
        gap_m=config.thin_gap,
        frames=config.thin_frames,
        every=config.thin_every,
        max_label_weight=config.max_label_weight,
    )


def _fusion_rule(config: MappingConfig, monocular: MonocularConfig | None) -> FusionRule:
    rule = FusionRule(
        voxel_size_m=config.voxel_size,
        front_m=config.truncation,
        behind_m=config.behind,
        least_weight=0.1,
        max_weight=config.max_weight,
        carve_weight=config.carve_weight,
        max_label_weight=config.max_label_weight,
        min_depth_m=config.min_depth,
    )
    if monocular is None:
        return rule
    return replace(
        rule,
        half_sigma_m=monocular.half_sigma,
        margin_sigmas=monocular.margin_sigmas,
        max_margin_m=monocular.max_margin if monocular.noise else 0.0,
    )
