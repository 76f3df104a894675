"""Panes and mirrors: what a camera sees in them, and what a depth camera takes for surface."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from hydra_mono.core.open3d_loader import open3d
from hydra_mono.simulation.shapes import Surface

START_M = 1e-3  # of a reflected ray, off the mirror it leaves


@dataclass(frozen=True, slots=True)
class Shown:
    """What each pixel shows: triangle, where in it, how far off, where in the world."""

    triangle: np.ndarray
    barycentric: Float32[np.ndarray, "h w 2"]
    depth_m: Float32[np.ndarray, "h w"]
    points_m: Float32[np.ndarray, "h w 3"]
    normals: Float32[np.ndarray, "h w 3"]


@dataclass(frozen=True, slots=True)
class Optics:
    """The static scene's rays and which of its triangles are mirrors or panes."""

    scene: Any
    is_mirror: Bool[np.ndarray, " f"]
    is_pane: Bool[np.ndarray, " f"]

    def apply(
        self,
        seen: Shown,
        directions: Float32[np.ndarray, "h w 3"],
        hit: Bool[np.ndarray, "h w"],
    ) -> tuple[Shown, Float32[np.ndarray, "h w"]]:
        """What is shown once mirrors reflect, and the depth that a depth camera measures.

        A point seen in a mirror seems to lie behind it, as far as the light went. Infrared light
        goes through panes and does not come back.
        """
        is_static = hit & (seen.triangle < len(self.is_mirror))
        number = np.where(is_static, seen.triangle, 0)
        sensed = np.where(is_static & self.is_pane[number], np.float32(0), seen.depth_m)
        mirror = is_static & self.is_mirror[number]
        if not mirror.any():
            return seen, sensed
        shown = self._reflected(seen, directions, mirror)
        sensed[mirror] = shown.depth_m[mirror]
        return shown, sensed

    def _reflected(
        self,
        seen: Shown,
        directions: Float32[np.ndarray, "h w 3"],
        mirror: Bool[np.ndarray, "h w"],
    ) -> Shown:
        normal, ahead = seen.normals[mirror], directions[mirror]
        back = ahead - 2 * np.einsum("nc,nc->n", ahead, normal)[:, None] * normal
        start = seen.points_m[mirror] + np.float32(START_M) * normal
        rays = np.concatenate([start, back], axis=1).astype(np.float32)
        hits = self.scene.cast_rays(open3d().core.Tensor.from_numpy(rays))
        found = {name: tensor.numpy() for name, tensor in hits.items()}
        missed = ~np.isfinite(found["t_hit"])
        path = np.where(missed, np.float32(0), found["t_hit"])  # per unit of depth, as ``ahead``
        result = replace(seen, **{name: getattr(seen, name).copy() for name in Shown.__slots__})
        result.triangle[mirror] = np.where(missed, 0, found["primitive_ids"])
        result.barycentric[mirror] = found["primitive_uvs"]
        result.depth_m[mirror] = np.where(missed, 0, seen.depth_m[mirror] + path)
        result.points_m[mirror] = start + back * path[:, None]
        normals = found["primitive_normals"]
        turned = np.einsum("nc,nc->n", normals, back)[:, None] > 0
        result.normals[mirror] = np.where(turned, -normals, normals)
        return result


def make_optics(scene: Any, surface: Surface, palette: dict[str, int]) -> Optics | None:
    """None in a world without mirrors, whose panes are as opaque as walls."""
    if "mirror" not in palette:
        return None
    materials: Int64[np.ndarray, " f"] = surface.materials
    return Optics(scene, materials == palette["mirror"], materials == palette["glass"])
