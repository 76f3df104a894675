"""Random looks for training: textures, tints, lamps, exposure; the generator decides all."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from hydra_mono.training.render.procedural_textures import paint_textures
from hydra_mono.training.render.shading import Look
from hydra_mono.training.render.texture_bank import TextureBank
from hydra_mono.training.render.textures import Textures, chained, make_textures
from hydra_mono.training.render.world import WorldTensors

LAMPS = 3  # a room; near one another they are one lamp with soft shadows
CLUSTER_M = 0.15
PROCEDURAL_TILES = (0.4, 4.0)  # to a metre
PATCH_TILES = (0.5, 3.0)


@dataclass(frozen=True)
class Library:
    """Textures to choose from: ``procedural`` ones first, then patches of real images.

    The patches of a world's label l are the ``count[l]`` from ``first[l]`` on.
    """

    textures: Textures
    procedural: int
    first: Int64[Tensor, "256"]
    count: Int64[Tensor, "256"]


def make_library(
    procedural: int,
    generator: torch.Generator,
    bank: TextureBank | None,
    bank_label: UInt8[Tensor, "256"],
    device: torch.device | str = "cpu",
) -> Library:
    """Paints ``procedural`` textures; ``bank_label`` gives the bank's label for a world's."""
    textures = make_textures(paint_textures(procedural, generator), mirrored=False)
    count = torch.zeros(256, dtype=torch.int64)
    if bank is not None:
        textures = chained([textures, make_textures(bank.tiles, mirrored=True)])
        count = torch.bincount(bank.labels.long(), minlength=256)
    first = procedural + count.cumsum(dim=0) - count
    label = bank_label.long()
    return Library(
        textures.to(device), procedural, first[label].to(device), count[label].to(device)
    )


def random_look(
    generator: torch.Generator,
    worlds: WorldTensors,
    world: Int64[Tensor, " b"],
    library: Library,
    focal_px: float,
    patch_share: float,
) -> Look:
    """A look of its own for each view; ``generator`` lives on the CPU, the look on the worlds'
    device."""
    draw = _Draw(generator, worlds.device)
    label = worlds.finish_label[world].long()
    shape = label.shape
    available = library.count[label]
    real = (draw.uniform(shape) < patch_share) & (available > 0)
    patch = library.first[label] + (draw.uniform(shape) * available).long()
    painted = (draw.uniform(shape) * library.procedural).long()
    texture = torch.where(real, patch, painted)
    tiles = torch.where(real, draw.log(shape, *PATCH_TILES), draw.log(shape, *PROCEDURAL_TILES))
    hue = draw.normal((*shape, 3)) * torch.where(real, 0.04, 0.12)[..., None]
    brightness = draw.log(shape, 0.7, 1.25)[..., None]
    lamps_m = _lamps(draw, worlds, world)
    return Look(
        texture=texture,
        tint_rgb=brightness * hue.exp(),
        tiles_from_uv=_turned(draw, tiles),
        texels=library.textures.side[texture] * tiles / focal_px,
        lamps_m=lamps_m,
        lamp_rgb=_lamp_colors(draw, lamps_m),
        ambient_rgb=draw.log((len(world), 1), 0.15, 0.8) * draw.normal((len(world), 3), 0.08).exp(),
        white_rgb=draw.normal((len(world), 3), 0.08).exp(),
        brightness=draw.log((len(world),), 0.2, 0.7),
        gamma=draw.log((len(world),), 0.75, 1.3),
    )


class _Draw:
    """Random tensors that are the same on every device."""

    def __init__(self, generator: torch.Generator, device: torch.device) -> None:
        self._generator, self._device = generator, device

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=self._generator).to(self._device)

    def normal(self, shape: tuple[int, ...], deviation: float = 1.0) -> Tensor:
        return deviation * torch.randn(shape, generator=self._generator).to(self._device)

    def log(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        """Even in the logarithm."""
        return low * torch.exp(self.uniform(shape) * math.log(high / low))


def _turned(draw: _Draw, tiles: Float32[Tensor, "b m"]) -> Float32[Tensor, "b m 2 3"]:
    """Scaled, turned (by right angles more often than not) and shifted."""
    turns = draw.uniform(tiles.shape) * 4
    turns = torch.where(draw.uniform(tiles.shape) < 0.7, turns.floor(), turns)
    cos, sin = (turns * (math.pi / 2)).cos() * tiles, (turns * (math.pi / 2)).sin() * tiles
    shift = draw.uniform((*tiles.shape, 2))
    rows = [torch.stack([cos, -sin, shift[..., 0]], -1), torch.stack([sin, cos, shift[..., 1]], -1)]
    return torch.stack(rows, dim=-2)


def _lamps(
    draw: _Draw, worlds: WorldTensors, world: Int64[Tensor, " b"]
) -> Float32[Tensor, "b r l 3"]:
    """In the upper half of every room, anywhere or all about the first."""
    low, high = worlds.room_lower_m[world][:, :, None], worlds.room_upper_m[world][:, :, None]
    shape = (*low.shape[:2], LAMPS, 3)
    share = draw.uniform(shape) * 0.8 + 0.1
    share[..., 2] = 0.55 + 0.45 * share[..., 2]
    anywhere = low + share * (high - low)
    about = anywhere[:, :, :1] + draw.normal(shape, CLUSTER_M)
    margin = 0.05 * (high - low)
    about = torch.maximum(torch.minimum(about, high - margin), low + margin)
    clustered = draw.uniform((len(world), 1, 1, 1)) < 0.5
    return torch.where(clustered, about, anywhere)


def _lamp_colors(draw: _Draw, lamps_m: Float32[Tensor, "b r l 3"]) -> Float32[Tensor, "b r l 3"]:
    """Warm to cold light; the lamps of a room share its strength unevenly."""
    shape = lamps_m.shape[:3]
    strength = draw.log((*shape[:2], 1), 0.4, 2.2)
    weights = draw.log(shape, 0.05, 1.0)
    warmth = draw.uniform(shape)[..., None]
    warm, cold = torch.tensor([[1.25, 0.95, 0.6], [0.85, 1.0, 1.2]], device=lamps_m.device)
    return (strength * weights / weights.sum(dim=2, keepdim=True))[..., None] * torch.lerp(
        cold, warm, warmth
    )
