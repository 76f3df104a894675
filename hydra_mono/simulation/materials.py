"""The world's palette: seamless procedural textures, one square metre each."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt8

TILE = 256  # texels to the metre
LEVELS = 4  # halvings kept for distant surfaces
Color = tuple[float, float, float]
Image = Float64[np.ndarray, "t t 3"]
Painter = Callable[[np.random.Generator, Color], Image]


@dataclass(frozen=True)
class Palette:
    """Textures by name; ``texels`` holds all levels of all tiles, one after the other."""

    index: dict[str, int]
    texels: UInt8[np.ndarray, "n 3"]
    level_starts: Int64[np.ndarray, " l"]
    tile_texels: int


def make_palette(rng: np.random.Generator, *, with_mirror: bool = False) -> Palette:
    """Paints every material of a world; colours and grain vary with ``rng``."""
    tiles: list[UInt8[np.ndarray, "n 3"]] = []
    index: dict[str, int] = {}
    recipes = _recipes(rng)
    if with_mirror:  # last, so that the others are what they are without
        recipes["mirror"] = (_plaster, (205, 212, 216))
    for name, (paint, color) in recipes.items():
        index[name] = len(tiles)
        tiles.append(_pyramid(paint(rng, color)))
    sizes = [(TILE >> level) ** 2 for level in range(LEVELS)]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    return Palette(index, np.concatenate(tiles), starts, sum(sizes))


def add_paints(rng: np.random.Generator, palette: Palette, count: int) -> Palette:
    """The palette with finishes ``paint0`` … of any colour and several patterns."""
    painters = (_plaster, _plaster, _fabric, _art, _stripes, _wood)
    index, tiles = dict(palette.index), [palette.texels]
    for number in range(count):
        bright, vivid = rng.uniform(25, 235), rng.random() ** 2  # most objects are nearly grey
        red, green, blue = (1 - vivid) * bright + vivid * rng.uniform(20, 245, 3)
        tile = painters[int(rng.integers(len(painters)))](
            rng, (float(red), float(green), float(blue))
        )
        index[f"paint{number}"] = len(palette.index) + number
        tiles.append(_pyramid(tile))
    return Palette(index, np.concatenate(tiles), palette.level_starts, palette.tile_texels)


def _recipes(rng: np.random.Generator) -> dict[str, tuple[Painter, Color]]:
    woods = [(150, 105, 65), (185, 145, 95), (105, 70, 45), (205, 180, 145)]
    fabrics = [(70, 90, 130), (140, 60, 60), (90, 110, 80), (120, 115, 110)]
    fabrics += [(60, 60, 70), (190, 160, 110), (100, 70, 110), (170, 110, 70)]
    walls = [(222, 216, 200), (205, 214, 222), (214, 220, 200), (228, 210, 196), (215, 215, 218)]
    recipes: dict[str, tuple[Painter, Color]] = {
        "ceiling": (_plaster, (236, 235, 232)),
        "floor_wood0": (_planks, (170, 125, 80)),
        "floor_wood1": (_planks, (120, 85, 60)),
        "floor_tile0": (_tiles, (190, 190, 185)),
        "floor_tile1": (_checks, (165, 160, 150)),
        "floor_carpet": (_fabric, (120, 112, 120)),
        "wall_tile": (_tiles, (205, 218, 222)),
        "door": (_wood, (196, 164, 120)),
        "frame": (_plaster, (238, 234, 226)),
        "glass": (_sky, (190, 215, 240)),
        "metal": (_plaster, (150, 152, 156)),
        "steel": (_wood, (172, 175, 180)),
        "dark": (_plaster, (52, 52, 56)),
        "white": (_plaster, (226, 226, 224)),
        "ceramic": (_plaster, (240, 240, 238)),
        "leaf": (_leaves, (62, 120, 56)),
        "soil": (_plaster, (82, 62, 48)),
        "terracotta": (_plaster, (178, 98, 68)),
        "cardboard": (_wood, (188, 150, 104)),
        "screen": (_sky, (42, 46, 58)),
        "shade": (_fabric, (240, 226, 190)),
        "skin": (_plaster, (205, 160, 132)),
        "hair": (_fabric, (66, 48, 38)),
    }
    for prefix, paint, colors in (
        ("wood", _wood, woods),
        ("fabric", _fabric, fabrics),
        ("wall", _plaster, walls),
        ("bedding", _stripes, [(214, 214, 224), (160, 180, 205), (220, 190, 180)]),
        ("art", _art, [(200, 120, 70), (70, 120, 170), (110, 150, 90), (160, 90, 140)]),
        ("books", _books, [(150, 90, 70), (80, 100, 140)]),
    ):
        for i, color in enumerate(colors):
            tint = np.clip(np.array(color) + rng.uniform(-14, 14, 3), 20, 245)
            recipes[f"{prefix}{i}"] = (paint, (float(tint[0]), float(tint[1]), float(tint[2])))
    return recipes


def _pyramid(tile: Image) -> UInt8[np.ndarray, "n 3"]:
    levels = [tile]
    for _ in range(LEVELS - 1):
        last = levels[-1]
        half = len(last) // 2
        levels.append(last.reshape(half, 2, half, 2, 3).mean(axis=(1, 3)))
    flat = np.concatenate([level.reshape(-1, 3) for level in levels])
    return np.clip(flat + 0.5, 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, sigma_v: float, sigma_u: float) -> Float64[np.ndarray, "t t"]:
    """Seamless noise of unit deviation, smooth over so many texels."""
    rate_v = np.fft.fftfreq(TILE)[:, None] * sigma_v
    rate_u = np.fft.rfftfreq(TILE)[None] * sigma_u
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    spectrum *= np.exp(-2 * np.pi**2 * (rate_v**2 + rate_u**2))
    field = np.fft.irfft2(spectrum, (TILE, TILE))
    return np.asarray((field - field.mean()) / field.std())


def _shade(color: Color, brightness: Float64[np.ndarray, "t t"]) -> Image:
    return np.asarray(brightness[..., None] * np.array(color))


def _plaster(rng: np.random.Generator, color: Color) -> Image:
    return _shade(color, 1 + 0.015 * _noise(rng, 1, 1) + 0.025 * _noise(rng, 24, 24))


def _wood(rng: np.random.Generator, color: Color) -> Image:
    return _shade(color, 1 + 0.07 * _noise(rng, 1.2, 40) + 0.05 * _noise(rng, 6, 60))


def _fabric(rng: np.random.Generator, color: Color) -> Image:
    v, u = np.mgrid[:TILE, :TILE]
    weave = ((u // 2 + v // 2) % 2) * 2.0 - 1
    return _shade(color, 1 + 0.05 * weave + 0.08 * _noise(rng, 1, 1) + 0.04 * _noise(rng, 20, 20))


def _planks(rng: np.random.Generator, color: Color) -> Image:
    v, u = np.mgrid[:TILE, :TILE]
    board = v // 32
    tone = rng.uniform(0.85, 1.12, 16)[board * 2 + ((u + board * 80) % TILE > 128)]
    seam = np.where(v % 32 < 1, 0.6, 1.0)
    return _shade(color, tone * seam * (1 + 0.06 * _noise(rng, 1.2, 30)))


def _tiles(rng: np.random.Generator, color: Color) -> Image:
    v, u = np.mgrid[:TILE, :TILE]
    joint = (u % 64 < 2) | (v % 64 < 2)
    tone = rng.uniform(0.95, 1.04, 16)[(v // 64) * 4 + u // 64]
    return _shade(color, np.where(joint, 0.72, tone) * (1 + 0.01 * _noise(rng, 3, 3)))


def _checks(rng: np.random.Generator, color: Color) -> Image:
    v, u = np.mgrid[:TILE, :TILE]
    tone = np.where((u // 64 + v // 64) % 2 == 0, 1.15, 0.62)
    return _shade(color, tone * (1 + 0.03 * _noise(rng, 2, 2)))


def _stripes(rng: np.random.Generator, color: Color) -> Image:
    _, u = np.mgrid[:TILE, :TILE]
    return _shade(color, np.where((u // 16) % 4 == 0, 0.8, 1.03) * (1 + 0.03 * _noise(rng, 2, 2)))


def _leaves(rng: np.random.Generator, color: Color) -> Image:
    return _shade(color, 1 + 0.28 * np.sign(_noise(rng, 4, 4)) + 0.08 * _noise(rng, 2, 2))


def _sky(rng: np.random.Generator, color: Color) -> Image:
    v, _ = np.mgrid[:TILE, :TILE]
    return _shade(color, 0.98 + 0.05 * np.cos(v * 2 * np.pi / TILE) + 0.03 * _noise(rng, 30, 40))


def _art(rng: np.random.Generator, color: Color) -> Image:
    image = _shade(color, 1 + 0.15 * _noise(rng, 30, 30))
    for _ in range(30):
        v, u = rng.integers(0, TILE, 2)
        height, width = rng.integers(8, 60, 2)
        image[v : v + height, u : u + width] = rng.uniform(40, 235, 3)
    return np.asarray(image)


def _books(rng: np.random.Generator, color: Color) -> Image:
    """Upright spines of changing colour and width."""
    image = np.empty((TILE, TILE, 3))
    u = 0
    while u < TILE:
        width = int(rng.integers(4, 12))
        spine = np.clip(np.array(color) + rng.uniform(-70, 90, 3), 15, 240)
        image[:, u : u + width] = spine
        image[:, u : u + 1] = spine * 0.5
        u += width
    return image
