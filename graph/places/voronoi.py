"""The generalised Voronoi diagram of free space: points as near to two surfaces at once."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int, Int32, Int64, UInt8

_Indices = Int64[np.ndarray, " _"]
_Columns = list[Int[np.ndarray, " _"]]


@dataclass(frozen=True, slots=True)
class VoronoiRule:
    """When two neighbouring voxels lie between two surfaces."""

    min_distance_m: float = 0.2  # as near as a place may be to a surface: half a narrow robot
    min_separation_m: float = 2.0  # L1, Hydra's 20 voxels of 0.1 m: walls on two sides of a room
    max_cos: float = 0.2  # 78° apart, so corners of right angles count; Hydra's value


VORONOI = VoronoiRule()  # the mapper's diagram, and the true one it is scored against


def gvd_voxels(
    distance_m: Float32[np.ndarray, "x y z"],
    parent: Int32[np.ndarray, "x y z 3"],
    free: Bool[np.ndarray, "x y z"],
    *,
    voxel_size_m: float,
    rule: VoronoiRule = VORONOI,
) -> tuple[Bool[np.ndarray, "x y z"], UInt8[np.ndarray, "x y z"]]:
    """Voxels of the diagram, and how many surfaces each is between (0 off the diagram).

    The basis-point rule of Lau, Sprunk and Burgard (Robotics and Autonomous Systems 2013,
    eq. 51, 52): of two free neighbours, both farther than ``min_distance_m`` from any surface,
    whose nearest surface voxels (``parent``, in indices of these arrays; they may lie outside)
    lie apart, the one at least as near to the other's parent as the other is to its own parent's
    is on the diagram. Apart: more than ``min_separation_m`` by L1, or in directions whose cosine
    is below ``max_cos``.
    """
    is_candidate = free & (distance_m > rule.min_distance_m)
    voxels = np.flatnonzero(is_candidate)
    parents = [parent[..., axis].ravel() for axis in range(3)]
    basis = np.zeros(free.size, np.uint8)
    for axis in range(3):
        a, b = _neighbours(is_candidate, voxels, axis)
        separation = sum(np.abs(column[a] - column[b]) for column in parents)
        maybe = separation > 1  # spares most pairs the rest: neighbours lie in front of neighbours
        a, b, separation = a[maybe], b[maybe], separation[maybe]
        towards_a, towards_b = _towards_parents(a, b, parents, free.shape, axis)
        is_apart = separation * voxel_size_m > rule.min_separation_m
        is_apart |= _cos(towards_a, towards_b) < rule.max_cos
        towards_b[axis] += 1
        towards_a[axis] -= 1
        excess = _square(towards_b) - _square(towards_a)  # a to b's parent, less b to a's
        np.add.at(basis, a[is_apart & (excess <= 0)], np.uint8(1))
        np.add.at(basis, b[is_apart & (excess >= 0)], np.uint8(1))
    basis[basis > 0] += 1
    grid = basis.reshape(free.shape)
    return grid > 0, grid


def _neighbours(
    is_candidate: Bool[np.ndarray, "x y z"], voxels: _Indices, axis: int
) -> tuple[_Indices, _Indices]:
    """Candidates whose next voxel along ``axis`` is one too, and those."""
    shape = is_candidate.shape
    stride = int(np.prod(shape[axis + 1 :]))
    inside = voxels[voxels // stride % shape[axis] < shape[axis] - 1]
    inside = inside[is_candidate.ravel()[inside + stride]]
    return inside, inside + stride


def _towards_parents(
    a: _Indices, b: _Indices, parents: _Columns, shape: tuple[int, ...], axis: int
) -> tuple[_Columns, _Columns]:
    """From each of two neighbours along ``axis`` to its nearest surface voxel."""
    at = np.unravel_index(a, shape)
    towards_a = [parents[i][a] - at[i] for i in range(3)]
    towards_b = [parents[i][b] - at[i] for i in range(3)]
    towards_b[axis] = towards_b[axis] - 1
    return towards_a, towards_b


def _square(vectors: _Columns) -> np.ndarray:
    return np.asarray(vectors[0] ** 2 + vectors[1] ** 2 + vectors[2] ** 2)


def _cos(a: _Columns, b: _Columns) -> np.ndarray:
    dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return np.asarray(dot / np.sqrt(np.maximum(_square(a) * _square(b), 1)))
