"""Marching cubes over chosen blocks, such that the meshes of neighbours meet exactly."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, UInt8

from hydra_mono.core.mesh import BlockKey, SemanticMesh
from hydra_mono.mapping.tsdf.blocks import RESOLUTION, VOXELS, BlockPool, VoxelArrays
from hydra_mono.mapping.tsdf.marching_cubes import EDGES, cube_table, edge_start

_SIDE = RESOLUTION + 1  # corners along a block's edge, the last shared with the next block
_CORNERS = _SIDE**3
_EDGES_OF_BLOCK = 3 * _CORNERS  # an edge is numbered axis * 729 + the corner it starts from
_STEPS = np.array([1, _SIDE, _SIDE * _SIDE])  # to the next corner along x, y, z
_STEEP = 1.6  # voxels of distance from one voxel to the next; on observed surface at most 1 + noise
_BARELY_SEEN = 2.5  # close observations of a voxel that a contour may merely have hidden
_POSITIVE = np.array([[n & 1, n >> 1 & 1, n >> 2 & 1] for n in range(8)], np.int32)


@dataclass(frozen=True, slots=True)
class _Vertices:
    """Vertices sorted by block, axis and corner; ``start``/``end``: voxels of their edges."""

    block: Int64[np.ndarray, " v"]
    points_m: Float32[np.ndarray, "v 3"]
    share: Float32[np.ndarray, " v"]
    start: Int64[np.ndarray, " v"]
    end: Int64[np.ndarray, " v"]


def mesh_blocks(
    pool: BlockPool,
    keys: Int32[np.ndarray, "n 3"],
    voxel_size_m: float,
    frame_stamps_ns: Int64[np.ndarray, " f"],
) -> dict[BlockKey, SemanticMesh]:
    """The mesh of each block: the triangles of its own 8³ cells and no others.

    Where two blocks share an edge both compute its vertex from the same numbers, so the copies
    are equal to the last bit. ``frame_stamps_ns``: stamp of each frame number.
    """
    slots = pool.find((keys[:, None] + _POSITIVE).reshape(-1, 3)).reshape(-1, 8)
    sdf_m = _corner_values(pool.voxels, slots)
    triangle_block, edges = _triangles(sdf_m)
    used = np.zeros(len(keys) * _EDGES_OF_BLOCK, np.bool_)
    used[edges] = True
    vertices = _edge_vertices(np.flatnonzero(used), sdf_m, slots, keys, voxel_size_m)
    faces = (np.cumsum(used, dtype=np.int32) - 1)[edges]
    mesh = _interpolate_attributes(vertices, faces, pool.voxels, frame_stamps_ns)
    mesh = replace(
        mesh, is_occlusion_artifact=_occlusion_artifacts(pool.voxels, vertices, voxel_size_m)
    )
    return _split(mesh, vertices.block, triangle_block, keys)


def _corner_values(
    voxels: VoxelArrays, slots: Int64[np.ndarray, "n 8"]
) -> Float32[np.ndarray, "n 9 9 9"]:
    """Meshed distances at the corners of the cells, axes (block, z, y, x), NaN for none."""
    sdf_m = np.full((len(slots), _SIDE, _SIDE, _SIDE), np.nan, np.float32)
    grids = voxels.meshed_sdf_m.reshape(-1, RESOLUTION, RESOLUTION, RESOLUTION)
    for column, (x, y, z) in enumerate(_POSITIVE):
        there = np.flatnonzero(slots[:, column] >= 0)
        take = tuple(slice(0, 1) if step else slice(None) for step in (z, y, x))
        put = tuple(slice(RESOLUTION, None) if step else slice(RESOLUTION) for step in (z, y, x))
        sdf_m[(there, *put)] = grids[(slice(None), *take)][slots[there, column]]
    return sdf_m


def _triangles(
    sdf_m: Float32[np.ndarray, "n 9 9 9"],
) -> tuple[Int64[np.ndarray, " t"], Int64[np.ndarray, "t 3"]]:
    """Block of each triangle and the edges (block * 2187 + edge of block) it spans."""
    case, whole = _cases(sdf_m)
    cell = np.flatnonzero(whole & (case != 0) & (case != 255))
    table = cube_table()
    case = case[cell]
    count = table.count[case]
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    edge = table.edges[np.repeat(case, count), nth]
    block, place = np.divmod(np.repeat(cell, count), VOXELS)
    z, y, x = np.unravel_index(place, (RESOLUTION,) * 3)
    base = block * _EDGES_OF_BLOCK + x * _STEPS[0] + y * _STEPS[1] + z * _STEPS[2]
    return block, base[:, None] + _edge_numbers()[edge]


def _cases(
    sdf_m: Float32[np.ndarray, "n 9 9 9"],
) -> tuple[UInt8[np.ndarray, " c"], Bool[np.ndarray, " c"]]:
    """Which corners of each cell are inside, as bits, and whether all eight are known."""
    inside, known = (sdf_m < 0).view(np.uint8), ~np.isnan(sdf_m)
    case = np.zeros((len(sdf_m), RESOLUTION, RESOLUTION, RESOLUTION), np.uint8)
    whole = np.ones(case.shape, np.bool_)
    for bit, (x, y, z) in enumerate(_POSITIVE):
        at = (slice(None), *(slice(step, step + RESOLUTION) for step in (z, y, x)))
        case |= inside[at] << np.uint8(bit)
        whole &= known[at]
    return case.ravel(), whole.ravel()


@cache
def _edge_numbers() -> Int64[np.ndarray, " 12"]:
    """Number, within a block, of each edge of the cell at the block's origin."""
    return np.array([edge // 4 * _CORNERS + edge_start(edge) @ _STEPS for edge in range(EDGES)])


def _edge_vertices(
    edges: Int64[np.ndarray, " v"],
    sdf_m: Float32[np.ndarray, "n 9 9 9"],
    slots: Int64[np.ndarray, "n 8"],
    keys: Int32[np.ndarray, "n 3"],
    voxel_size_m: float,
) -> _Vertices:
    """The zero crossings on edges."""
    block, edge = np.divmod(edges, _EDGES_OF_BLOCK)
    axis, corner = np.divmod(edge, _CORNERS)
    flat = sdf_m.reshape(len(sdf_m), _CORNERS)
    before, after = flat[block, corner], flat[block, corner + _STEPS[axis]]
    share = before / (before - after)
    start = np.stack(np.unravel_index(corner, (_SIDE,) * 3)[::-1], axis=-1)
    end = start.copy()
    end[np.arange(len(axis)), axis] += 1
    grid = (keys[block].astype(np.int64) * RESOLUTION + start).astype(np.float64)
    grid[np.arange(len(axis)), axis] += share
    return _Vertices(
        block=block,
        points_m=(grid * voxel_size_m).astype(np.float32),
        share=share,
        start=_voxel(slots, block, start),
        end=_voxel(slots, block, end),
    )


def _voxel(
    slots: Int64[np.ndarray, "n 8"],
    block: Int64[np.ndarray, " v"],
    corner: Int64[np.ndarray, "v 3"],
) -> Int64[np.ndarray, " v"]:
    """Place in the flat voxel arrays of a block's corners, which may belong to its neighbours."""
    beyond, inner = np.divmod(corner, RESOLUTION)
    place = inner @ np.array([1, RESOLUTION, RESOLUTION**2])
    return np.asarray(slots[block, beyond @ np.array([1, 2, 4])] * VOXELS + place)


def _interpolate_attributes(
    vertices: _Vertices,
    faces: Int32[np.ndarray, "t 3"],
    voxels: VoxelArrays,
    frame_stamps_ns: Int64[np.ndarray, " f"],
) -> SemanticMesh:
    """Colour, label and timestamps between the two voxels a vertex lies between."""
    start, end = vertices.start, vertices.end
    first, last = voxels.first_seen.reshape(-1), voxels.last_seen.reshape(-1)
    first_start, first_end = first[start], first[end]
    share = np.where(first_end < 0, 0, np.where(first_start < 0, 1, vertices.share))
    colors = voxels.color.reshape(-1, 3)
    mixed = colors[start] * (1 - share)[:, None] + colors[end] * share[:, None]
    earliest = np.minimum(first_start.view(np.uint32), first_end.view(np.uint32)).view(np.int32)
    latest = np.maximum(last[start], last[end])
    return SemanticMesh(
        vertices_m=vertices.points_m,
        faces=faces,
        normals=_normals(vertices.points_m, faces),
        colors=np.clip(mixed + 0.5, 0, 255).astype(np.uint8),
        labels=_labels(voxels, start, end),
        first_seen_ns=frame_stamps_ns[np.maximum(earliest, 0)],
        last_seen_ns=frame_stamps_ns[np.maximum(latest, 0)],
    )


def _labels(
    voxels: VoxelArrays, start: Int64[np.ndarray, " v"], end: Int64[np.ndarray, " v"]
) -> UInt8[np.ndarray, " v"]:
    """The label of the end whose label weighs more."""
    label, weight = voxels.label.reshape(-1), voxels.label_weight.reshape(-1)
    return np.asarray(np.where(weight[end] > weight[start], label[end], label[start]))


def _occlusion_artifacts(
    voxels: VoxelArrays, vertices: _Vertices, voxel_size_m: float
) -> Bool[np.ndarray, " v"]:
    """Vertices where the distance falls faster than it can, into a voxel that was barely seen.

    Behind a contour lie voxels that were only ever occluded, next to ones seen to be free. The step
    between them is no surface: it only bounds how far the object can reach.
    """
    start, end = vertices.start, vertices.end
    distance_m, weight = voxels.meshed_sdf_m.reshape(-1), voxels.weight.reshape(-1)
    before, after = distance_m[start], distance_m[end]
    barely = np.where(before < after, weight[start], weight[end]) < _BARELY_SEEN
    return np.asarray(barely & (np.abs(before - after) > _STEEP * voxel_size_m))


def _normals(
    points_m: Float32[np.ndarray, "v 3"], faces: Int32[np.ndarray, "t 3"]
) -> Float32[np.ndarray, "v 3"]:
    """Unit normals, the mean of the faces round a vertex by area."""
    a, b, c = (points_m[faces[:, i]] for i in range(3))
    by_face = np.cross(b - a, c - a)
    corners = faces.ravel()
    normals = np.stack(
        [
            np.bincount(corners, np.repeat(by_face[:, axis], 3), minlength=len(points_m))
            for axis in range(3)
        ],
        axis=-1,
    )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    flat = length[:, 0] < 1e-12
    normals[flat], length[flat] = (0.0, 0.0, 1.0), 1.0
    return np.asarray(normals / length, dtype=np.float32)


def _split(
    mesh: SemanticMesh,
    vertex_block: Int64[np.ndarray, " v"],
    triangle_block: Int64[np.ndarray, " t"],
    keys: Int32[np.ndarray, "n 3"],
) -> dict[BlockKey, SemanticMesh]:
    """A mesh of its own per block; copies, so that no block keeps the others in memory."""
    bounds = np.arange(len(keys) + 1)
    v = np.searchsorted(vertex_block, bounds).tolist()
    t = np.searchsorted(triangle_block, bounds).tolist()
    meshes = {}
    for n, (i, j, k) in enumerate(keys.tolist()):
        part, triangles = slice(v[n], v[n + 1]), slice(t[n], t[n + 1])
        meshes[(i, j, k)] = SemanticMesh(
            vertices_m=mesh.vertices_m[part].copy(),
            faces=mesh.faces[triangles] - np.int32(v[n]),
            normals=mesh.normals[part].copy(),
            colors=mesh.colors[part].copy(),
            labels=mesh.labels[part].copy(),
            first_seen_ns=mesh.first_seen_ns[part].copy(),
            last_seen_ns=mesh.last_seen_ns[part].copy(),
            is_occlusion_artifact=mesh.occlusion_artifacts[part].copy(),
        )
    return meshes
