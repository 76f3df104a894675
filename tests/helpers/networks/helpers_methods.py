"""Backbones of published widths, and every method at toy size."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from helpers_perception import TINY_CONV
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hydra_mono.core.frame import Intrinsics
from hydra_mono.perception.networks.backbones.vit import FeatureMap
from hydra_mono.perception.networks.registry import MODULES, method

SMALLER: dict[str, dict[str, Any]] = {  # numbers that keep a method's toy network quick
    "pad_net": {"width": 16},
    "pap": {"width": 16},
    "psd": {"width": 16, "window": 3},
    "invpt": {"width": 16},
    "ctal": {"width": 16, "reduced": 8},
    "m_ctal": {"reduced": 8},
    "m2h": {"channels": 16, "attention_layers": 1},
}


def toy(name: str, **changes: Any) -> Any:
    """The compact numbers of a method, at toy size, for images of 32×32."""
    numbers = {"backbone": TINY_CONV, "feed": (32, 32), "focal_px": 30.0}
    changes = numbers | SMALLER.get(name, {}) | changes
    compact: Any = method(name).variants["compact"]
    return dataclasses.replace(compact, **changes)


METHODS = tuple(MODULES)
SMALL = Intrinsics(50.0, 50.0, 31.5, 23.5, 64, 48)  # a camera of images that score quickly


class HrNetSized(nn.Module):
    """Maps of as many channels as HRNet-W18 (or W48) has; computes nothing."""

    multiple = 32
    has_class_token = False

    def __init__(self, first: int = 18) -> None:
        super().__init__()
        self.widths = (first, 2 * first, 4 * first, 8 * first)

    def forward(self, image: Tensor) -> list[FeatureMap]:
        raise NotImplementedError


def giga_macs(work: Callable[[], object]) -> float:
    """Of convolutions and products of matrices, forward; nothing is computed on the meta device."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 2e9


def parameters(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())
