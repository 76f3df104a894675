"""A large set of random seamless textures: patterns of two colours under uneven brightness."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

SIDE = 128  # texels
PAINTED_AT_ONCE = 64

Pattern = Callable[[int, torch.Generator], Float32[Tensor, "n s s"]]


def paint_textures(count: int, generator: torch.Generator) -> UInt8[Tensor, "t s s 3"]:
    """``count`` textures, every pattern about as often as any other; the generator decides all."""
    tiles = []
    for start in range(0, count, PAINTED_AT_ONCE):
        n = min(PAINTED_AT_ONCE, count - start)
        share = -(-n // len(PATTERNS))
        pattern = torch.cat([paint(share, generator) for paint in PATTERNS])
        pattern = pattern[torch.randperm(len(pattern), generator=generator)[:n]]
        tiles.append(_coloured(pattern, generator))
    return torch.cat(tiles)


def _coloured(pattern: Float32[Tensor, "n s s"], generator: torch.Generator) -> Tensor:
    n = len(pattern)
    first = _colors(n, generator)
    near = first * _uniform(n, 0.6, 1.3, generator)[:, None]
    other = torch.where(_uniform(n, 0, 1, generator)[:, None] < 0.5, near, _colors(n, generator))
    image = torch.lerp(
        first[:, None, None], other[:, None, None], pattern[..., None].expand(-1, -1, -1, 3)
    )
    fine = _noise(n, 0.6, 2.0, generator) * _uniform(n, 0.0, 0.06, generator)[:, None, None]
    broad = _noise(n, 8.0, 40.0, generator) * _uniform(n, 0.0, 0.12, generator)[:, None, None]
    image = image * (1 + fine + broad)[..., None]
    return (image.clamp(0, 1) * 255 + 0.5).to(torch.uint8)


def _colors(n: int, generator: torch.Generator) -> Float32[Tensor, "n 3"]:
    """Mostly pale or greyish, of any hue, as objects indoors are."""
    hue = _uniform(n, 0, 2 * math.pi, generator)[:, None] + torch.tensor([0.0, 2.1, 4.2])
    saturation = _uniform(n, 0, 1, generator)[:, None] ** 2 * 0.9
    value = 1 - 0.9 * _uniform(n, 0, 1, generator)[:, None] ** 1.5
    return value * (1 - saturation * (0.5 - 0.5 * hue.cos()))


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Float32[Tensor, " n"]:
    return low + (high - low) * torch.rand(n, generator=generator)


def _counts(n: int, least: int, most: int, generator: torch.Generator) -> Float32[Tensor, "n 1 1"]:
    """Powers of two: a whole number of repeats keeps a tile seamless."""
    powers = torch.randint(least, most + 1, (n, 1, 1), generator=generator)
    return torch.exp2(powers.float())


def _noise(
    n: int, least: float, most: float, generator: torch.Generator, stretch: float = 1.0
) -> Float32[Tensor, "n s s"]:
    """Seamless noise of unit deviation, smooth over so many texels, up to ``stretch`` as long."""
    log_sigma = _uniform(n, math.log(least), math.log(most), generator)
    sigma_v = log_sigma.exp()[:, None, None]
    sigma_u = sigma_v * _uniform(n, 1, stretch, generator)[:, None, None]
    rate_v, rate_u = torch.fft.fftfreq(SIDE)[:, None], torch.fft.rfftfreq(SIDE)
    spectrum = torch.fft.rfft2(torch.randn(n, SIDE, SIDE, generator=generator))
    spectrum = (
        spectrum * (-2 * math.pi**2 * ((rate_v * sigma_v) ** 2 + (rate_u * sigma_u) ** 2)).exp()
    )
    field = torch.fft.irfft2(spectrum, s=(SIDE, SIDE))
    field = field - field.mean(dim=(1, 2), keepdim=True)
    deviation = field.std(dim=(1, 2), keepdim=True).clamp(min=1e-6)
    return torch.div(field, deviation)


def _positions() -> tuple[Float32[Tensor, "s 1"], Float32[Tensor, " s"]]:
    """v and u of the texels, 0..1."""
    steps = (torch.arange(SIDE) + 0.5) / SIDE
    return steps[:, None], steps


def _plain(n: int, generator: torch.Generator) -> Float32[Tensor, "n s s"]:
    return torch.zeros(n, SIDE, SIDE)


def _grain(n: int, generator: torch.Generator) -> Float32[Tensor, "n s s"]:
    return torch.sigmoid(_noise(n, 0.8, 4.0, generator, stretch=30.0))


def _blots(n: int, generator: torch.Generator) -> Float32[Tensor, "n s s"]:
    field = _noise(n, 1.5, 12.0, generator)
    return (field > _uniform(n, -0.5, 1.2, generator)[:, None, None]).float()


def _stripes(n: int, generator: torch.Generator) -> Float32[Tensor, "n s s"]:
    _, u = _positions()
    share = _uniform(n, 0.1, 0.6, generator)[:, None, None]
    striped = (u * _counts(n, 1, 5, generator)) % 1 < share
    return striped.float().expand(n, SIDE, SIDE)


def _checks(n: int, generator: torch.Generator) -> Float32[Tensor, "n s s"]:
    v, u = _positions()
    count = _counts(n, 1, 5, generator)
    return ((u * count).floor() + (v * count).floor()) % 2


def _bricks(n: int, generator: torch.Generator) -> Float32[Tensor, "n s s"]:
    """Joints between tiles, rows shifted by half a tile or not."""
    v, u = _positions()
    rows, columns = _counts(n, 1, 4, generator), _counts(n, 0, 3, generator)
    shifted = torch.randint(0, 2, (n, 1, 1), generator=generator) * 0.5
    across = u * columns + shifted * ((v * rows).floor() % 2)
    width = _uniform(n, 0.01, 0.03, generator)[:, None, None]
    return (((across % 1) < width * columns) | ((v * rows) % 1 < width * rows)).float()


def _planks(n: int, generator: torch.Generator) -> Float32[Tensor, "n s s"]:
    """Boards of uneven tone."""
    v, u = _positions()
    rows = _counts(n, 2, 4, generator)
    tones = torch.rand(n, 64, generator=generator)
    row = (v * rows).floor().expand(n, SIDE, SIDE)
    half = ((u + row * 0.3125) % 1 > 0.5).float()
    return tones.gather(1, (row * 2 + half).long().flatten(1)).reshape(n, SIDE, SIDE)


def _rectangles(n: int, generator: torch.Generator) -> Float32[Tensor, "n s s"]:
    """Patches over one another, as on pictures and shelves."""
    v, u = _positions()
    result = torch.rand(n, 1, 1, generator=generator).expand(n, SIDE, SIDE).clone()
    for _ in range(16):
        low_u, low_v, wide, high, tone = torch.rand(5, n, 1, 1, generator=generator)
        inside = ((u - low_u) % 1 < 0.05 + 0.4 * wide) & ((v - low_v) % 1 < 0.05 + 0.4 * high)
        result = torch.where(inside, tone, result)
    return result


PATTERNS: tuple[Pattern, ...] = (
    _plain,
    _grain,
    _blots,
    _stripes,
    _checks,
    _bricks,
    _planks,
    _rectangles,
)
