# mypy: disable-error-code="no-any-return,no-untyped-call"
"""Attention over whole maps and over windows, in time and memory linear in the pixels.

b images; c, d channels; o = side² positions of a window.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

LEAST_MASS = 1e-12  # that a row of weights is divided by, as ATRC has it


def linear_attention(
    query: Float[Tensor, "b d h w"],
    key: Float[Tensor, "b d kh kw"],
    value: Float[Tensor, "b c kh kw"],
) -> Float[Tensor, "b c h w"]:
    """out_i = Σ_j (q_i·k_j) v_j / Σ_j q_i·k_j, for q and k that are not negative.

    The sum over j is taken first (Katharopoulos et al., *Transformers are RNNs*, ICML 2020, eq. 5):
    no matrix of all pairs is made.
    """
    q, k, v = (x.flatten(2) for x in (query, key, value))
    summed = v @ k.transpose(1, 2)  # b c d
    mass = (q * k.sum(2, keepdim=True)).sum(1, keepdim=True)  # b 1 n
    out = (summed @ q) / mass.clamp(min=LEAST_MASS)  # b c n
    return out.unflatten(2, (int(query.shape[2]), int(query.shape[3])))


def local_attention(
    query: Float[Tensor, "b d h w"],
    key: Float[Tensor, "b d h w"],
    value: Float[Tensor, "b c h w"],
    side: int,
) -> Float[Tensor, "b c h w"]:
    """Each pixel attends to the window round it: softmax of q·k/√d over its side² positions.

    Positions outside the image have score 0 and value 0: they take part in the softmax (the rule
    of ATRC). Window by window offset, so that nothing of h·w·side²·d numbers is ever made.
    """
    scores = window_scores(query, key, side) / float(query.shape[1]) ** 0.5
    return window_sum(scores.softmax(1), value, side)


def window_scores(
    query: Float[Tensor, "b d h w"], key: Float[Tensor, "b d h w"], side: int
) -> Float[Tensor, "b o h w"]:
    """q_i·k_j for the positions j of the window round each pixel i, row by row; 0 outside."""
    return torch.stack([(query * moved).sum(1) for moved in _moved(key, side)], dim=1)


def window_sum(
    weights: Float[Tensor, "b o h w"], values: Float[Tensor, "b c h w"], side: int
) -> Float[Tensor, "b c h w"]:
    """Σ_j w_ij v_j over the window round each pixel i; v is 0 outside."""
    total = torch.zeros_like(values)
    for index, moved in enumerate(_moved(values, side)):
        total = total + weights[:, index : index + 1] * moved
    return total


def window_inside(size: tuple[int, int], side: int, like: Tensor) -> Bool[Tensor, "1 o h w"]:
    """Which positions of each pixel's window lie in the image."""
    ones = like.new_ones(1, 1, *size)
    return window_scores(ones, ones, side) > 0


def _moved(x: Tensor, side: int) -> Iterator[Tensor]:
    """The map as seen from each position of a window, as views of one padded copy."""
    reach = side // 2
    padded = F.pad(x, (reach, reach, reach, reach))
    height, width = int(x.shape[2]), int(x.shape[3])
    for row in range(side):
        for column in range(side):
            yield padded[:, :, row : row + height, column : column + width]
