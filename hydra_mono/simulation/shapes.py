"""Solids made of boxes, prisms and ellipsoids, and the triangles that show them."""

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8, UInt16

from hydra_mono.core.box import BoundingBox

Vector = tuple[float, float, float]
ROUND_SIDES = 14  # of prisms and ellipsoids


@dataclass(frozen=True, slots=True)
class Part:
    """One solid in its object's frame; ``size_m`` is the full extent, ``top`` scales its top end.

    Only cylinders taper; ``material`` names an entry of the world's palette. A wedge is the half of
    a box below its diagonal seen from above: its right angle is at low x and y.
    """

    shape: Literal["box", "cylinder", "ellipsoid", "wedge"]
    center_m: Vector
    size_m: Vector
    material: str
    top: float = 1.0

    @property
    def extent_m(self) -> Float64[np.ndarray, "3"]:
        """Full extent, a top wider than the bottom included."""
        wide = max(self.top, 1.0)
        return np.asarray(self.size_m * np.array([wide, wide, 1.0]))

    def contains(self, points_m: Float64[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """True for points (object frame) inside the solid."""
        unit = (points_m - np.array(self.center_m)) / (np.array(self.size_m) / 2)
        if self.shape == "box":
            return np.asarray(np.all(np.abs(unit) <= 1, axis=1))
        if self.shape == "wedge":
            inside = np.all(np.abs(unit) <= 1, axis=1)
            return np.asarray(inside & (unit[:, 0] + unit[:, 1] <= 0))
        radius_squared = np.sum(unit[:, :2] ** 2, axis=1)
        if self.shape == "ellipsoid":
            return np.asarray(radius_squared + unit[:, 2] ** 2 <= 1)
        limit = 1 + (self.top - 1) * np.clip((unit[:, 2] + 1) / 2, 0, 1)
        return np.asarray((np.abs(unit[:, 2]) <= 1) & (radius_squared <= limit**2))


@dataclass(frozen=True, slots=True)
class SceneObject:
    """Parts at a place: ``position_m`` is the middle of the underside of its box.

    The front looks along +y of the object's frame. ``instance`` 0 belongs to the building.
    """

    name: str
    label: int
    instance: int
    parts: tuple[Part, ...]
    size_m: Vector
    position_m: Vector = (0.0, 0.0, 0.0)
    yaw_rad: float = 0.0

    @property
    def box(self) -> BoundingBox:
        x, y, z = self.position_m
        return BoundingBox((x, y, z + self.size_m[2] / 2), self.size_m, self.yaw_rad)

    @property
    def world_from_object(self) -> Float64[np.ndarray, "4 4"]:
        return pose_at(self.position_m, self.yaw_rad)

    def contains(self, points_m: Float64[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """True for world points inside one of the parts."""
        pose = self.world_from_object
        local = (points_m - pose[:3, 3]) @ pose[:3, :3]
        inside = np.zeros(len(points_m), dtype=bool)
        for part in self.parts:
            inside |= part.contains(local)
        return inside

    def at(self, position_m: Vector, yaw_rad: float) -> "SceneObject":
        return replace(self, position_m=position_m, yaw_rad=yaw_rad)


@dataclass(frozen=True, slots=True)
class Surface:
    """Triangles with what they show; ``uv_m`` are texture coordinates of each corner, metres."""

    vertices_m: Float64[np.ndarray, "v 3"]
    faces: Int64[np.ndarray, "f 3"]
    uv_m: Float64[np.ndarray, "f 3 2"]
    materials: Int64[np.ndarray, " f"]
    labels: UInt8[np.ndarray, " f"]
    instances: UInt16[np.ndarray, " f"]


def pose_at(position_m: Vector, yaw_rad: float) -> Float64[np.ndarray, "4 4"]:
    """An upright pose turned by ``yaw_rad`` counter-clockwise seen from above."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    pose = np.eye(4)
    pose[:2, :2] = [[cos, -sin], [sin, cos]]
    pose[:3, 3] = position_m
    return pose


def make_object(name: str, label: int, parts: list[Part]) -> SceneObject:
    """An object of parts given in any frame with the floor at z = 0, centred over its box."""
    lower = np.min([np.subtract(p.center_m, p.extent_m / 2) for p in parts], axis=0)
    upper = np.max([np.add(p.center_m, p.extent_m / 2) for p in parts], axis=0)
    shift = np.array([*(lower[:2] + upper[:2]) / 2, lower[2]])
    moved = tuple(replace(part, center_m=vector(np.array(part.center_m) - shift)) for part in parts)
    return SceneObject(name, label, 0, moved, vector(upper - lower))


def vector(values: Float64[np.ndarray, "3"]) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])


def object_surface(obj: SceneObject, palette: dict[str, int], world_frame: bool = True) -> Surface:
    """The object's visible triangles, without faces that lie inside another of its parts.

    An object's underside is left out where it stands on the floor.
    """
    surfaces = [_part_surface(obj, part, index, palette) for index, part in enumerate(obj.parts)]
    surface = concatenate([item for item in surfaces if len(item.faces)])
    if not world_frame:
        return surface
    pose = obj.world_from_object
    return replace(surface, vertices_m=surface.vertices_m @ pose[:3, :3].T + pose[:3, 3])


def _part_surface(obj: SceneObject, part: Part, index: int, palette: dict[str, int]) -> Surface:
    unit_vertices, faces = _unit_mesh(part.shape)
    vertices = unit_vertices.copy()
    if part.shape == "cylinder":
        vertices[:, :2] *= (1 + (part.top - 1) * (vertices[:, 2:] + 0.5)) if part.top != 1 else 1
    vertices = vertices * np.array(part.size_m) + np.array(part.center_m)
    faces = faces[~_hidden(obj, index, vertices[faces])]
    count = len(faces)
    return Surface(
        vertices_m=vertices,
        faces=faces,
        uv_m=_project(vertices[faces]),
        materials=np.full(count, palette[part.material]),
        labels=np.full(count, obj.label, np.uint8),
        instances=np.full(count, obj.instance, np.uint16),
    )


def _hidden(
    obj: SceneObject, index: int, corners: Float64[np.ndarray, "f 3 3"]
) -> Bool[np.ndarray, " f"]:
    """Triangles inside another single part, or resting on the floor."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    middle = corners.mean(axis=1, keepdims=True)
    probes = corners + 0.05 * (middle - corners) + 2e-3 * normals[:, None]
    hidden = np.zeros(len(corners), dtype=bool)
    if obj.position_m[2] < 0.005 or obj.instance > 0:
        hidden |= np.all(corners[..., 2] < 1e-6, axis=1)
    for other, part in enumerate(obj.parts):
        if other != index:
            hidden |= part.contains(probes.reshape(-1, 3)).reshape(-1, 3).all(axis=1)
    return hidden


def _project(corners: Float64[np.ndarray, "f 3 3"]) -> Float64[np.ndarray, "f 3 2"]:
    """Texture coordinates: the corners seen along the main axis of each triangle's normal."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    axes = np.array([[1, 2], [0, 2], [0, 1]])[np.argmax(np.abs(normals), axis=1)]
    return np.take_along_axis(corners, axes[:, None, :].repeat(3, axis=1), axis=2)


def concatenate(surfaces: list[Surface]) -> Surface:
    """One surface of many, corner numbers shifted."""
    offsets = np.cumsum([0, *(len(item.vertices_m) for item in surfaces[:-1])])
    return Surface(
        vertices_m=np.concatenate([item.vertices_m for item in surfaces]),
        faces=np.concatenate([s.faces + o for s, o in zip(surfaces, offsets, strict=True)]),
        uv_m=np.concatenate([item.uv_m for item in surfaces]),
        materials=np.concatenate([item.materials for item in surfaces]),
        labels=np.concatenate([item.labels for item in surfaces]),
        instances=np.concatenate([item.instances for item in surfaces]),
    )


@cache
def _unit_mesh(shape: str) -> tuple[Float64[np.ndarray, "v 3"], Int64[np.ndarray, "f 3"]]:
    """A closed mesh of extent 1 about the origin, faces counter-clockwise from outside."""
    if shape == "box":
        return _unit_box()
    if shape == "wedge":
        return _unit_wedge()
    levels = [-0.5, 0.5] if shape == "cylinder" else list(-0.5 * np.cos(np.linspace(0, np.pi, 8)))
    return _lathe(np.array(levels), shape == "cylinder")


def _unit_box() -> tuple[Float64[np.ndarray, "v 3"], Int64[np.ndarray, "f 3"]]:
    vertices = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    faces = [corner for a, b, c, d in quads for corner in ([a, b, c], [a, c, d])]
    return vertices, np.array(faces)


def _unit_wedge() -> tuple[Float64[np.ndarray, "v 3"], Int64[np.ndarray, "f 3"]]:
    plan = [(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5)]
    vertices = np.array([[x, y, z] for z in (-0.5, 0.5) for x, y in plan])
    sides = [[a, b, b + 3, a, b + 3, a + 3] for a, b in ((0, 1), (1, 2), (2, 0))]
    faces = np.array([[0, 2, 1], [3, 4, 5], *np.reshape(sides, (-1, 3)).tolist()])
    return vertices, faces


def _lathe(
    levels: Float64[np.ndarray, " n"], prism: bool
) -> tuple[Float64[np.ndarray, "v 3"], Int64[np.ndarray, "f 3"]]:
    """Rings of ``ROUND_SIDES`` corners at each level, with the two ends closed."""
    angles = np.arange(ROUND_SIDES) * 2 * np.pi / ROUND_SIDES
    radii = np.full(len(levels), 0.5) if prism else np.sqrt(np.maximum(0.25 - levels**2, 1e-8))
    rings = [
        np.stack([r * np.cos(angles), r * np.sin(angles), np.full(ROUND_SIDES, z)], axis=1)
        for r, z in zip(radii, levels, strict=True)
    ]
    vertices = np.concatenate([*rings, [[0, 0, levels[0]], [0, 0, levels[-1]]]])
    i = np.arange(ROUND_SIDES)
    j = (i + 1) % ROUND_SIDES
    bottom, top = len(vertices) - 2, len(vertices) - 1
    last = (len(levels) - 1) * ROUND_SIDES
    faces = [
        np.stack([j, i, np.full_like(i, bottom)], axis=1),
        np.stack([last + i, last + j, np.full_like(i, top)], axis=1),
    ]
    for ring in range(0, last, ROUND_SIDES):
        faces.append(np.stack([ring + i, ring + j, ring + ROUND_SIDES + j], axis=1))
        faces.append(np.stack([ring + i, ring + ROUND_SIDES + j, ring + ROUND_SIDES + i], axis=1))
    return vertices, np.concatenate(faces)
