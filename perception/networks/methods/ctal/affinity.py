# mypy: disable-error-code="no-any-return,no-untyped-call"
"""Cross-task affinity: which pixels belong together, told by all tasks at once.

Sinodinos and Armanfard, *Cross-Task Affinity Learning for Multitask Dense Scene Predictions*,
WACV 2025, section 3. b images; t tasks; c channels of features, d of values; n = h·w
pixels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

KERNEL = 3  # side of the neighbourhood in which affinities are mixed


class JointAffinity(nn.Module):
    """One affinity of all pixels from those of all tasks.

    A_t is the matrix of cosines of task t's features. The maps of all tasks stand side by side
    for each query pixel, (pixel 0: task 0, task 1, …; pixel 1: …), and a convolution with one
    group a pixel mixes them: every query pixel has a t×3×3 kernel and an offset of its own.

    ``pixels``: how many there are, to which the weights are tied, as published; None: all pixels
    share one kernel, so that any size fits (ours).
    """

    def __init__(self, tasks: int, pixels: int | None) -> None:
        super().__init__()
        self.tasks, self.pixels = tasks, pixels
        layout = nn.Conv2d(tasks, 1, KERNEL)  # for torch's own starting values
        count = pixels or 1
        # n 1 t 3 3, a kernel a pixel as of a depthwise convolution, and no matrix to orthogonalise
        self.weight = nn.Parameter(layout.weight.detach()[None].repeat(count, 1, 1, 1, 1))
        self.bias = nn.Parameter(torch.zeros(count))

    def rows(
        self, units: list[Float[Tensor, "b c h w"]], first: int, last: int
    ) -> Float[Tensor, "b q h w"]:
        """The joint affinity of the query pixels ``first`` to ``last`` − 1 to all pixels.

        ``units``: each task's features, of length 1.
        """
        size = (int(units[0].shape[2]), int(units[0].shape[3]))
        maps = [x.flatten(2)[:, :, first:last].transpose(1, 2) @ x.flatten(2) for x in units]
        stacked = torch.stack(maps, dim=2).flatten(1, 2)  # b q*t n, interleaved
        weight, bias = self._kernels(first, last)
        groups = last - first
        return F.conv2d(stacked.unflatten(2, size), weight, bias, padding=1, groups=groups)

    def _kernels(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        if self.pixels is not None:
            return self.weight[first:last, 0], self.bias[first:last]
        return self.weight[:, 0].expand(last - first, -1, -1, -1), self.bias.expand(last - first)


def attended(
    affinity: JointAffinity,
    features: list[Float[Tensor, "b c h w"]],
    values: list[Float[Tensor, "b d h w"]],
    block: int | None = None,
) -> list[Float[Tensor, "b d h w"]]:
    """Σ_j M_ij V_j of every task, with the one M of all tasks.

    ``block``: so many query pixels at a time, computed again for the gradient: memory is t·n·block
    numbers in place of t·n². None: all at once.
    """
    size = (int(features[0].shape[2]), int(features[0].shape[3]))
    units = [F.normalize(x, dim=1) for x in features]
    pixels = size[0] * size[1]
    step = min(block or pixels, pixels)
    together = torch.cat(values, dim=1)  # b t*d h w
    parts = []
    for first in range(0, pixels, step):
        last = min(first + step, pixels)
        if step < pixels and torch.is_grad_enabled():
            part = checkpoint(_block, affinity, first, last, together, *units, use_reentrant=False)
        else:
            part = _block(affinity, first, last, together, *units)
        parts.append(part)
    whole = torch.cat(parts, dim=2).unflatten(2, size)  # b t*d h w
    return list(whole.chunk(len(values), dim=1))


def _block(
    affinity: JointAffinity, first: int, last: int, values: Tensor, *units: Tensor
) -> Tensor:
    """b t*d q."""
    rows = affinity.rows(list(units), first, last).flatten(2)  # b q n
    return values.flatten(2) @ rows.transpose(1, 2)
