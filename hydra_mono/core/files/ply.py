"""Meshes as binary PLY files: any viewer shows them, and they read back bit for bit.

PLY knows no 64-bit integer, so a stamp is two ``uint`` properties, ``…_ns_low`` and
``…_ns_high``: the halves of the little-endian ``int64`` count of nanoseconds.

Vertices are the world's. Where the map has an origin of its own, far from the world's, they are in
double precision, and a comment ``origin_m`` states it.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from hydra_mono.core.errors import ExportError
from hydra_mono.core.files import atomic
from hydra_mono.core.mesh import SemanticMesh

_PLY_TYPES = {"<f4": "float", "<f8": "double", "u1": "uchar", "<u4": "uint"}
_COORDINATES = ("x", "y", "z")
_NORMALS = ("nx", "ny", "nz")
_COLORS = ("red", "green", "blue")
_STAMPS = ("first_seen_ns", "last_seen_ns")
_VERTEX = np.dtype(
    [
        *((name, "<f4") for name in _COORDINATES + _NORMALS),
        *((name, "u1") for name in (*_COLORS, "label")),
        *((f"{stamp}_{half}", "<u4") for stamp in _STAMPS for half in ("low", "high")),
    ]
)
_FAR_VERTEX = np.dtype(
    [(name, "<f8" if name in _COORDINATES else _VERTEX[name]) for name in _VERTEX.names or ()]
)
_FACE = np.dtype([("count", "u1"), ("indices", "<i4", 3)])
_MAGIC = b"ply\n"
_END = b"end_header\n"
_ORIGIN = b"comment origin_m "
Origin = tuple[float, float, float]


def write_ply(mesh: SemanticMesh, path: Path, origin_m: Origin = (0.0, 0.0, 0.0)) -> None:
    """Writes the mesh, whose vertices are relative to ``origin_m``, as a whole or not at all.

    Raises:
        ExportError: the file cannot be written.
    """
    vertices = np.empty(len(mesh), _FAR_VERTEX if any(origin_m) else _VERTEX)
    _fill(vertices, _COORDINATES, mesh.vertices_m + np.array(origin_m))
    _fill(vertices, _NORMALS, mesh.normals)
    _fill(vertices, _COLORS, mesh.colors)
    vertices["label"] = mesh.labels
    for name in _STAMPS:
        halves = getattr(mesh, name).astype("<i8").view("<u4").reshape(-1, 2)
        _fill(vertices, (f"{name}_low", f"{name}_high"), halves)
    faces = np.empty(len(mesh.faces), _FACE)
    faces["count"], faces["indices"] = 3, mesh.faces
    header = _header(len(vertices), len(faces), origin_m)
    atomic.write_with(
        path,
        lambda file: file.writelines([header, vertices.tobytes(), faces.tobytes()]),
    )


def read_ply(path: Path) -> SemanticMesh:
    """Reads what ``write_ply`` wrote; vertices are relative to the map's origin again.

    Raises:
        ExportError: there is no such file, it is cut short, or it is another kind of PLY.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror or error}") from error
    vertex_count, face_count, start = _parse_header(content, path)
    origin_m = _origin(content[:start], path)
    layout = _FAR_VERTEX if any(origin_m) else _VERTEX
    middle = start + vertex_count * layout.itemsize
    end = middle + face_count * _FACE.itemsize
    if len(content) != end:
        fault = "cut short" if len(content) < end else "too long"
        raise ExportError(f"{path} is {fault}: {len(content)} bytes, expected {end}")
    vertices = np.frombuffer(content[start:middle], layout)
    faces = _faces(np.frombuffer(content[middle:], _FACE), vertex_count, path)
    return _mesh(vertices, faces, origin_m, path)


def _fill(table: np.ndarray, names: tuple[str, ...], columns: np.ndarray) -> None:
    for name, column in zip(names, columns.T, strict=True):
        table[name] = column


def _take(table: np.ndarray, names: tuple[str, ...], dtype: type) -> np.ndarray:
    return np.stack([table[name] for name in names], axis=1).astype(dtype)


def _header(vertex_count: int, face_count: int, origin_m: Origin) -> bytes:
    layout = _FAR_VERTEX if any(origin_m) else _VERTEX
    kinds = {name: layout[name].str.lstrip("|") for name in layout.names or ()}
    x, y, z = origin_m
    origin = [f"comment origin_m {x!r} {y!r} {z!r}"] if any(origin_m) else []
    properties = [f"property {_PLY_TYPES[kind]} {name}" for name, kind in kinds.items()]
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        "comment hydra-mono mesh 1: metres, z up; stamps in ns, an int64 in two halves",
        *origin,
        f"element vertex {vertex_count}",
        *properties,
        f"element face {face_count}",
        "property list uchar int vertex_indices",
    ]
    return "\n".join(lines).encode() + b"\n" + _END


def _parse_header(content: bytes, path: Path) -> tuple[int, int, int]:
    """Numbers of vertices and faces, and the offset of the first vertex."""
    start = content.find(_END)
    if not content.startswith(_MAGIC) or start < 0:
        raise ExportError(f"{path} is not a PLY file, or is cut short within its header")
    start += len(_END)
    words = [line.split() for line in content[:start].split(b"\n")]
    counts = {
        w[1]: int(w[2])
        for w in words
        if len(w) == 3 and w[0] == b"element" and w[2].isdigit() and len(w[2]) < 12
    }
    vertex_count, face_count = counts.get(b"vertex", -1), counts.get(b"face", -1)
    written = _header(vertex_count, face_count, _origin(content[:start], path))
    if _without_comments(content[:start]) != _without_comments(written):
        raise ExportError(
            f"{path} is a PLY file, but not with the properties that hydra-mono writes"
        )
    return vertex_count, face_count, start


def _origin(header: bytes, path: Path) -> Origin:
    """The origin that a comment states; the world's where none does."""
    for line in header.split(b"\n"):
        if line.startswith(_ORIGIN):
            try:
                x, y, z = (float(word) for word in line[len(_ORIGIN) :].split())
            except ValueError as error:
                raise ExportError(f"{path}: no origin: {line[:80]!r}") from error
            if np.isfinite([x, y, z]).all():
                return x, y, z
            raise ExportError(f"{path}: its origin is not finite")
    return 0.0, 0.0, 0.0


def _without_comments(header: bytes) -> list[bytes]:
    return [line for line in header.split(b"\n") if not line.startswith(b"comment")]


def _faces(table: np.ndarray, vertex_count: int, path: Path) -> Int32[np.ndarray, "f 3"]:
    faces: np.ndarray = table["indices"].astype(np.int32)
    if np.any(table["count"] != 3) or np.any((faces < 0) | (faces >= vertex_count)):
        raise ExportError(
            f"{path}: its faces are not triangles between its {vertex_count} vertices"
        )
    return faces


def _mesh(
    vertices: np.ndarray, faces: Int32[np.ndarray, "f 3"], origin_m: Origin, path: Path
) -> SemanticMesh:
    world = np.stack([vertices[name] for name in _COORDINATES], axis=1)
    local = world - np.array(origin_m) if any(origin_m) else world
    coordinates: Float32[np.ndarray, "v 3"] = local.astype(np.float32)
    normals: Float32[np.ndarray, "v 3"] = _take(vertices, _NORMALS, np.float32)
    if not (np.isfinite(coordinates).all() and np.isfinite(normals).all()):
        raise ExportError(f"{path}: a vertex has a coordinate that is not finite")
    colors: UInt8[np.ndarray, "v 3"] = _take(vertices, _COLORS, np.uint8)
    first, last = (
        _take(vertices, (f"{name}_low", f"{name}_high"), np.uint32).view(np.int64)[:, 0]
        for name in _STAMPS
    )
    return SemanticMesh(
        vertices_m=coordinates,
        faces=faces,
        normals=normals,
        colors=colors,
        labels=vertices["label"].copy(),
        first_seen_ns=first.copy(),
        last_seen_ns=last.copy(),
    )
