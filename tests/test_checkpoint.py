"""Weights files: what is read, what is refused, and what the one line then says."""

import dataclasses
import json
import pickle
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_perception import TINY, TINY_CONV, TINY_LIGHT, TINY_VIT, fill, made_image
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hydra_mono.core.errors import HydraMonoError
from hydra_mono.perception.backbone import VisionTransformer, VitConfig
from hydra_mono.perception.checkpoint import (
    CheckpointError,
    convert_weights,
    describe_weights,
    load_backbone,
    load_m2h,
    read_weights,
    save_m2h,
)
from hydra_mono.perception.m2h import COMPACT, M2H, M2HConfig
from hydra_mono.perception.safetensors_io import DTYPES, read_safetensors, write_safetensors

REGISTERED = dataclasses.replace(TINY_VIT, registers=4)
TINY_COMPACT = dataclasses.replace(COMPACT, backbone=TINY_CONV, channels=32, classes=5)


@cache
def made(config: M2HConfig) -> M2H:
    network = M2H(config).eval()
    fill(network)
    return network


def hugging_face_form(network: VisionTransformer) -> dict[str, Tensor]:
    """The network's weights under the names that ``transformers`` uses, written out by hand."""
    theirs: dict[str, Tensor] = {}
    words = {
        "cls_token": "embeddings.cls_token",
        "pos_embed": "embeddings.position_embeddings",
        "mask_token": "embeddings.mask_token",
        "register_tokens": "embeddings.register_tokens",
        "patch_embed.proj": "embeddings.patch_embeddings.projection",
        "blocks.": "encoder.layer.",
        "ls1.gamma": "layer_scale1.lambda1",
        "ls2.gamma": "layer_scale2.lambda1",
        "attn.proj": "attention.output.dense",
    }
    for name, value in network.state_dict().items():
        if ".attn.qkv." in name:
            for role, part in zip(("query", "key", "value"), value.chunk(3), strict=True):
                new = name.replace("attn.qkv", f"attention.attention.{role}")
                theirs[new.replace("blocks.", "encoder.layer.")] = part
            continue
        for ours, word in words.items():
            name = name.replace(ours, word)
        theirs["layernorm" + name[4:] if name.startswith("norm.") else name] = value
    return theirs


def saved(path: Path, state: Any) -> Path:
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return made(TINY).state_dict()


def complaint(path: Path, expected: M2HConfig | None = TINY) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_m2h(path, expected)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("config", [TINY, TINY_LIGHT], ids=["full", "small"])
@pytest.mark.parametrize("wrapped", ["bare", "wrapped"])
def test_a_state_dict_gives_back_its_network(
    tmp_path: Path, config: M2HConfig, wrapped: str
) -> None:
    network = made(config)
    content: Any = network.state_dict()
    if wrapped == "wrapped":
        content = {"epoch": 3, "model": {f"module.{k}": v for k, v in content.items()}}
    loaded = load_m2h(saved(tmp_path / "weights.pt", content))
    assert loaded.config == config and not loaded.training
    image = made_image(1, 28, 42)
    with torch.inference_mode():
        assert torch.equal(loaded(image).semantics, network(image).semantics)


@pytest.mark.parametrize("config", [TINY_LIGHT, TINY_COMPACT], ids=["small", "compact"])
def test_a_saved_network_knows_its_numbers(tmp_path: Path, config: M2HConfig) -> None:
    network = made(config)
    save_m2h(network, tmp_path / "own.safetensors", notes={"trained_on": "nothing"})
    loaded = load_m2h(tmp_path / "own.safetensors")
    assert loaded.config == config
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert ("trained_on", "nothing") in describe_weights(tmp_path / "own.safetensors")


def test_half_precision_halves_the_file_and_loads_as_single(tmp_path: Path) -> None:
    network = made(TINY_COMPACT)
    save_m2h(network, tmp_path / "whole.safetensors")
    save_m2h(network, tmp_path / "half.safetensors", half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.7 * sizes[1]  # the header stays
    loaded = load_m2h(tmp_path / "half.safetensors").state_dict()
    for name, value in network.state_dict().items():
        assert loaded[name].dtype == value.dtype
        torch.testing.assert_close(loaded[name], value, rtol=1e-3, atol=1e-6)


def test_compat_is_the_readers_choice(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = saved(tmp_path / "m2h.pt", state)
    convert_weights(path, tmp_path / "m2h.safetensors")
    for file in (path, tmp_path / "m2h.safetensors"):
        assert load_m2h(file).config == TINY
        assert load_m2h(file, compat=True).config == dataclasses.replace(TINY, compat=True)


@pytest.mark.parametrize("config", [TINY_VIT, REGISTERED], ids=["plain", "registers"])
@pytest.mark.parametrize("prefix", ["", "dinov2."])
def test_dinov2_and_hugging_face_files_hold_the_same(
    tmp_path: Path, config: VitConfig, prefix: str
) -> None:
    network = VisionTransformer(config)
    fill(network)
    theirs = {prefix + name: value for name, value in hugging_face_form(network).items()}
    write_safetensors(tmp_path / "model.safetensors", theirs, {"format": "pt"})
    own = saved(tmp_path / "dinov2.pth", network.state_dict())
    for path in (tmp_path / "model.safetensors", own):
        loaded = load_backbone(path)
        assert loaded.config == config
        for name, value in network.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], value), name


def test_a_hugging_face_file_with_a_name_too_few_or_too_many_is_refused(tmp_path: Path) -> None:
    theirs = hugging_face_form(VisionTransformer(TINY_VIT))
    write_safetensors(tmp_path / "more.safetensors", theirs | {"head.weight": torch.zeros(2)})
    with pytest.raises(CheckpointError, match=r"'head.weight' is unexpected"):
        load_backbone(tmp_path / "more.safetensors")
    del theirs["encoder.layer.3.attention.attention.key.bias"]
    write_safetensors(tmp_path / "less.safetensors", theirs)
    with pytest.raises(CheckpointError, match=r"layer.3.attention.attention.key.bias' is missing"):
        load_backbone(tmp_path / "less.safetensors")


def test_another_flavour_is_named(tmp_path: Path) -> None:
    text = complaint(saved(tmp_path / "small.pt", made(TINY_LIGHT).state_dict()))
    assert "lightweight" in text and "expected M2H, the full flavour" in text


def test_another_number_of_classes_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "m2h.pt", made(dataclasses.replace(TINY, classes=4)).state_dict())
    text = complaint(path)
    assert "'mlt_head.seg_out.final_conv.weight' has shape (4, 8, 1, 1)" in text
    assert "4 classes, expected 5" in text


def test_another_backbone_is_named(tmp_path: Path) -> None:
    wide = dataclasses.replace(TINY, backbone=VitConfig(width=128, heads=2, grid=5))
    text = complaint(saved(tmp_path / "m2h.pt", made(wide).state_dict()))
    assert "backbone is 128 wide with 12 blocks and 0 registers, expected 64 wide" in text


def test_another_number_of_channels_is_named(tmp_path: Path) -> None:
    wide = dataclasses.replace(TINY, channels=48)
    text = complaint(saved(tmp_path / "m2h.pt", made(wide).state_dict()))
    assert "48 channels, expected 32" in text


def test_a_backbone_alone_is_no_m2h(tmp_path: Path) -> None:
    path = saved(tmp_path / "dinov2.pth", VisionTransformer(TINY_VIT).state_dict())
    for expected in (TINY, None):
        assert "holds a DINOv2 backbone" in complaint(path, expected)
    with pytest.raises(CheckpointError, match="not a DINOv2 backbone"):
        load_backbone(saved(tmp_path / "m2h.pt", made(TINY).state_dict()))


@pytest.mark.parametrize(
    "name", ["mlt_head.cross_attn.1.ffn_fc1.bias", "backbone.blocks.7.ls2.gamma"]
)
def test_a_missing_or_added_tensor_is_named(
    tmp_path: Path, state: dict[str, Tensor], name: str
) -> None:
    less = {key: value for key, value in state.items() if key != name}
    assert f"'{name}' is missing" in complaint(saved(tmp_path / "less.pt", less), None)
    more = state | {name + "_2": torch.zeros(1)}
    assert f"'{name}_2' is unexpected" in complaint(saved(tmp_path / "more.pt", more), None)


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
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, where: int, what: int, form: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    tensors = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(3)}
    if form == "torch":
        torch.save(tensors, path)
    else:
        write_safetensors(path, tensors)
    content = bytearray(path.read_bytes())
    content[where % len(content)] = what
    path.write_bytes(content)
    try:
        assert read_weights(path).tensors
    except CheckpointError as error:
        assert "\n" not in str(error)


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
