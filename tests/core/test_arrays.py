"""Arrays of ``.npz`` files: as numpy reads them, and nothing that only claims to be one."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.arrays import read_npz


def header_of(shape: str, dtype: str = "<f8") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def written(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", content)
    return path


def test_arrays_read_as_numpy_writes_them(tmp_path: Path) -> None:
    arrays = {"a": np.arange(24.0).reshape(2, 3, 4), "b": np.array(7, np.uint8)}
    arrays["c"] = np.asfortranarray(arrays["a"][0])
    arrays["d"] = np.zeros((0, 3), bool)
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    found = read_npz(tmp_path / "x.npz", tuple(arrays))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize(
    "content",
    [
        header_of("(1000000000000,)"),
        header_of("(-1,)"),
        header_of("(2,)") + bytes(8),
        header_of("(1,)", "|O") + bytes(8),
        header_of("(10**9,)"),
        b"\x93NUMPY\x09\x00",
        b"PK",
        b"",
    ],
)
def test_what_is_no_array_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"cannot read .*x\.npz"):
        read_npz(written(tmp_path / "x.npz", content), ("a",))


def test_a_bomb_an_absent_array_and_no_zip_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.npz", header_of("(1,)") + bytes(8))
    with pytest.raises(DataError, match="b\\.npy"):
        read_npz(path, ("b",))
    content = path.read_bytes()
    size = (len(header_of("(1,)")) + 8).to_bytes(4, "little")
    path.write_bytes(content.replace(size, (1 << 31).to_bytes(4, "little")))
    with pytest.raises(DataError, match="declares 2147483648 bytes"):
        read_npz(path, ("a",))
    path.write_bytes(b"not a zip")
    with pytest.raises(DataError, match="zip"):
        read_npz(path, ("a",))
    with pytest.raises(DataError, match="No such file"):
        read_npz(tmp_path / "none.npz", ("a",))


def test_pickles_are_never_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match="array of object"):
        read_npz(written(tmp_path / "x.npz", buffer.getvalue()), ("a",))
