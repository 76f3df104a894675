"""What a network costs, counted without computing anything."""

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from hydra_mono.perception.networks.interface import NetworkConfig
from hydra_mono.perception.networks.registry import build


@dataclass(frozen=True)
class Complexity:
    """``macs``: multiply-accumulates of convolutions, matrix products and attention."""

    parameters: int
    macs: int


def complexity(config: NetworkConfig, height: int = 224, width: int = 224) -> Complexity:
    """The cost of one image; the network is laid out on torch's meta device."""
    with torch.device("meta"):
        network = build(config).eval()
        image = torch.zeros(1, 3, height, width)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(image)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Complexity(parameters, counter.get_total_flops() // 2)
