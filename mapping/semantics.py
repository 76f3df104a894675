"""One label per voxel with a weight: the weighted majority vote in constant memory."""

import torch
from jaxtyping import Float, UInt8


def vote(
    label: UInt8[torch.Tensor, " n"],
    weight: Float[torch.Tensor, " n"],
    seen_label: UInt8[torch.Tensor, " n"],
    seen_weight: Float[torch.Tensor, " n"],
    max_weight: float,
) -> tuple[UInt8[torch.Tensor, " n"], Float[torch.Tensor, " n"]]:
    """The stored vote after one observation each.

    The majority vote of Boyer and Moore (1981) with weights: the same label adds its weight;
    another subtracts, and takes over once it weighs at least what is left. Label 0 is unknown
    and changes nothing. ``max_weight`` bounds how long a change of mind takes.
    """
    same = label == seen_label
    takes_over = ~same & (seen_weight >= weight)
    votes = torch.where(same, weight + seen_weight, (weight - seen_weight).abs())
    votes.clamp_(max=max_weight)
    unknown = (seen_label == 0) | (seen_weight <= 0)
    new_label = torch.where(takes_over & ~unknown, seen_label, label)
    return new_label, torch.where(unknown, weight, votes)
