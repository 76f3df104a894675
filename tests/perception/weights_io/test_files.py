"""Files of tensors: what is read, what is refused, and what the one line then says."""

import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_perception import TINY, complaint, made, saved
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hydra_mono.core.errors import HydraMonoError
from hydra_mono.perception.weights_io.files import (
    CHECKSUM_KEY,
    CheckpointError,
    read_weights,
    write_weights,
)

DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool")


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return made(TINY).state_dict()


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__"),
        st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 3), min_size=0, max_size=3)),
        max_size=5,
    )
)
@settings(max_examples=20, deadline=None)
def test_any_tensors_survive_safetensors(
    tmp_path_factory: pytest.TempPathFactory, kinds: dict[str, tuple[str, list[int]]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    tensors = {
        name: torch.arange(int(np.prod(shape))).reshape(shape).to(getattr(torch, dtype))
        for name, (dtype, shape) in kinds.items()
    }
    write_weights(path, tensors, {"a": "b"})
    content = read_weights(path)
    assert content.metadata["a"] == "b" and content.tensors.keys() == tensors.keys()
    for name, value in tensors.items():
        assert content.tensors[name].dtype == value.dtype
        assert torch.equal(content.tensors[name], value)


def header_and_data(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def test_numpy_reads_what_is_written(tmp_path: Path) -> None:
    tensor = torch.arange(6, dtype=torch.float32).view(2, 3)
    write_weights(tmp_path / "a.safetensors", {"x": tensor, "n": torch.tensor(7)})
    header, data = header_and_data(tmp_path / "a.safetensors")
    assert header["x"]["dtype"] == "F32" and header["n"]["shape"] == []
    begin, end = header["x"]["data_offsets"]
    np.testing.assert_array_equal(np.frombuffer(data[begin:end], "<f4").reshape(2, 3), tensor)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [2, 4]},
        {"shape": [-2, -3]},
        {"data_offsets": [4, 28]},
        {"data_offsets": [0, 20]},
        {"dtype": "F31"},
        {"dtype": None},
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | change
    text = json.dumps({"x": entry}).encode()
    path = tmp_path / "lie.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(24))
    with pytest.raises(CheckpointError, match="damaged safetensors file"):
        read_weights(path)


def test_a_safetensors_file_cut_short_or_with_more_behind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_weights(path, {"x": torch.ones(5)})
    whole = path.read_bytes()
    for content in (whole[:-4], whole + b"more"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="damaged"):
            read_weights(path)


class Bomb:
    """Runs a command when it is unpickled by a careless reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    path = saved(tmp_path / "bomb.pt", {"weight": torch.zeros(1), "x": Bomb(tmp_path / "boom")})
    assert "more than tensors" in complaint(path)
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Bomb(tmp_path / "boom")))
    complaint(tmp_path / "plain.pt")
    assert not (tmp_path / "boom").exists()


def test_files_that_are_no_weights_are_refused_in_one_line(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    assert "cannot be read" in complaint(tmp_path / "nothing.pt")
    (tmp_path / "empty.pt").touch()
    complaint(tmp_path / "empty.pt")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:af35\nsize 326476753\n"
    (tmp_path / "pointer.pt").write_text(pointer)
    assert "git lfs pull" in complaint(tmp_path / "pointer.pt")
    whole = saved(tmp_path / "whole.pt", state).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    complaint(tmp_path / "cut.pt")
    assert "no table" in complaint(saved(tmp_path / "list.pt", [torch.zeros(1)]))
    assert "'a' is no tensor" in complaint(saved(tmp_path / "odd.pt", {"a": 1}))
    assert "unknown network" in complaint(saved(tmp_path / "a.pt", {"a": torch.zeros(1)}), None)
    assert issubclass(CheckpointError, HydraMonoError)


@given(st.integers(0, 10**9), st.integers(0, 255), st.sampled_from(["torch", "safetensors"]))
@settings(max_examples=30, deadline=None)
def test_a_damaged_file_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, where: int, what: int, form: str
) -> None:
    """Of our own safetensors every change is found but in the spaces behind the header."""
    path = tmp_path_factory.getbasetemp() / "damaged"
    tensors = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(3)}
    if form == "torch":
        torch.save(tensors, path)
    else:
        write_weights(path, tensors)
    before = path.read_bytes()
    content = bytearray(before)
    content[where % len(content)] = what
    path.write_bytes(content)
    try:
        found = read_weights(path).tensors
        same = {name: torch.equal(value, tensors[name]) for name, value in found.items()}
        assert form == "torch" or (all(same.values()) and same.keys() == tensors.keys())
    except CheckpointError as error:
        assert "\n" not in str(error)


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    """In the numbers of a safetensors file, in its notes, and in a torch archive."""
    tensors = {"x": torch.arange(100.0)}
    ours, theirs = tmp_path / "a.safetensors", saved(tmp_path / "a.pt", tensors)
    write_weights(ours, tensors, {"focal_px": "210"})
    number = np.float32(57.0).tobytes()
    for path, old in ((ours, number), (ours, b'"210"'), (theirs, number)):
        whole = path.read_bytes()
        assert whole.count(old) == 1
        path.write_bytes(whole.replace(old, bytes([old[0], old[1] ^ 1, *old[2:]])))
        with pytest.raises(CheckpointError, match="checksum"):
            read_weights(path)
        path.write_bytes(whole)
        assert torch.equal(read_weights(path).tensors["x"], tensors["x"])


def test_a_foreign_safetensors_file_without_a_checksum_is_read(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    library.save_file({"x": torch.ones(3)}, tmp_path / "a.safetensors", {"format": "pt"})
    content = read_weights(tmp_path / "a.safetensors")
    assert content.metadata == {"format": "pt"} and torch.equal(content.tensors["x"], torch.ones(3))


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    notes = {letter: letter for letter in "abcdefgh"}
    for name in ("first", "second"):
        write_weights(tmp_path / name, {"y": torch.ones(2), "x": torch.zeros(3)}, notes)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert CHECKSUM_KEY.encode() in (tmp_path / "first").read_bytes()


def test_a_tensor_of_more_numbers_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    huge = torch.zeros(1).expand(10**12)
    assert "numbers it does not hold" in complaint(saved(tmp_path / "huge.pt", {"x": huge}))


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    plain = saved(tmp_path / "plain.pt", {"x": torch.zeros(100_000)})
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for record in source.infolist():
            target.writestr(record.filename, source.read(record))
    assert "more than the file" in complaint(tmp_path / "bomb.pt")


def test_a_header_longer_than_the_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    assert "ends within its header" in complaint(path)


def test_a_file_larger_than_any_network_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.safetensors").open("wb") as file:
        file.truncate(2**40)  # takes no room on the disk
    assert "1024 GiB" in complaint(tmp_path / "sparse.safetensors")
