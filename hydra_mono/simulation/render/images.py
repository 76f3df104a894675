"""Images of a world from Open3D's ray caster: colour, depth, labels, instances, normals."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8, UInt16

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.simulation.body import Body
from hydra_mono.simulation.building.room_map import make_room_map
from hydra_mono.simulation.materials import LEVELS, TILE, Palette
from hydra_mono.simulation.render.actors import Actors, Hits, ray_scene, static_surface
from hydra_mono.simulation.render.optics import Shown, make_optics
from hydra_mono.simulation.render.sightings import Sightings
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import Surface, concatenate

SHADOW_STRIDE = 4  # shadows are traced for every fourth pixel and blended between
NOTHING = np.uint32(0xFFFFFFFF)  # what Open3D reports for a ray that hits nothing
AMBIENT = 0.42
LAMP = 1.1
FALLOFF_M = 2.6  # a lamp's light halves at this distance
SKY = 0.12  # by which ambient light grows towards surfaces that look up


@dataclass(frozen=True, slots=True)
class Rendered:
    """Perfect images of one view; ``cosine`` is that of the angle of incidence.

    ``sensed_depth_m``: what a depth camera without noise measures, where that is not ``depth_m``:
    nothing (0) through a pane, what is reflected behind a mirror. None: they are the same.
    """

    rgb: UInt8[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"]
    labels: UInt8[np.ndarray, "h w"]
    instances: UInt16[np.ndarray, "h w"]
    normals: Float32[np.ndarray, "h w 3"]
    cosine: Float32[np.ndarray, "h w"]
    sensed_depth_m: Float32[np.ndarray, "h w"] | None = None


class Renderer:
    """Casts one ray a pixel through pixel centres; equal poses give equal images."""

    def __init__(
        self, world: World, intrinsics: Intrinsics, bodies: tuple[Body, ...] = (), threads: int = 0
    ) -> None:
        self._threads = threads
        self._intrinsics, self._rays = intrinsics, camera_rays(intrinsics)
        surface = static_surface(world, bodies)
        self._scene = ray_scene(surface.vertices_m, surface.faces)
        self._actors = Actors(world, bodies, first_triangle=len(surface.faces))
        self._triangles = _TriangleTable([surface, *self._actors.surfaces], world.palette)
        self._optics = make_optics(self._scene, surface, world.palette.index)
        self._rooms = make_room_map(world.plan)
        self._lamps = world.lights_m.astype(np.float32)

    def render(self, world_from_camera: Float64[np.ndarray, "4 4"], stamp_ns: int = 0) -> Rendered:
        """The view from a pose at a stamp; only bodies care for the stamp."""
        rotation = world_from_camera[:3, :3].astype(np.float32)
        directions = self._rays @ rotation.T
        hits = self._cast(world_from_camera[:3, 3], directions)
        self._actors.cover(hits, world_from_camera, self._rays, directions, stamp_ns)
        depth, triangle = hits["t_hit"], hits["primitive_ids"]
        seen = triangle != NOTHING
        triangle = np.where(seen, triangle, 0)
        depth = np.where(seen, depth, np.float32(0))
        normals, cosine = _facing(hits["primitive_normals"], directions)
        points = directions * depth[..., None] + world_from_camera[:3, 3].astype(np.float32)
        shown = Shown(triangle, hits["primitive_uvs"], depth, points, normals)
        sensed = None
        if self._optics is not None:
            shown, sensed = self._optics.apply(shown, directions, seen)
        albedo = self._triangles.color(shown.triangle, shown.barycentric, shown.depth_m)
        light = self._light(shown.points_m, shown.normals)
        rgb = np.minimum(albedo * light[..., None], np.float32(255)).astype(np.uint8)
        rgb[~seen] = 0
        return Rendered(
            rgb=rgb,
            depth_m=depth,
            labels=np.where(seen, self._triangles.labels[triangle], np.uint8(0)),
            instances=np.where(seen, self._triangles.instances[triangle], np.uint16(0)),
            normals=np.where(seen[..., None], normals @ rotation, np.float32(0)),
            cosine=cosine,
            sensed_depth_m=sensed,
        )

    def sightings(
        self, poses: Float64[np.ndarray, "n 4 4"], stamps_ns: Int64[np.ndarray, " n"]
    ) -> Sightings:
        """What of the bodies was in view from ``world_from_camera`` at each stamp."""
        return Sightings(self._scene, self._actors, self._intrinsics, poses, stamps_ns)

    def _cast(self, origin_m: Float64[np.ndarray, "3"], directions: np.ndarray) -> Hits:
        rays = np.empty((*directions.shape[:2], 6), np.float32)
        rays[..., :3] = origin_m
        rays[..., 3:] = directions
        hits = self._scene.cast_rays(open3d().core.Tensor.from_numpy(rays), self._threads)
        return {name: tensor.numpy() for name, tensor in hits.items()}

    def _light(
        self, points: Float32[np.ndarray, "h w 3"], normals: Float32[np.ndarray, "h w 3"]
    ) -> Float32[np.ndarray, "h w"]:
        """Ambient light and the lamp of the room that the surface faces, with its shadow."""
        lamps = self._lamps.take(self._rooms.at(points + np.float32(0.03) * normals), axis=0)
        to_lamp = lamps - points
        distance_squared = np.einsum("hwc,hwc->hw", to_lamp, to_lamp)
        lambert = np.einsum("hwc,hwc->hw", to_lamp, normals) / np.sqrt(distance_squared)
        lit = np.maximum(lambert, 0) / (1 + distance_squared / np.float32(FALLOFF_M**2))
        lit *= self._shadow(points, normals, lamps)
        sky = np.float32(AMBIENT) * (1 + np.float32(SKY) * normals[..., 2])
        return np.asarray(sky + np.float32(LAMP) * lit)

    def _shadow(
        self, points: np.ndarray, normals: np.ndarray, lamps: np.ndarray
    ) -> Float32[np.ndarray, "h w"]:
        """1 where the lamp is in sight, 0 where not; blended between the traced pixels."""
        some = (slice(None, None, SHADOW_STRIDE), slice(None, None, SHADOW_STRIDE))
        start = points[some] + np.float32(0.01) * normals[some]
        rays = np.concatenate([start, lamps[some] - start], axis=-1)
        tensor = open3d().core.Tensor.from_numpy(np.ascontiguousarray(rays))
        blocked = self._scene.test_occlusions(tensor, 0.0, 0.98, self._threads).numpy()
        return _enlarged(1 - blocked.astype(np.float32), points.shape[:2])


def _facing(
    normals: Float32[np.ndarray, "h w 3"], directions: Float32[np.ndarray, "h w 3"]
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"]]:
    """Normals turned towards the camera, and the cosine of the angle of incidence."""
    along = np.einsum("hwc,hwc->hw", normals, directions)
    turned = np.where(along[..., None] > 0, -normals, normals)
    lengths = np.sqrt(np.einsum("hwc,hwc->hw", directions, directions))
    return turned, np.abs(along) / lengths


def _enlarged(
    small: Float32[np.ndarray, "a b"], shape: tuple[int, int]
) -> Float32[np.ndarray, "h w"]:
    """Bilinear enlargement from every ``SHADOW_STRIDE``-th pixel to all."""
    for axis in (0, 1):
        size = shape[axis]
        position = np.arange(size, dtype=np.float32) / SHADOW_STRIDE
        low = np.minimum(position.astype(np.int64), small.shape[axis] - 1)
        high = np.minimum(low + 1, small.shape[axis] - 1)
        weight = position - low
        weight = weight[:, None] if axis == 0 else weight[None]
        small = small.take(low, axis) * (1 - weight) + small.take(high, axis) * weight
    return np.asarray(small, dtype=np.float32)


class _TriangleTable:
    """Attributes looked up by triangle, and textures by position within it."""

    def __init__(self, surfaces: list[Surface], palette: Palette) -> None:
        surface = concatenate(surfaces)
        self.labels: UInt8[np.ndarray, " f"] = surface.labels
        self.instances: UInt16[np.ndarray, " f"] = surface.instances
        uv = surface.uv_m * TILE
        edges = [uv[:, 0], uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]]
        self._uv = np.concatenate(edges, axis=1).astype(np.float32)
        self._starts = (surface.materials * palette.tile_texels).astype(np.int32)
        self._level_starts = palette.level_starts.astype(np.int32)
        self._texels = palette.texels

    def color(
        self,
        triangle: np.ndarray,
        barycentric: Float32[np.ndarray, "h w 2"],
        depth_m: Float32[np.ndarray, "h w"],
    ) -> Float32[np.ndarray, "h w 3"]:
        """Nearest texel of the level whose texels are about a pixel wide."""
        table = self._uv.take(triangle, axis=0)
        b, c = barycentric[..., 0], barycentric[..., 1]
        u = (table[..., 0] + b * table[..., 2] + c * table[..., 4]).astype(np.int32)
        v = (table[..., 1] + b * table[..., 3] + c * table[..., 5]).astype(np.int32)
        level = (depth_m > 2.5).astype(np.int32) + (depth_m > 5) + (depth_m > 10)
        level = np.minimum(level, LEVELS - 1)
        size = TILE >> level
        texel = ((v >> level) & (size - 1)) * size + ((u >> level) & (size - 1))
        texel += self._starts.take(triangle) + self._level_starts.take(level)
        return np.asarray(self._texels.take(texel, axis=0), dtype=np.float32)
