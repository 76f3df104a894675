"""Bodies that move or come and go, drawn over the static world."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from hydra_mono.core.geometry import inverse
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.simulation.body import Body
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import Surface, object_surface

Hits = dict[str, Any]  # Open3D's cast_rays answers as arrays; "primitive_ids" index all triangles
Window = tuple[slice, slice]  # rows and columns of an image


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of a body in its own frame: a sphere about it, its rays' scene, its triangles."""

    middle_m: Float64[np.ndarray, "3"]
    radius_m: float
    scene: Any
    first_triangle: int


class Actors:
    """Each body's triangles in its own frame; rays go there, not triangles to the rays."""

    def __init__(self, world: World, bodies: tuple[Body, ...], first_triangle: int) -> None:
        self.bodies = bodies
        self.surfaces: list[Surface] = []
        self.shapes: list[list[Shape]] = []
        for body in bodies:
            self.shapes.append([])
            for obj in body.shapes:
                surface = object_surface(obj, world.palette.index, world_frame=False)
                self.shapes[-1].append(_shape(surface, first_triangle))
                self.surfaces.append(surface)
                first_triangle += len(surface.faces)

    def cover(
        self,
        hits: Hits,
        world_from_camera: Float64[np.ndarray, "4 4"],
        rays: Float32[np.ndarray, "h w 3"],
        directions: Float32[np.ndarray, "h w 3"],
        stamp_ns: int,
    ) -> None:
        """Replaces, in place, the hits that a body at the stamp lies in front of.

        ``rays`` are those of the camera, ``directions`` the same in the world.
        """
        for body, shapes in zip(self.bodies, self.shapes, strict=True):
            world_from_object = body.pose_at(stamp_ns)
            if world_from_object is None:
                continue
            shape = shapes[body.shape_at(stamp_ns)]
            window = window_of(shape, world_from_object, world_from_camera, rays)
            if window is None:
                continue
            found = cast(shape, world_from_object, world_from_camera[:3, 3], directions[window])
            rotation = world_from_object[:3, :3].astype(np.float32)
            _merge(hits, window, found, rotation, shape.first_triangle)


def _shape(surface: Surface, first_triangle: int) -> Shape:
    lower, upper = surface.vertices_m.min(axis=0), surface.vertices_m.max(axis=0)
    middle = (lower + upper) / 2
    radius = float(np.linalg.norm(surface.vertices_m - middle, axis=1).max())
    return Shape(middle, radius, ray_scene(surface.vertices_m, surface.faces), first_triangle)


def static_surface(world: World, bodies: tuple[Body, ...]) -> Surface:
    """The world's triangles less those of the bodies."""
    gone = np.isin(world.surface.instances, [body.obj.instance for body in bodies])
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


def window_of(
    shape: Shape,
    world_from_object: Float64[np.ndarray, "4 4"],
    world_from_camera: Float64[np.ndarray, "4 4"],
    rays: Float32[np.ndarray, "h w 3"],
) -> Window | None:
    """The part of the image in which the shape's sphere lies; None where it is out of view."""
    middle = world_from_object[:3, :3] @ shape.middle_m + world_from_object[:3, 3]
    x, y, z = world_from_camera[:3, :3].T @ (middle - world_from_camera[:3, 3])
    if z <= -shape.radius_m:
        return None
    columns = _span(x, z, shape.radius_m, rays[0, :, 0])
    rows = _span(y, z, shape.radius_m, rays[:, 0, 1])
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return None
    return rows, columns


def _span(across: float, ahead: float, radius: float, tangents: Float32[np.ndarray, " n"]) -> slice:
    """Pixels, with ascending ``tangents``, between the two tangents from the eye to a circle."""
    distance = float(np.hypot(across, ahead))
    if distance <= radius:
        return slice(0, len(tangents))
    middle, half = np.arctan2(across, ahead), np.arcsin(radius / distance)
    low, high = middle - half, middle + half
    first = 0 if low <= -np.pi / 2 else int(np.searchsorted(tangents, np.tan(low)))
    last = len(tangents) if high >= np.pi / 2 else int(np.searchsorted(tangents, np.tan(high)))
    if low >= np.pi / 2 or high <= -np.pi / 2:
        return slice(0, 0)
    return slice(max(first - 1, 0), min(last + 1, len(tangents)))


def cast(
    shape: Shape,
    world_from_object: Float64[np.ndarray, "4 4"],
    origin_m: Float64[np.ndarray, "3"],
    directions: Float32[np.ndarray, "h w 3"],
) -> Any:
    """What rays from a point meet of the shape; distances count in lengths of the directions."""
    object_from_world = inverse(world_from_object)
    rays = np.empty((*directions.shape[:2], 6), np.float32)
    rays[..., :3] = object_from_world[:3, :3] @ origin_m + object_from_world[:3, 3]
    rays[..., 3:] = directions @ object_from_world[:3, :3].T.astype(np.float32)
    return shape.scene.cast_rays(open3d().core.Tensor.from_numpy(rays))


def _merge(
    hits: Hits, window: Window, found: Any, rotation: Float32[np.ndarray, "3 3"], first: int
) -> None:
    distance = found["t_hit"].numpy()
    nearer = distance < hits["t_hit"][window]
    if not nearer.any():
        return
    hits["t_hit"][window][nearer] = distance[nearer]
    triangles = found["primitive_ids"].numpy()[nearer] + np.uint32(first)
    hits["primitive_ids"][window][nearer] = triangles
    hits["primitive_uvs"][window][nearer] = found["primitive_uvs"].numpy()[nearer]
    hits["primitive_normals"][window][nearer] = (
        found["primitive_normals"].numpy()[nearer] @ rotation.T
    )
