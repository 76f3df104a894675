"""Square textures of any power-of-two size in one tensor, each with its halvings."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from hydra_mono.simulation.materials import LEVELS, TILE, Palette


@dataclass(frozen=True)
class Textures:
    """``texels`` holds all levels of all textures; ``mirrored`` ones turn round at their rims."""

    texels: UInt8[Tensor, "n 3"]
    start: Int64[Tensor, " t"]
    side: Int64[Tensor, " t"]
    mirrored: Bool[Tensor, " t"]

    def to(self, device: torch.device | str) -> "Textures":
        return Textures(
            *(t.to(device) for t in (self.texels, self.start, self.side, self.mirrored))
        )

    def sample(
        self,
        texture: Int64[Tensor, "*p"],
        tiles: Float32[Tensor, "*p 2"],
        level: Int64[Tensor, "*p"],
    ) -> Float32[Tensor, "*p 3"]:
        """Nearest texels, 0..255, at positions counted in tiles."""
        side, mirrored = self.side[texture], self.mirrored[texture]
        at = (tiles * side[..., None]).to(torch.int32) >> level[..., None]
        small = side >> level
        at = at & ((small << mirrored.long()) - 1)[..., None]
        at = torch.where(at < small[..., None], at, 2 * small[..., None] - 1 - at)
        above = (side * side - small * small) * 4 // 3  # texels of the larger levels
        index = self.start[texture] + above + at[..., 1] * small + at[..., 0]
        return self.texels[index].float()


def make_textures(tiles: UInt8[Tensor, "t s s 3"], mirrored: bool) -> Textures:
    """Textures of equal size with ``LEVELS`` levels."""
    levels = [tiles.permute(0, 3, 1, 2).float()]
    for _ in range(LEVELS - 1):
        levels.append(F.avg_pool2d(levels[-1], 2))
    flat = torch.cat([level.flatten(2) for level in levels], dim=2).transpose(1, 2)
    texels = flat.add(0.5).to(torch.uint8)
    count, device = len(tiles), tiles.device
    return Textures(
        texels=texels.reshape(-1, 3),
        start=torch.arange(count, device=device) * texels.shape[1],
        side=torch.full((count,), tiles.shape[1], device=device),
        mirrored=torch.full((count,), mirrored, device=device),
    )


def palette_textures(palettes: list[Palette], device: torch.device) -> Textures:
    """The worlds' own textures, world by world; every palette has the same materials."""
    texels = torch.cat([torch.from_numpy(palette.texels) for palette in palettes])
    count = sum(len(palette.index) for palette in palettes)
    return Textures(
        texels=texels.to(device),
        start=torch.arange(count, device=device) * palettes[0].tile_texels,
        side=torch.full((count,), TILE, device=device),
        mirrored=torch.zeros(count, dtype=torch.bool, device=device),
    )


def chained(sets: list[Textures]) -> Textures:
    """All sets as one; the numbers of each follow those of the one before."""
    sizes = torch.tensor([0, *(len(one.texels) for one in sets)]).cumsum(dim=0)
    return Textures(
        texels=torch.cat([one.texels for one in sets]),
        start=torch.cat([one.start + int(n) for one, n in zip(sets, sizes, strict=False)]),
        side=torch.cat([one.side for one in sets]),
        mirrored=torch.cat([one.mirrored for one in sets]),
    )
