"""Meshes as PLY: bit for bit through the file, and as other readers see them."""

from collections.abc import Callable
from pathlib import Path

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from helpers_exports import house_mesh, random_mesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydra_mono.core.errors import ExportError
from hydra_mono.core.files.ply import read_ply, write_ply
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.core.open3d_loader import open3d


def same(a: SemanticMesh, b: SemanticMesh) -> bool:
    """Everything alike but ``is_occlusion_artifact``, which files do not keep."""
    return all(
        getattr(a, name).dtype == getattr(b, name).dtype
        and np.array_equal(getattr(a, name), getattr(b, name))
        for name in SemanticMesh.__slots__
        if name != "is_occlusion_artifact"
    )


@st.composite
def meshes(draw: st.DrawFn) -> SemanticMesh:
    count = draw(st.integers(1, 6))
    coordinates = st.floats(-(2.0**90), 2.0**90, width=32)
    stamps = arrays.arrays(np.int64, count)
    return SemanticMesh(
        vertices_m=draw(arrays.arrays(np.float32, (count, 3), elements=coordinates)),
        faces=draw(arrays.arrays(np.int32, (4, 3), elements=st.integers(0, count - 1))),
        normals=draw(arrays.arrays(np.float32, (count, 3), elements=coordinates)),
        colors=draw(arrays.arrays(np.uint8, (count, 3))),
        labels=draw(arrays.arrays(np.uint8, count)),
        first_seen_ns=draw(stamps),
        last_seen_ns=draw(stamps),
    )


@given(mesh=meshes())
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_mesh_reads_back_bit_for_bit(mesh: SemanticMesh, tmp_path: Path) -> None:
    write_ply(mesh, tmp_path / "mesh.ply")
    assert same(read_ply(tmp_path / "mesh.ply"), mesh)


@pytest.mark.parametrize("mesh", [SemanticMesh.empty(), house_mesh(), random_mesh(5000)])
def test_small_and_large_meshes_read_back(mesh: SemanticMesh, tmp_path: Path) -> None:
    write_ply(mesh, tmp_path / "mesh.ply")
    assert same(read_ply(tmp_path / "mesh.ply"), mesh)


def test_open3d_reads_the_same_mesh(tmp_path: Path) -> None:
    mesh = random_mesh(500)
    write_ply(mesh, tmp_path / "mesh.ply")
    seen = open3d().io.read_triangle_mesh(str(tmp_path / "mesh.ply"))
    assert np.array_equal(np.asarray(seen.vertices), mesh.vertices_m)
    assert np.array_equal(np.asarray(seen.vertex_normals), mesh.normals)
    assert np.array_equal(np.rint(np.asarray(seen.vertex_colors) * 255), mesh.colors)
    assert np.array_equal(np.asarray(seen.triangles), mesh.faces)


def test_the_header_declares_what_viewers_look_for(tmp_path: Path) -> None:
    write_ply(house_mesh(), tmp_path / "mesh.ply")
    header = (tmp_path / "mesh.ply").read_bytes().split(b"end_header\n")[0].decode().split("\n")
    assert header[:2] == ["ply", "format binary_little_endian 1.0"]
    properties = [line.split()[1:] for line in header if line.startswith("property")]
    assert properties[:3] == [["float", "x"], ["float", "y"], ["float", "z"]]
    assert ["uchar", "red"] in properties and ["uchar", "label"] in properties
    assert properties[-1] == ["list", "uchar", "int", "vertex_indices"]


def test_an_independent_reader_finds_the_stamps(tmp_path: Path) -> None:
    mesh = house_mesh()
    write_ply(mesh, tmp_path / "mesh.ply")
    header, body = (tmp_path / "mesh.ply").read_bytes().split(b"end_header\n", 1)
    kinds = {"float": "<f4", "uchar": "u1", "uint": "<u4"}
    properties = [line.split() for line in header.decode().split("\n") if "property" in line]
    row = np.dtype([(name, kinds[kind]) for _, kind, name in properties[:-1]])
    vertices = np.frombuffer(body[: len(mesh) * row.itemsize], row)
    for name in ("first_seen_ns", "last_seen_ns"):
        low, high = (vertices[f"{name}_{half}"].astype(np.int64) for half in ("low", "high"))
        assert np.array_equal(low + (high << 32), getattr(mesh, name))


@pytest.mark.parametrize("missing", [1, 13, 1000])
def test_a_file_cut_short_is_refused_with_both_sizes(missing: int, tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    write_ply(random_mesh(50), path)
    content = path.read_bytes()
    path.write_bytes(content[:-missing])
    with pytest.raises(
        ExportError, match=rf"cut short: {len(content) - missing} bytes, expected {len(content)}"
    ):
        read_ply(path)


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda content: b"", "not a PLY file"),
    "text": (lambda content: b"hello", "not a PLY file"),
    "header only in part": (lambda content: content[:60], "cut short within its header"),
    "other properties": (lambda content: content.replace(b"label", b"alpha"), "not with the"),
    "ascii": (lambda content: content.replace(b"binary_little_endian", b"ascii"), "not with the"),
    "no number": (lambda content: content.replace(b"vertex 20", b"vertex xx"), "not with the"),
    "longer": (lambda content: content + b"0", "too long"),
    "index out of range": (lambda content: content[:-1] + b"\x7f", "not triangles between"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    write_ply(house_mesh(), path)
    damage, message = DAMAGES[name]
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    with pytest.raises(ExportError, match=message):
        read_ply(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"absent\.ply.*No such file"):
        read_ply(tmp_path / "absent.ply")
