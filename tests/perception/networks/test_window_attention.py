"""Windowed attention across tasks: who sees whom, against torch's own attention."""

import torch
from helpers_perception import fill
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_mono.perception.networks.window_attention import (
    WindowAttention,
    join_windows,
    split_windows,
)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 8), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_windows_joined_are_the_map(height: int, width: int, side: int, batch: int) -> None:
    x = torch.arange(batch * 2 * height * width).float().view(batch, 2, height, width)
    windows = split_windows(x, side)
    assert windows.shape[1:] == (side * side, 2)
    assert torch.equal(join_windows(windows, side, (height, width)), x)


def test_a_window_holds_neighbours_row_by_row() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert split_windows(x, 2)[1, :, 0].tolist() == [2, 3, 6, 7]


def attention_layer(*, mask_padding: bool) -> WindowAttention:
    layer = WindowAttention(16, tasks=4, heads=4, window=7, mask_padding=mask_padding).eval()
    fill(layer)
    return layer


def test_windows_do_not_see_one_another_but_tasks_do() -> None:
    layer = attention_layer(mask_padding=False)
    features = [torch.randn(1, 16, 14, 14, generator=torch.manual_seed(i)) for i in range(4)]
    before = layer(features)
    features[0] = features[0].clone()
    features[0][0, :, 3, 4] += torch.arange(16.0)  # of the first task, in the first window
    after = layer(features)
    changed = (after[3] - before[3]).abs().amax(1)[0] > 1e-6  # in the last task
    assert changed[:7, :7].all()
    assert not changed[7:].any() and not changed[:, 7:].any()


def test_a_masked_layer_gives_full_windows_what_an_unmasked_one_does() -> None:
    features = [torch.randn(1, 16, 9, 7, generator=torch.manual_seed(i)) for i in range(4)]
    plain = attention_layer(mask_padding=False)(features)
    masked = attention_layer(mask_padding=True)(features)
    difference = (plain[2] - masked[2]).abs().amax(1)[0]
    assert difference[:7].max() < 1e-5  # this window has no padding
    assert difference[7:].min() > 1e-5


def test_masked_padding_has_no_influence() -> None:
    layer = attention_layer(mask_padding=True)
    features = [torch.randn(1, 16, 5, 7, generator=torch.manual_seed(i)) for i in range(4)]
    normed = [
        norm(x.flatten(2).transpose(1, 2))  # 1 35 16: one window, without the padding
        for norm, x in zip(layer.norm_layers, features, strict=True)
    ]
    z = torch.cat(normed, dim=1)
    z = z + layer.attn(z)
    z = z + layer.ffn_fc2(torch.nn.functional.gelu(layer.ffn_fc1(z)))
    second = layer.norm2_layers[1](z.chunk(4, dim=1)[1])
    expected = second.transpose(1, 2).view(1, 16, 5, 7)
    torch.testing.assert_close(layer(features)[1], expected, rtol=1e-4, atol=1e-5)


def test_attention_is_that_of_torch() -> None:
    layer = attention_layer(mask_padding=False)
    theirs = torch.nn.MultiheadAttention(16, 4, batch_first=True).eval()
    theirs.load_state_dict(layer.attn.state_dict())
    tokens = torch.randn(3, 10, 16, generator=torch.manual_seed(0))
    expected = theirs(tokens, tokens, tokens, need_weights=False)[0]
    torch.testing.assert_close(layer.attn(tokens), expected, rtol=1e-4, atol=1e-5)
