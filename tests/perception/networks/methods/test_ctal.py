"""CTAL: the joint affinity, its published sizes, evaluation in blocks, sizes it refuses."""

import pytest
import torch
import torch.nn.functional as F
from helpers_methods import giga_macs, parameters, toy
from torch import Tensor

from hydra_mono.core.errors import ConfigError
from hydra_mono.perception.networks.methods.ctal.affinity import JointAffinity, attended
from hydra_mono.perception.networks.methods.ctal.network import AffinityExchange, Ctal, CtalConfig
from hydra_mono.perception.tasks import INDOOR

SIZE = (4, 5)
PIXELS = 20


def units(tasks: int) -> list[Tensor]:
    torch.manual_seed(1)
    return [F.normalize(torch.randn(2, 6, *SIZE), dim=1) for _ in range(tasks)]


def cosines(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2) @ x.flatten(2)


def identity(affinity: JointAffinity, task: int) -> None:
    """Every kernel takes the middle of one task's map."""
    for value in affinity.parameters():
        torch.nn.init.zeros_(value)
    affinity.weight.data[:, 0, task, 4] = 1  # the middle of nine


@pytest.mark.parametrize("pixels", [PIXELS, None])
@pytest.mark.parametrize("task", [0, 2])
def test_a_kernel_that_takes_one_task_gives_that_tasks_affinity(
    pixels: int | None, task: int
) -> None:
    affinity = JointAffinity(3, pixels)
    identity(affinity, task)
    found = affinity.rows(units(3), 0, PIXELS).flatten(2)
    torch.testing.assert_close(found, cosines(units(3)[task]))


def test_maps_are_interleaved_pixel_by_pixel_and_mixed_by_kernels_of_their_own() -> None:
    """Two tasks, four pixels: against a loop over pixels, tasks and taps."""
    torch.manual_seed(0)
    pair = [F.normalize(torch.randn(1, 3, 2, 2), dim=1) for _ in range(2)]
    affinity = JointAffinity(2, 4)
    torch.nn.init.normal_(affinity.weight)
    torch.nn.init.normal_(affinity.bias)
    affinity.requires_grad_(False)
    found = affinity.rows(pair, 0, 4)
    maps = [cosines(x)[0].unflatten(1, (2, 2)) for x in pair]  # 4 2 2
    for pixel in range(4):
        for v in range(2):
            for u in range(2):
                expected = float(affinity.bias[pixel])
                for task in range(2):
                    padded = F.pad(maps[task][pixel], (1, 1, 1, 1))
                    window = padded[v : v + 3, u : u + 3]
                    expected += float((window * affinity.weight[pixel, 0, task].view(3, 3)).sum())
                assert float(found[0, pixel, v, u]) == pytest.approx(expected, abs=1e-5)


def test_each_pixel_takes_the_sum_of_all_values_by_its_row() -> None:
    torch.manual_seed(0)
    affinity = JointAffinity(2, PIXELS)
    features = [torch.randn(2, 6, *SIZE) for _ in range(2)]
    values = [torch.randn(2, 3, *SIZE) for _ in range(2)]
    rows = affinity.rows([F.normalize(x, dim=1) for x in features], 0, PIXELS).flatten(2)
    for value, found in zip(values, attended(affinity, features, values), strict=True):
        flat, expected = value.flatten(2), torch.zeros(2, 3, PIXELS)
        for i in range(PIXELS):
            for j in range(PIXELS):
                expected[:, :, i] += rows[:, i, j, None] * flat[:, :, j]
        torch.testing.assert_close(found.flatten(2), expected)


@pytest.mark.parametrize("pixels", [PIXELS, None])
def test_evaluation_in_blocks_equals_the_direct_one_with_its_gradients(pixels: int | None) -> None:
    torch.manual_seed(0)
    affinity = JointAffinity(3, pixels)
    results = []
    for block in (None, 7):
        torch.manual_seed(2)
        features = [torch.randn(2, 6, *SIZE, requires_grad=True) for _ in range(3)]
        values = [torch.randn(2, 4, *SIZE, requires_grad=True) for _ in range(3)]
        affinity.zero_grad()
        out = torch.cat(attended(affinity, features, values, block))
        out.square().sum().backward()
        weight = affinity.weight.grad
        assert weight is not None
        results.append([out.detach(), weight.clone(), *(x.grad for x in (*features, *values))])
    for direct, lean in zip(*results, strict=True):
        torch.testing.assert_close(direct, lean, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("size", "tasks", "stride", "affinity", "module"),
    [
        ((288, 384), 3, 4, 193_536, 1_375_488),  # NYUv2: 1.375 M
        ((128, 256), 2, 4, 38_912, 826_880),  # Cityscapes: 0.827 M
        ((512, 512), 5, 32, 11_776, 1_981_696),  # PASCAL-Context with Swin: 1.98 M
    ],
)
def test_the_published_sizes(
    size: tuple[int, int], tasks: int, stride: int, affinity: int, module: int
) -> None:
    names = ("semantics", "depth", "normals", "edges", "parts")[:tasks]
    config = CtalConfig(feed=size, stride=stride, classes=13)  # type: ignore[arg-type]
    with torch.device("meta"):
        exchange = AffinityExchange(config, 256, dict.fromkeys(names, 1))
    assert parameters(exchange.affinity) == affinity
    assert parameters(exchange) - parameters(exchange.heads) == module


def test_the_published_cost_on_nyuv2() -> None:
    """Of three tasks at 72×96: two products of all pairs, the joint affinity, values, doubling."""
    with torch.device("meta"):
        exchange = AffinityExchange(CtalConfig(feed=(288, 384)), 256, dict.fromkeys(INDOOR[:3], 1))
        wide = {task: torch.zeros(1, 256, 72, 96) for task in INDOOR[:3]}
        narrow = {task: torch.zeros(1, 128, 72, 96) for task in INDOOR[:3]}
    exchange.eval()
    assert giga_macs(lambda: exchange.diffused(narrow)) == pytest.approx(
        18.35 + 18.35 + 1.29 + 3.06, rel=0.002
    )
    up = giga_macs(lambda: [exchange.up[task](x) for task, x in narrow.items()])
    assert up == pytest.approx(13.6, rel=0.005)
    reduce = giga_macs(lambda: [exchange.reduce[task](x) for task, x in wide.items()])
    assert reduce == pytest.approx(0.68, abs=0.01)


def test_a_size_it_was_not_built_for_is_told_in_one_line_unless_it_takes_any() -> None:
    tied = Ctal(toy("ctal", feed=(64, 64))).eval()
    image = torch.rand(1, 3, 32, 64)
    with pytest.raises(ConfigError, match=r"built for images of 64×64, not of 32×64") as caught:
        tied(image)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="built for"):
        tied.check_size(32, 64)
    assert tied(torch.rand(1, 3, 60, 61))["depth"].shape == (1, 1, 60, 61)  # padded it fits
    free = Ctal(toy("ctal", feed=(64, 64), any_size=True)).eval()
    free.check_size(32, 64)
    assert free(image)["depth"].shape == (1, 1, 32, 64)


def test_what_is_spread_is_a_twentieth() -> None:
    torch.manual_seed(0)
    exchange = AffinityExchange(toy("ctal", stride=4), 16, dict.fromkeys(INDOOR, 1)).eval()
    narrow = {task: torch.randn(1, 8, 8, 8) for task in INDOOR}
    identity(exchange.affinity, 0)
    values = [exchange.value[task](narrow[task]) for task in INDOOR]
    taken = attended(exchange.affinity, list(narrow.values()), values)
    found = exchange.diffused(narrow)
    expected = 0.05 * taken[1] + 0.95 * narrow[INDOOR[1]]
    torch.testing.assert_close(found[INDOOR[1]], expected)
