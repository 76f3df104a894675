"""Attention in linear time against matrices of all pairs and loops over windows."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from hydra_mono.perception.networks.methods.attention import (
    linear_attention,
    local_attention,
    window_inside,
    window_scores,
)


def maps(channels: int, size: tuple[int, int] = (6, 7), seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, channels, *size, generator=generator)


def test_linear_attention_is_that_of_the_matrix_of_all_pairs_with_rows_of_sum_1() -> None:
    query, key, value = F.softplus(maps(5)), F.softplus(maps(5, seed=1)), maps(4, seed=2)
    q, k, v = (x.flatten(2) for x in (query, key, value))
    pairs = q.transpose(1, 2) @ k  # b n n
    expected = v @ (pairs / pairs.sum(2, keepdim=True)).transpose(1, 2)
    torch.testing.assert_close(linear_attention(query, key, value).flatten(2), expected)


def brute_force(query: Tensor, key: Tensor, value: Tensor, side: int) -> Tensor:
    """Pixel by pixel: outside the image score and value are 0, and count in the softmax."""
    b, d, height, width = query.shape
    out = torch.zeros(b, value.shape[1], height, width)
    reach = side // 2
    for y in range(height):
        for x in range(width):
            scores, values = [], []
            for v in range(y - reach, y + reach + 1):
                for u in range(x - reach, x + reach + 1):
                    inside = 0 <= v < height and 0 <= u < width
                    dot = (query[:, :, y, x] * key[:, :, v, u]).sum(1) if inside else torch.zeros(b)
                    scores.append(dot / d**0.5)
                    values.append(value[:, :, v, u] if inside else torch.zeros(b, value.shape[1]))
            share = torch.stack(scores).softmax(0)  # o b
            out[:, :, y, x] = (share[:, :, None] * torch.stack(values)).sum(0)
    return out


@pytest.mark.parametrize("side", [3, 5])
def test_local_attention_is_that_of_a_loop_with_the_published_rule_at_borders(side: int) -> None:
    query, key, value = maps(4), maps(4, seed=1), maps(3, seed=2)
    found = local_attention(query, key, value, side)
    torch.testing.assert_close(found, brute_force(query, key, value, side))


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation makes."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, Tensor):
                self.numbers = max(self.numbers, tensor.numel())
        return made


def test_local_attention_never_makes_the_window_of_every_pixel() -> None:
    """Forward and backward: no tensor beyond 81 scores a pixel or a padded map."""
    size, d = (20, 24), 32
    inputs = [maps(d, size, seed).requires_grad_() for seed in range(3)]
    with Largest() as seen:
        local_attention(*inputs, side=9).square().sum().backward()  # type: ignore[misc]
    pixels = 2 * size[0] * size[1]
    padded = 2 * d * (size[0] + 8) * (size[1] + 8)
    assert seen.numbers <= max(81 * pixels, padded) < 81 * pixels * d / 10


def test_the_window_of_a_corner_lies_in_the_image_for_a_quarter() -> None:
    inside = window_inside((4, 5), 3, torch.zeros(1))
    assert inside[0, :, 0, 0].tolist() == [False] * 4 + [True, True, False, True, True]
    assert bool(inside[0, :, 1, 1].all())
    assert window_scores(torch.ones(1, 2, 4, 5), torch.ones(1, 2, 4, 5), 3).max() == 2
