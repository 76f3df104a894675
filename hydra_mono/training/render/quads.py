"""Triangles joined two by two to the quads they came from: half the faces, the same surface."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.simulation.shapes import Surface

Pairs = Int64[np.ndarray, "p 2"]


@dataclass(frozen=True, slots=True)
class Quads:
    """Flat convex faces; a triangle has its last corner twice.

    ``corners_m`` run counter-clockwise seen from outside. ``uv_from_world`` gives texture
    coordinates (metres) of a homogeneous world point in the face's plane. ``triangle`` is one of
    the surface's triangles that the face is made of, for what they carry.
    """

    corners_m: Float64[np.ndarray, "f 4 3"]
    normals: Float64[np.ndarray, "f 3"]
    uv_from_world: Float64[np.ndarray, "f 2 4"]
    triangle: Int64[np.ndarray, " f"]


def join_triangles(surface: Surface) -> Quads:
    """Pairs of triangles that share an edge, a plane, a texture's plane and what they show."""
    corners = surface.vertices_m[surface.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    projection = _projection(corners, normals, surface.uv_m)
    first, second = _chosen(_joinable(surface, corners, normals, projection))
    alone = np.setdiff1d(np.arange(len(corners)), np.concatenate([first[:, 0], second[:, 0]]))
    triangles = corners[alone]
    quads = np.concatenate([_joined(corners, first, second), triangles[:, [0, 1, 2, 2]]])
    triangle = np.concatenate([first[:, 0], alone])
    return Quads(quads, normals[triangle], projection[triangle], triangle)


def _projection(
    corners: Float64[np.ndarray, "f 3 3"],
    normals: Float64[np.ndarray, "f 3"],
    uv_m: Float64[np.ndarray, "f 3 2"],
) -> Float64[np.ndarray, "f 2 4"]:
    """Per triangle the affine map from the world to its texture, constant along its normal."""
    edges = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], normals], 1)
    steps = np.stack([uv_m[:, 1] - uv_m[:, 0], uv_m[:, 2] - uv_m[:, 0]], 1)
    steps = np.concatenate([steps, np.zeros((len(steps), 1, 2))], axis=1)
    linear = np.linalg.solve(edges, steps).transpose(0, 2, 1)
    offset = uv_m[:, 0] - np.einsum("fij,fj->fi", linear, corners[:, 0])
    return np.concatenate([linear, offset[..., None]], axis=2)


def _joinable(
    surface: Surface,
    corners: Float64[np.ndarray, "f 3 3"],
    normals: Float64[np.ndarray, "f 3"],
    projection: Float64[np.ndarray, "f 2 4"],
) -> tuple[Pairs, Pairs]:
    """Triangles and the numbers of their edges, pair by pair, that would make one face."""
    start, end = surface.faces.ravel(), np.roll(surface.faces, -1, axis=1).ravel()
    size = len(surface.vertices_m)
    key, opposite = start * size + end, end * size + start
    order = np.argsort(key)
    place = np.minimum(np.searchsorted(key[order], opposite), len(key) - 1)
    other = order[place]
    edge = np.flatnonzero((key[other] == opposite) & (np.arange(len(key)) < other))
    first, second = (np.stack(np.divmod(e, 3), axis=1) for e in (edge, other[edge]))
    a, b = first[:, 0], second[:, 0]
    same = np.einsum("fi,fi->f", normals[a], normals[b]) > 1 - 1e-12
    same &= np.abs(projection[a] - projection[b]).max(axis=(1, 2)) < 1e-6
    for values in (surface.materials, surface.labels, surface.instances):
        same &= values[a] == values[b]
    same &= _convex(_joined(corners, first, second), normals[a])
    return first[same], second[same]


def _joined(corners: Float64[np.ndarray, "f 3 3"], first: Pairs, second: Pairs) -> np.ndarray:
    """The first triangle from the shared edge's end round, and the far corner of the second."""
    near = [corners[first[:, 0], (first[:, 1] + step) % 3] for step in (1, 2, 0)]
    far = corners[second[:, 0], (second[:, 1] + 2) % 3]
    return np.stack([*near, far], axis=1)


def _convex(
    quads: Float64[np.ndarray, "p 4 3"], normals: Float64[np.ndarray, "p 3"]
) -> Bool[np.ndarray, " p"]:
    edges = np.roll(quads, -1, axis=1) - quads
    turns = np.cross(edges, np.roll(edges, -1, axis=1))
    return np.asarray(np.all(np.einsum("pki,pi->pk", turns, normals) > 0, axis=1))


def _chosen(pairs: tuple[Pairs, Pairs]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs in order, none with a triangle that an earlier one took."""
    taken: set[int] = set()
    kept = []
    for index, couple in enumerate(zip(pairs[0][:, 0], pairs[1][:, 0], strict=True)):
        if taken.isdisjoint(couple):
            taken.update(couple)
            kept.append(index)
    return pairs[0][kept], pairs[1][kept]
