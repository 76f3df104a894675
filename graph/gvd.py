"""The generalised Voronoi diagram of free space: points as near to two surfaces at once."""

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, UInt8

_Indices = Int64[np.ndarray, " n"]


def gvd_voxels(
    distance_m: Float32[np.ndarray, "x y z"],
    parent: Int32[np.ndarray, "x y z 3"],
    free: Bool[np.ndarray, "x y z"],
    *,
    voxel_size_m: float,
    min_distance_m: float = 0.3,
    min_separation_m: float = 2.0,
    max_cos: float = 0.2,
) -> tuple[Bool[np.ndarray, "x y z"], UInt8[np.ndarray, "x y z"]]:
    """Voxels of the diagram, and how many surfaces each is between (0 off the diagram).

    The basis-point rule of Lau, Sprunk and Burgard (Robotics and Autonomous Systems 2013,
    eq. 51, 52): of two free neighbours, both farther than ``min_distance_m`` from any surface,
    whose nearest surface voxels (``parent``, in indices of these arrays; they may lie outside)
    lie apart, the one at least as near to the other's parent as the other way round is on the
    diagram. Apart: more than ``min_separation_m`` by L1, or in directions whose cosine is below
    ``max_cos``.
    """
    is_candidate = free & (distance_m > min_distance_m)
    basis = np.zeros(free.size, np.uint8)
    voxels = np.flatnonzero(is_candidate)
    for axis in range(3):
        a, b = _neighbours(is_candidate, voxels, axis)
        a, b = _apart(a, b, parent, axis, min_separation_m / voxel_size_m, max_cos)
        to_b, to_a = _crossed_distances(a, b, parent, axis)
        np.add.at(basis, a[to_b <= to_a], np.uint8(1))
        np.add.at(basis, b[to_a <= to_b], np.uint8(1))
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


def _apart(
    a: _Indices,
    b: _Indices,
    parent: Int32[np.ndarray, "x y z 3"],
    axis: int,
    min_separation: float,
    max_cos: float,
) -> tuple[_Indices, _Indices]:
    """The pairs whose parents lie far from each other or in other directions."""
    parents = parent.reshape(-1, 3)
    separation = np.abs(parents[a] - parents[b]).sum(axis=1)
    maybe = separation > 1  # spares the cosines of most: neighbours mostly share their parent
    a, b, separation = a[maybe], b[maybe], separation[maybe]
    towards_a, towards_b = _towards_parents(a, b, parent, axis)
    dot = np.sum(towards_a * towards_b, axis=1)
    norms = np.linalg.norm(towards_a, axis=1) * np.linalg.norm(towards_b, axis=1)
    is_apart = (separation > min_separation) | (dot < max_cos * norms)
    return a[is_apart], b[is_apart]


def _crossed_distances(
    a: _Indices, b: _Indices, parent: Int32[np.ndarray, "x y z 3"], axis: int
) -> tuple[Float32[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
    """Squared distances, in voxels, from a to b's parent and from b to a's."""
    towards_a, towards_b = _towards_parents(a, b, parent, axis)
    towards_b[:, axis] += 1
    towards_a[:, axis] -= 1
    return np.sum(towards_b**2, axis=1), np.sum(towards_a**2, axis=1)


def _towards_parents(
    a: _Indices, b: _Indices, parent: Int32[np.ndarray, "x y z 3"], axis: int
) -> tuple[Float32[np.ndarray, "n 3"], Float32[np.ndarray, "n 3"]]:
    shape = parent.shape[:3]
    parents = parent.reshape(-1, 3)
    at = np.stack(np.unravel_index(a, shape), axis=1)
    towards_a = (parents[a] - at).astype(np.float32)
    towards_b = (parents[b] - at).astype(np.float32)
    towards_b[:, axis] -= 1
    return towards_a, towards_b
