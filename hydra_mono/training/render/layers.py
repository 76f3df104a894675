"""Pairs of an owner and something it has to look at, worked off many owners at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

SMALL = 16  # this part of what can be done at a time may be padded at will: calls cost more
PADDING = 1.3  # pairs worked off, stand-ins included, to a real one


@dataclass(frozen=True)
class LayerGroup:
    """Owners, those with most pairs first; ``first`` and ``count`` are of their pairs."""

    owner: Int64[Tensor, " n"]
    first: Int64[Tensor, " n"]
    count: Int64[Tensor, " n"]
    at_once: int

    def layers(self) -> Iterator[tuple[int, Int64[Tensor, "k l"], Bool[Tensor, "k l"]]]:
        """(k, pairs, valid): the next l pairs of the first k owners, all that have any left.

        The fewer owners are left, the more layers come at a time. Where an owner has less than l
        pairs, an invalid one stands in.
        """
        depths = torch.arange(int(self.count[0]), device=self.count.device)
        left = (self.count[None] > depths[:, None]).sum(dim=1).tolist()
        layer = 0
        while layer < len(left):
            owners = left[layer]
            step = self._step(left[layer:])
            pairs = torch.arange(layer, layer + step, device=self.count.device)[None]
            valid = pairs < self.count[:owners, None]
            yield owners, self.first[:owners, None] + torch.where(valid, pairs, 0), valid
            layer += step

    def _step(self, left: list[int]) -> int:
        """How many layers to take at a time: few stand-ins, unless the work is small anyway."""
        step, pairs = 1, left[0]
        while step < len(left):
            pairs, size = pairs + left[step], left[0] * (step + 1)
            if size > min(self.at_once, max(self.at_once // SMALL, PADDING * pairs)):
                break
            step += 1
        return step


def layered(owner: Int64[Tensor, " p"], owners: int, at_once: int) -> Iterator[LayerGroup]:
    """Groups of at most ``at_once`` owners that have pairs; ``owner`` ascends."""
    count = torch.bincount(owner, minlength=owners)
    first = count.cumsum(dim=0) - count
    order = count.argsort(descending=True, stable=True)
    order = order[: int((count > 0).sum())]
    for part in torch.split(order, at_once):
        if len(part):
            yield LayerGroup(part, first[part], count[part], at_once)
