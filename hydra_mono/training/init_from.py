"""A trained network's weights in a larger one, to go on from."""

import torch

from hydra_mono.perception.networks.interface import MultiTaskNetwork, NetworkConfig
from hydra_mono.perception.networks.registry import build
from hydra_mono.perception.weights_io.files import CheckpointError

TAKING_IN = (
    "mlt_head.convs.",
    "mlt_head.reassemble_blocks.",
    *(
        f"mlt_head.unique_{task}_feature.{part}."
        for task in ("depth", "semantic")
        for part in ("reassemble", "conv_proj")
    ),
)
NEW_BLOCK_SCALE = 1e-3  # by which a new block counts at first; not 0, so that it learns


def grow_network(network: MultiTaskNetwork, config: NetworkConfig) -> MultiTaskNetwork:
    """A network of ``config`` with all of ``network``'s weights.

    The stages of a convolutional backbone may be deeper, their last blocks being new; whatever
    has no weights (the size of features, say) may differ. New blocks hardly change anything at
    first (Bachlechner et al., ReZero, UAI 2021, start blocks at nothing in the same way).

    Raises:
        CheckpointError: weights would be lost, or are of other sizes.
    """
    larger, known = build(config), network.state_dict()
    values = larger.state_dict()
    for name, value in known.items():
        if name not in values or values[name].shape != value.shape:
            raise CheckpointError(f"cannot go on from these weights: '{name}' does not fit")
        values[name] = value
    for name in values.keys() - known.keys():
        if not name.startswith("backbone.stages."):
            raise CheckpointError(f"cannot go on from these weights: they lack '{name}'")
        if name.endswith(".scale"):
            values[name] = torch.full_like(values[name], NEW_BLOCK_SCALE)
    larger.load_state_dict(values)
    return larger


def with_heads_of(network: MultiTaskNetwork, config: NetworkConfig) -> MultiTaskNetwork:
    """A network of ``config`` with ``network``'s decoders and heads, but another backbone.

    Only what takes in the backbone's maps, whose channels are others, begins anew.

    Raises:
        CheckpointError: the decoders or heads are of other sizes.
    """
    other, known = build(config), network.state_dict()
    values = other.state_dict()
    for name, value in values.items():
        if not name.startswith("mlt_head.") or name.startswith(TAKING_IN):
            continue
        if name not in known or known[name].shape != value.shape:
            raise CheckpointError(f"cannot go on from these weights: '{name}' does not fit")
        values[name] = known[name]
    other.load_state_dict(values)
    return other
