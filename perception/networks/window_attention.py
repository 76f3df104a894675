# mypy: disable-error-code="no-any-return,no-untyped-call"
"""Windowed multi-task cross-attention of M2H: tasks exchange what they see within a window.

Comments give shapes: b images; t tasks; c channels; n windows of s×s tokens.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class WindowAttention(nn.Module):
    """Windowed multi-task cross-attention: all tasks' tokens of a window attend to one another.

    The residual carries the normed features, as published.
    """

    def __init__(
        self, width: int, *, tasks: int, heads: int, window: int, mask_padding: bool
    ) -> None:
        super().__init__()
        self.window, self.mask_padding = window, mask_padding
        self.norm_layers = nn.ModuleList(nn.LayerNorm(width) for _ in range(tasks))
        self.attn = JointAttention(width, heads)
        self.ffn_fc1 = nn.Linear(width, 4 * width)
        self.ffn_fc2 = nn.Linear(4 * width, width)
        self.norm2_layers = nn.ModuleList(nn.LayerNorm(width) for _ in range(tasks))

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        size = (int(features[0].shape[2]), int(features[0].shape[3]))
        windows = [split_windows(x, self.window) for x in features]  # t times b*n s*s c
        normed = [norm(x) for norm, x in zip(self.norm_layers, windows, strict=True)]
        z = torch.cat(normed, dim=1)  # b*n t*s*s c
        z = z + self.attn(z, self._visible(features[0]) if self.mask_padding else None)
        z = z + self.ffn_fc2(F.gelu(self.ffn_fc1(z)))
        parts = z.chunk(len(features), dim=1)  # t times b*n s*s c
        mixed = [norm(x) for norm, x in zip(self.norm2_layers, parts, strict=True)]
        return [join_windows(x, self.window, size) for x in mixed]

    def _visible(self, x: Tensor) -> Tensor:
        """Which tokens of each window are not padding."""
        inside = split_windows(x.new_ones(len(x), 1, *x.shape[2:]), self.window) > 0  # b*n s*s 1
        return inside[:, :, 0].repeat(1, len(self.norm_layers))[:, None, None]  # b*n 1 1 t*s*s


class JointAttention(nn.Module):
    """Multi-head self-attention, with the parameters of ``nn.MultiheadAttention``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, tokens: Tensor, visible: Tensor | None = None) -> Tensor:
        projected = F.linear(tokens, self.in_proj_weight, self.in_proj_bias)  # n l 3c
        split = projected.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = split  # each n heads l d
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))  # n l c


def split_windows(x: Float[Tensor, "b c h w"], side: int) -> Float[Tensor, "n l c"]:
    """Non-overlapping windows, the last ones filled with zeros below and to the right."""
    x = F.pad(x, (0, -int(x.shape[3]) % side, 0, -int(x.shape[2]) % side))  # b c rows*s columns*s
    b, c, height, width = (int(extent) for extent in x.shape)
    x = x.view(b, c, height // side, side, width // side, side)  # b c rows s columns s
    return x.permute(0, 2, 4, 3, 5, 1).reshape(-1, side * side, c)  # b*rows*columns s*s c


def join_windows(
    windows: Float[Tensor, "n l c"], side: int, size: tuple[int, int]
) -> Float[Tensor, "b c h w"]:
    """The inverse of ``split_windows``, for maps of ``size``."""
    rows, columns = (-(-extent // side) for extent in size)
    c = int(windows.shape[2])
    x = windows.view(-1, rows, columns, side, side, c)  # b rows columns s s c
    x = x.permute(0, 5, 1, 3, 2, 4).reshape(-1, c, rows * side, columns * side)  # b c h' w'
    return x[:, :, : size[0], : size[1]].contiguous()
