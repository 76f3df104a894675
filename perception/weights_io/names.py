"""The names that parameters bear in other people's weights files, and what they give away."""

import math
from collections.abc import Mapping
from enum import Enum

import torch
from torch import Tensor

from hydra_mono.perception.networks.backbones.vit import VitConfig
from hydra_mono.perception.networks.m2h import M2HConfig

Shapes = Mapping[str, tuple[int, ...]]
TAPS = {12: (2, 5, 8, 11), 24: (4, 11, 17, 23)}  # by number of blocks
HEAD_WIDTH = 64  # channels of an attention head in every DINOv2
PATCHES = "embeddings.patch_embeddings.projection.weight"  # in the Hugging Face form
PREFIXES = ("dinov2_with_registers.", "dinov2.", "backbone.")  # before these names, with a head on
CLASSIFIER = ("classifier.weight", "classifier.bias")  # ImageNet's; of no use here

PUBLISHED = {  # SHA-256 of M2H's released files; all four are the full flavour
    "af35c6e61d8d971482525c387123bee1553cc509567a0a869376ed9ce105f38a": "M2H m2h_indoor.pt",
    "df93492b758b65a2e8c82750432892cfb36c5e3c567b7a6f0c5970055a545cf8": "M2H m2h_nyudv2.pt",
    "b0ad391c1fce9c80a77b5ff5888210a2185ee759da61d48e21cb972ed145e955": "M2H best_final_hypersim",
    "c550220c8cf1a68a0f30416c98cfd307322154fde475c04e6d0d3f6c8d91fc65": "M2H hypersim_paper_model",
}


class Kind(Enum):
    """What a file holds, in words for a message."""

    OWN = "an M2H saved by hydra-mono"
    M2H = "M2H, the full flavour"
    M2H_SMALL = "M2H, the lightweight flavour (M2H-small)"
    DINOV2 = "a DINOv2 backbone"
    HUGGING_FACE = "a DINOv2 backbone in the Hugging Face form"
    UNKNOWN = "weights of an unknown network"


def recognise(names: Mapping[str, object]) -> Kind:
    """The kind, by names that only it has."""
    if "mlt_head.convs.0.conv.weight" in names:
        return Kind.M2H
    if "mlt_head.convs.0.conv.depthwise.weight" in names:
        return Kind.M2H_SMALL
    if "patch_embed.proj.weight" in names and "blocks.0.ls1.gamma" in names:
        return Kind.DINOV2
    if any(name.endswith(PATCHES) for name in names):
        return Kind.HUGGING_FACE
    return Kind.UNKNOWN


def m2h_config(state: Mapping[str, Tensor]) -> M2HConfig:
    """The numbers of the M2H that has these parameters.

    Raises:
        ValueError: they are not M2H's.
    """
    kind = recognise(state)
    if kind not in (Kind.M2H, Kind.M2H_SMALL):
        raise ValueError(f"holds {kind.value}, not M2H")
    inner = "mlt_head.project_depth.conv." + ("weight" if kind is Kind.M2H else "pointwise.weight")
    try:
        return M2HConfig(
            backbone=vit_config(_under("backbone.", state)),
            classes=len(state["mlt_head.seg_out.final_conv.weight"]),
            channels=len(state[inner]),
            light=kind is Kind.M2H_SMALL,
        )
    except KeyError as error:
        raise ValueError(f"{error} is missing, so this is not a whole M2H") from error


def vit_config(state: Mapping[str, Tensor]) -> VitConfig:
    """The sizes of the DINOv2 transformer that has these parameters.

    Raises:
        ValueError: no such transformer is known.
    """
    try:
        width = state["cls_token"].shape[-1]
        grid = math.isqrt(state["pos_embed"].shape[1] - 1)
        patch = state["patch_embed.proj.weight"].shape[-1]
    except KeyError as error:
        raise ValueError(f"{error} is missing, so this is not a whole DINOv2 backbone") from error
    depth = _depth(state, "blocks.")
    if depth not in TAPS:
        raise ValueError(f"a DINOv2 backbone of {depth} blocks; known are S and B (12), L (24)")
    registers = state["register_tokens"].shape[1] if "register_tokens" in state else 0
    return VitConfig(
        width=width,
        depth=depth,
        heads=width // HEAD_WIDTH,
        taps=TAPS[depth],
        registers=registers,
        patch=patch,
        grid=grid,
    )


def hugging_face_names(depth: int, *, registers: bool) -> dict[str, tuple[str, ...]]:
    """For each name of ours the Hugging Face names whose tensors, stacked, make it."""
    names: dict[str, tuple[str, ...]] = {
        "cls_token": ("embeddings.cls_token",),
        "pos_embed": ("embeddings.position_embeddings",),
        "mask_token": ("embeddings.mask_token",),
        "patch_embed.proj.weight": (PATCHES,),
        "patch_embed.proj.bias": ("embeddings.patch_embeddings.projection.bias",),
        "norm.weight": ("layernorm.weight",),
        "norm.bias": ("layernorm.bias",),
    }
    if registers:
        names["register_tokens"] = ("embeddings.register_tokens",)
    for index in range(depth):
        ours, theirs = f"blocks.{index}.", f"encoder.layer.{index}."
        names |= {ours + k: tuple(theirs + v for v in vs) for k, vs in _block_names().items()}
    return names


def _block_names() -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {
        "ls1.gamma": ("layer_scale1.lambda1",),
        "ls2.gamma": ("layer_scale2.lambda1",),
    }
    for part in ("weight", "bias"):
        for same in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
            names[f"{same}.{part}"] = (f"{same}.{part}",)
        names[f"attn.proj.{part}"] = (f"attention.output.dense.{part}",)
        names[f"attn.qkv.{part}"] = tuple(
            f"attention.attention.{role}.{part}" for role in ("query", "key", "value")
        )
    return names


def from_hugging_face(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under DINOv2's names.

    Raises:
        ValueError: a name is missing or left over.
    """
    found = {_unprefixed(name): value for name, value in state.items()}
    found = {name: value for name, value in found.items() if name not in CLASSIFIER}
    depth = _depth(found, "encoder.layer.")
    names = hugging_face_names(depth, registers="embeddings.register_tokens" in found)
    wanted = [theirs for several in names.values() for theirs in several]
    if missing := [name for name in wanted if name not in found]:
        raise ValueError(f"'{missing[0]}' is missing (and {len(missing) - 1} more); is it DINOv2?")
    if extra := sorted(found.keys() - set(wanted)):
        raise ValueError(f"'{extra[0]}' is unexpected (and {len(extra) - 1} more); is it DINOv2?")
    return {
        ours: found[theirs[0]] if len(theirs) == 1 else torch.cat([found[t] for t in theirs])
        for ours, theirs in names.items()
    }


def likely_cause(own: Shapes, found: Shapes) -> str:
    """Why the weights found do not fit the network, as far as names and shapes tell."""
    mine, theirs = recognise(own), recognise(found)
    if mine is not theirs:
        return f"the file holds {theirs.value}, expected {mine.value}"
    prefix = "backbone." if mine in (Kind.M2H, Kind.M2H_SMALL) else ""
    if (wanted := _sizes(own, prefix)) != (given := _sizes(found, prefix)):
        return f"the file's backbone is {given}, expected {wanted}"
    questions = (
        ("mlt_head.seg_out.final_conv.bias", "classes"),
        ("mlt_head.fusion_blocks_depth.0.project.conv.bias", "channels"),
        ("mlt_head.fusion_blocks_depth.0.project.bias", "channels"),
    )
    for name, meaning in questions:
        wanted_shape, shape = own.get(name), found.get(name)
        if wanted_shape and shape and shape != wanted_shape:
            return f"the file has {shape[0]} {meaning}, expected {wanted_shape[0]}"
    return "the file is cut short or of another version of the network"


def _sizes(shapes: Shapes, prefix: str) -> str:
    token = shapes.get(prefix + "cls_token", (0,))
    registers = shapes.get(prefix + "register_tokens", (0, 0))
    depth = _depth(shapes, prefix + "blocks.")
    return f"{token[-1]} wide with {depth} blocks and {registers[1]} registers"


def _depth(names: Mapping[str, object], prefix: str) -> int:
    numbers = {name[len(prefix) :].split(".")[0] for name in names if name.startswith(prefix)}
    return len(numbers)


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    cut = len(prefix)
    return {name[cut:]: value for name, value in state.items() if name.startswith(prefix)}


def _unprefixed(name: str) -> str:
    return next((name[len(p) :] for p in PREFIXES if name.startswith(p)), name)
