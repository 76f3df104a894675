"""Averages of weights of one network, which hold up better on other data than either."""

from pathlib import Path

import torch
from torch import Tensor

from hydra_mono.core.errors import ConfigError
from hydra_mono.perception.weights_io.checkpoint import CheckpointError, load_m2h, save_m2h


def average_weights(
    first: Path, second: Path, target: Path, *, share: float = 0.5, half: bool = False
) -> None:
    """Writes (1 − share)·first + share·second, tensor by tensor (Wortsman et al., ICML 2022).

    That is the average of two networks only where one was trained on from the other, or both from
    a third. ``half``: in half precision.

    Raises:
        CheckpointError: one of them is not an M2H, they are not of the same network, or the
            target's suffix is not .safetensors.
        ConfigError: ``share`` is not within 0..1.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"the second's share is {share:g}; give one within 0 and 1")
    if target.suffix != ".safetensors":
        raise CheckpointError(f"{target}: end the name in .safetensors")
    network = load_m2h(first)
    own, other = network.state_dict(), load_m2h(second, network.config).state_dict()
    network.load_state_dict({name: _between(own[name], other[name], share) for name in own})
    save_m2h(network, target, half=half)


def _between(first: Tensor, second: Tensor, share: float) -> Tensor:
    """Counts cannot be mixed; they are the second's."""
    return torch.lerp(first, second, share) if first.is_floating_point() else second
