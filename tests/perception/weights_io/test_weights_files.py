"""Weights files: conversion, description, and safetensors to the byte."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_perception import (
    REGISTERED,
    TINY,
    TINY_COMPACT,
    complaint,
    hugging_face_form,
    made,
    saved,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hydra_mono.perception.networks.backbones.vit import VisionTransformer
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.weights_io.checkpoint import (
    CheckpointError,
    convert_weights,
    describe_weights,
    load_m2h,
    read_weights,
)
from hydra_mono.perception.weights_io.safetensors_io import (
    DTYPES,
    read_safetensors,
    write_safetensors,
)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return made(TINY).state_dict()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_conversion_keeps_every_number(
    tmp_path: Path, state: dict[str, Tensor], suffix: str
) -> None:
    source, target = saved(tmp_path / "m2h.pth", state), tmp_path / f"out{suffix}"
    convert_weights(source, target)
    loaded = load_m2h(target)
    assert loaded.config == TINY
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in state.items())


def test_conversion_gives_hugging_face_weights_dinov2s_names(tmp_path: Path) -> None:
    network = VisionTransformer(REGISTERED)
    write_safetensors(tmp_path / "model.safetensors", hugging_face_form(network))
    convert_weights(tmp_path / "model.safetensors", tmp_path / "dinov2.pth")
    converted = torch.load(tmp_path / "dinov2.pth", weights_only=True)
    assert converted.keys() == network.state_dict().keys()


def test_nothing_is_converted_that_is_not_understood(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    source = saved(tmp_path / "m2h.pt", {**state, "extra": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="'extra' is unexpected"):
        convert_weights(source, tmp_path / "out.safetensors")
    with pytest.raises(CheckpointError, match=r"end the name in \.safetensors"):
        convert_weights(saved(tmp_path / "good.pt", state), tmp_path / "out.onnx")
    assert not list(tmp_path.glob("out*"))


def test_a_description_tells_what_the_file_holds(tmp_path: Path, state: dict[str, Tensor]) -> None:
    rows = dict(describe_weights(saved(tmp_path / "m2h.pt", state)))
    assert rows["contents"] == "M2H, the full flavour"
    assert rows["tensors"] == str(len(state)) and rows["published as"] == "unknown"
    network = M2H(TINY)
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert rows["parameters"] == f"{counted / 1e6:.2f} M"
    assert (rows["classes"], rows["channels"], rows["types"]) == ("5", "32", "float32, int64")
    backbone = saved(tmp_path / "vit.pth", network.backbone.state_dict())
    assert "width=64" in dict(describe_weights(backbone))["backbone"]


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__"),
        st.tuples(
            st.sampled_from(sorted(DTYPES)), st.lists(st.integers(0, 3), min_size=0, max_size=3)
        ),
        max_size=5,
    )
)
@settings(max_examples=40, deadline=None)
def test_any_tensors_survive_safetensors(
    tmp_path_factory: pytest.TempPathFactory, kinds: dict[str, tuple[str, list[int]]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    tensors = {
        name: torch.arange(int(np.prod(shape))).reshape(shape).to(DTYPES[dtype])
        for name, (dtype, shape) in kinds.items()
    }
    write_safetensors(path, tensors, {"a": "b"})
    content = read_safetensors(path)
    assert content.metadata == {"a": "b"} and content.tensors.keys() == tensors.keys()
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
    write_safetensors(tmp_path / "a.safetensors", {"x": tensor, "n": torch.tensor(7)})
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
    with pytest.raises(CheckpointError, match="damaged safetensors file: x: "):
        read_weights(path)


def test_a_safetensors_file_cut_short_or_with_more_behind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_safetensors(path, {"x": torch.ones(5)})
    whole = path.read_bytes()
    for content in (whole[:-4], whole + b"more"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="damaged"):
            read_weights(path)


def test_metadata_that_describes_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    tensors = made(TINY_COMPACT).state_dict()
    for text in ("{", "[]", '{"backbone": {"widths": 3}}', '{"backbone": 1}'):
        write_safetensors(path, tensors, {"hydra_mono.m2h": text})
        assert "does not describe a network" in complaint(path, None)
