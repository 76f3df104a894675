"""Bodies that move or come and go, drawn over the static world."""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from hydra_mono.core.geometry import inverse
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.simulation.dynamics import Body
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import Surface, thing_surface

Hits = dict[str, Any]  # Open3D's cast_rays answers as arrays; "primitive_ids" index all triangles


class Actors:
    """Each body's triangles in its own frame; rays go there, not triangles to the rays."""

    def __init__(self, world: World, bodies: tuple[Body, ...], first_triangle: int) -> None:
        self._bodies = bodies
        self.surfaces = [
            thing_surface(body.thing, world.palette.index, world_frame=False) for body in bodies
        ]
        self._scenes = [ray_scene(item.vertices_m, item.faces) for item in self.surfaces]
        counts = [len(item.faces) for item in self.surfaces]
        self._first = np.cumsum([first_triangle, *counts])

    def cover(
        self,
        hits: Hits,
        origin_m: Float64[np.ndarray, "3"],
        directions: Float32[np.ndarray, "h w 3"],
        stamp_ns: int,
    ) -> None:
        """Replaces, in place, the hits that a body at the stamp lies in front of."""
        for body, scene, first in zip(self._bodies, self._scenes, self._first[:-1], strict=True):
            world_from_thing = body.pose_at(stamp_ns)
            if world_from_thing is None:
                continue
            pixels = _towards(body, world_from_thing, origin_m, directions)
            if not pixels.any():
                continue
            thing_from_world = inverse(world_from_thing)
            rays = np.empty((np.count_nonzero(pixels), 6), np.float32)
            rays[:, :3] = thing_from_world[:3, :3] @ origin_m + thing_from_world[:3, 3]
            rays[:, 3:] = directions[pixels] @ thing_from_world[:3, :3].T.astype(np.float32)
            found = scene.cast_rays(open3d().core.Tensor.from_numpy(rays))
            _merge(hits, pixels, found, world_from_thing[:3, :3].astype(np.float32), int(first))


def static_surface(world: World, bodies: tuple[Body, ...]) -> Surface:
    """The world's triangles less those of the bodies."""
    gone = np.isin(world.surface.instances, [body.thing.instance for body in bodies])
    stay = ~gone | (world.surface.instances == 0)
    surface = world.surface
    return replace(
        surface,
        faces=surface.faces[stay],
        uv_m=surface.uv_m[stay],
        materials=surface.materials[stay],
        labels=surface.labels[stay],
        instances=surface.instances[stay],
    )


def ray_scene(vertices_m: Float64[np.ndarray, "v 3"], faces: Int64[np.ndarray, "f 3"]) -> Any:
    """Open3D's ray caster over triangles."""
    core = open3d().core
    scene = open3d().t.geometry.RaycastingScene()
    scene.add_triangles(
        core.Tensor.from_numpy(vertices_m.astype(np.float32)),
        core.Tensor.from_numpy(faces.astype(np.uint32)),
    )
    return scene


def _towards(
    body: Body,
    world_from_thing: Float64[np.ndarray, "4 4"],
    origin_m: Float64[np.ndarray, "3"],
    directions: Float32[np.ndarray, "h w 3"],
) -> Bool[np.ndarray, "h w"]:
    """Pixels whose rays pass through the sphere about the body's box."""
    middle = world_from_thing[:3, 3] + np.array([0, 0, body.thing.size_m[2] / 2])
    offset = (middle - origin_m).astype(np.float32)
    radius = float(np.linalg.norm(body.thing.size_m)) / 2
    along = directions @ offset
    lengths = np.einsum("hwc,hwc->hw", directions, directions)
    squared = float(offset @ offset) - along**2 / lengths
    near = float(offset @ offset) < radius**2
    return np.asarray((squared < radius**2) & ((along > 0) | near))


def _merge(
    hits: Hits,
    pixels: Bool[np.ndarray, "h w"],
    found: Any,
    rotation: Float32[np.ndarray, "3 3"],
    first: int,
) -> None:
    nearer = found["t_hit"].numpy() < hits["t_hit"][pixels]
    where = np.zeros_like(pixels)
    where[pixels] = nearer
    hits["t_hit"][where] = found["t_hit"].numpy()[nearer]
    hits["primitive_ids"][where] = found["primitive_ids"].numpy()[nearer] + np.uint32(first)
    hits["primitive_uvs"][where] = found["primitive_uvs"].numpy()[nearer]
    hits["primitive_normals"][where] = found["primitive_normals"].numpy()[nearer] @ rotation.T
