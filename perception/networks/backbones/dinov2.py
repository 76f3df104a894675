"""Weights of DINOv2's transformers as published: their sizes, and their Hugging Face names."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from hydra_mono.perception.networks.backbones.vit import VitConfig
from hydra_mono.perception.networks.interface import Shapes
from hydra_mono.perception.networks.shapes import count, extent

TAPS = {12: (2, 5, 8, 11), 24: (4, 11, 17, 23)}  # by number of blocks, as M2H uses them
HEAD_WIDTH = 64  # channels of an attention head in every DINOv2
PATCHES = "embeddings.patch_embeddings.projection.weight"  # in the Hugging Face form
PREFIXES = ("dinov2_with_registers.", "dinov2.", "backbone.")  # before these names, with a head on
CLASSIFIER = ("classifier.weight", "classifier.bias")  # ImageNet's; of no use here


def infer_vit(shapes: Shapes) -> VitConfig:
    """The sizes of the DINOv2 transformer that has these parameters.

    Raises:
        ValueError: no such transformer is known.
    """
    try:
        width = shapes["cls_token"][-1]
        grid = math.isqrt(shapes["pos_embed"][1] - 1)
        patch = shapes["patch_embed.proj.weight"][-1]
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"{error} is missing, so this is not a whole DINOv2 backbone") from error
    depth = count(shapes, "blocks.")
    if depth not in TAPS:
        raise ValueError(f"a DINOv2 backbone of {depth} blocks; known are S and B (12), L (24)")
    return VitConfig(
        width=width,
        depth=depth,
        heads=width // HEAD_WIDTH,
        taps=TAPS[depth],
        registers=extent(shapes, "register_tokens", 1),
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
    depth = count(dict.fromkeys(found, ()), "encoder.layer.")
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


def _unprefixed(name: str) -> str:
    return next((name[len(p) :] for p in PREFIXES if name.startswith(p)), name)
