"""Small objects of a home or an office, each made of boxes, prisms and ellipsoids.

Sizes are usual ones in metres and vary with the generator. Undersides lie at z = 0, fronts look
along +y.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hydra_mono.simulation.furniture.parts import box, disc
from hydra_mono.simulation.shapes import Part, Vector

PAINTS = 24  # finishes of small objects in a world
ItemBuilder = Callable[[np.random.Generator], list[Part]]


@dataclass(frozen=True, slots=True)
class ItemKind:
    """``flat``: others may lie on it."""

    label: str
    build: ItemBuilder
    flat: bool = False


def paint(rng: np.random.Generator) -> str:
    """One of the world's finishes of small objects."""
    return f"paint{rng.integers(PAINTS)}"


def _size(rng: np.random.Generator, lower: Vector, upper: Vector) -> Vector:
    x, y, z = rng.uniform(lower, upper)
    return float(x), float(y), float(z)


def _book(rng: np.random.Generator) -> list[Part]:
    x, y, z = _size(rng, (0.12, 0.18, 0.01), (0.22, 0.3, 0.05))
    cover = paint(rng)
    return [
        box(0, 0, 0, (x, y, 0.003), cover),
        box(0.004, 0, 0.003, (x - 0.01, y - 0.01, z), "white"),
        box(0, 0, z + 0.003, (x, y, 0.003), cover),
    ]


def _upright_books(rng: np.random.Generator) -> list[Part]:
    """A row of spines, as on a shelf."""
    parts, left = [], 0.0
    for _ in range(int(rng.integers(3, 12))):
        thick, deep, tall = _size(rng, (0.012, 0.13, 0.17), (0.05, 0.2, 0.28))
        parts.append(box(left + thick / 2, 0, 0, (thick, deep, tall), paint(rng)))
        left += thick + 0.001
    return parts


def _papers(rng: np.random.Generator) -> list[Part]:
    high = float(rng.choice([0.002, 0.004, 0.02]))
    sheet = str(rng.choice(["white", "white", "wall4", paint(rng)]))
    return [box(0, 0, 0, (0.21, 0.297, high), sheet)]


def _cup(rng: np.random.Generator) -> list[Part]:
    across, tall = float(rng.uniform(0.06, 0.09)), float(rng.uniform(0.07, 0.13))
    glaze = str(rng.choice(["ceramic", paint(rng)]))
    handle = box(0.5 * across + 0.012, 0, 0.25 * tall, (0.025, 0.012, 0.5 * tall), glaze)
    return [disc(0, 0, 0, across, tall, glaze, float(rng.uniform(1.0, 1.25))), handle]


def _bottle(rng: np.random.Generator) -> list[Part]:
    across, tall = float(rng.uniform(0.05, 0.1)), float(rng.uniform(0.15, 0.32))
    glass = paint(rng)
    return [
        disc(0, 0, 0, across, 0.7 * tall, glass),
        disc(0, 0, 0.7 * tall, across, 0.15 * tall, glass, 0.35),
        disc(0, 0, 0.85 * tall, 0.35 * across, 0.15 * tall, "white"),
    ]


def _bowl(rng: np.random.Generator) -> list[Part]:
    return [disc(0, 0, 0, float(rng.uniform(0.07, 0.14)), 0.07, paint(rng), 1.7)]


def _can(rng: np.random.Generator) -> list[Part]:
    return [
        disc(0, 0, 0, float(rng.uniform(0.06, 0.12)), float(rng.uniform(0.08, 0.2)), paint(rng))
    ]


def _pencils(rng: np.random.Generator) -> list[Part]:
    parts = [disc(0, 0, 0, 0.08, 0.1, paint(rng))]
    for x, y in rng.uniform(-0.025, 0.025, (4, 2)):
        parts.append(disc(float(x), float(y), 0.1, 0.008, 0.07, paint(rng)))
    return parts


def _keyboard(rng: np.random.Generator) -> list[Part]:
    body, keys = ("dark", "metal") if rng.random() < 0.6 else ("white", "metal")
    parts = [box(0, 0, 0, (0.44, 0.15, 0.018), body)]
    for row in range(4):
        parts.append(box(-0.03, -0.05 + 0.032 * row, 0.018, (0.34, 0.024, 0.006), keys))
    return parts


def _mouse(rng: np.random.Generator) -> list[Part]:
    return [
        Part("ellipsoid", (0, 0, 0.018), (0.06, 0.11, 0.036), str(rng.choice(["dark", "white"])))
    ]


def _laptop(rng: np.random.Generator) -> list[Part]:
    shell = str(rng.choice(["dark", "metal", "white"]))
    return [
        box(0, 0, 0, (0.34, 0.24, 0.02), shell),
        box(0, -0.02, 0.02, (0.3, 0.12, 0.002), "dark"),
        box(0, -0.125, 0.02, (0.34, 0.012, 0.23), shell),
        box(0, -0.117, 0.035, (0.31, 0.004, 0.2), "screen"),
    ]


def _monitor(rng: np.random.Generator) -> list[Part]:
    wide = float(rng.uniform(0.38, 0.65))
    tall, foot = wide * float(rng.uniform(0.6, 0.8)), float(rng.uniform(0.06, 0.14))
    case = str(rng.choice(["dark", "dark", "wall1", "metal"]))
    deep = float(rng.choice([0.04, 0.06, 0.35]))  # one of three is a tube's
    return [
        box(0, 0, 0, (0.5 * wide, 0.2, 0.02), case),
        box(0, -0.02, 0.02, (0.07, 0.05, foot), case),
        box(0, -deep / 2, foot, (wide, deep, tall), case),
        box(0, 0.003, foot + 0.03, (wide - 0.05, 0.006, tall - 0.06), "screen"),
    ]


def _telephone(rng: np.random.Generator) -> list[Part]:
    case = str(rng.choice(["dark", "white", paint(rng)]))
    return [
        box(0, 0, 0, (0.18, 0.2, 0.05), case),
        box(-0.06, 0, 0.05, (0.045, 0.19, 0.03), case),
    ]


def _cable(rng: np.random.Generator) -> list[Part]:
    """Pieces at right angles, thin and dark."""
    parts, x, y = [], 0.0, 0.0
    for step in range(int(rng.integers(3, 8))):
        long = float(rng.uniform(0.06, 0.3)) * float(rng.choice([-1, 1]))
        middle = (x + long / 2, y) if step % 2 else (x, y + long / 2)
        size = (abs(long), 0.008, 0.008) if step % 2 else (0.008, abs(long), 0.008)
        parts.append(box(*middle, 0, size, "dark"))
        x, y = (x + long, y) if step % 2 else (x, y + long)
    return parts


def _small_box(rng: np.random.Generator) -> list[Part]:
    size = _size(rng, (0.08, 0.08, 0.04), (0.35, 0.3, 0.28))
    return [box(0, 0, 0, size, str(rng.choice(["cardboard", paint(rng)])))]


def _desk_lamp(rng: np.random.Generator) -> list[Part]:
    steel, tall = str(rng.choice(["metal", "dark", paint(rng)])), float(rng.uniform(0.3, 0.5))
    return [
        disc(0, 0, 0, 0.16, 0.025, steel),
        disc(0, -0.03, 0.025, 0.02, tall, steel),
        box(0, 0.08, tall, (0.02, 0.22, 0.02), steel),
        disc(0, 0.18, tall - 0.09, 0.16, 0.1, steel, 0.5),
    ]


def _pot_plant(rng: np.random.Generator) -> list[Part]:
    crown = float(rng.uniform(0.14, 0.35))
    parts = [disc(0, 0, 0, 0.5 * crown, 0.12, str(rng.choice(["terracotta", "ceramic"])), 1.25)]
    for x, y, z in rng.uniform(-0.25, 0.25, (4, 3)) * crown:
        middle = (float(x), float(y), 0.12 + 0.5 * crown + float(z))
        parts.append(Part("ellipsoid", middle, (0.6 * crown,) * 3, "leaf"))
    return parts


def _frame(rng: np.random.Generator) -> list[Part]:
    wide, tall = float(rng.uniform(0.1, 0.25)), float(rng.uniform(0.12, 0.3))
    return [
        box(0, 0, 0, (wide, 0.02, tall), f"wood{rng.integers(4)}"),
        box(0, 0.011, 0.015, (wide - 0.03, 0.003, tall - 0.03), f"art{rng.integers(4)}"),
    ]


def _bag(rng: np.random.Generator) -> list[Part]:
    x, y, z = _size(rng, (0.25, 0.12, 0.25), (0.5, 0.28, 0.45))
    cloth = paint(rng)
    strap = box(0, 0, 0.9 * z, (0.5 * x, 0.02, 0.12), cloth)
    return [
        box(0, 0, 0, (x, y, 0.6 * z), cloth),
        _lump((0, 0, 0.6 * z), (x, y, 0.8 * z), cloth),
        strap,
    ]


def _clothes(rng: np.random.Generator) -> list[Part]:
    """A heap: a few flattened lumps."""
    parts = []
    for x, y in rng.uniform(-0.18, 0.18, (int(rng.integers(2, 6)), 2)):
        size = _size(rng, (0.2, 0.2, 0.06), (0.5, 0.45, 0.2))
        parts.append(_lump((float(x), float(y), size[2] / 2), size, paint(rng)))
    return parts


def _lump(center: Vector, size: Vector, cloth: str) -> Part:
    return Part("ellipsoid", center, size, cloth)


def _pillow(rng: np.random.Generator) -> list[Part]:
    x, y, z = _size(rng, (0.35, 0.3, 0.1), (0.7, 0.5, 0.2))
    return [_lump((0, 0, z / 2), (x, y, z), str(rng.choice(["white", paint(rng)])))]


def _towel(rng: np.random.Generator) -> list[Part]:
    return [box(0, 0, 0, _size(rng, (0.25, 0.2, 0.02), (0.45, 0.35, 0.12)), paint(rng))]


def _shoes(rng: np.random.Generator) -> list[Part]:
    leather = paint(rng)
    pair = [(x, 0.0) for x in (-0.07, 0.07)]
    soles = [box(x, y, 0, (0.1, 0.28, 0.05), leather) for x, y in pair]
    return [*soles, *(_lump((x, y - 0.06, 0.06), (0.1, 0.15, 0.12), leather) for x, y in pair)]


KINDS: dict[str, ItemKind] = {
    "book": ItemKind("books", _book, flat=True),
    "upright books": ItemKind("books", _upright_books),
    "papers": ItemKind("paper", _papers, flat=True),
    "cup": ItemKind("small object", _cup),
    "bottle": ItemKind("small object", _bottle),
    "bowl": ItemKind("small object", _bowl),
    "can": ItemKind("small object", _can),
    "pencils": ItemKind("small object", _pencils),
    "keyboard": ItemKind("small object", _keyboard),
    "mouse": ItemKind("small object", _mouse),
    "laptop": ItemKind("small object", _laptop),
    "monitor": ItemKind("monitor", _monitor),
    "telephone": ItemKind("small object", _telephone),
    "cable": ItemKind("small object", _cable),
    "small box": ItemKind("box", _small_box, flat=True),
    "desk lamp": ItemKind("lamp", _desk_lamp),
    "pot plant": ItemKind("plant", _pot_plant),
    "frame": ItemKind("picture", _frame),
    "bag": ItemKind("bag", _bag),
    "clothes": ItemKind("clothes", _clothes),
    "pillow": ItemKind("pillow", _pillow),
    "towel": ItemKind("towel", _towel),
    "shoes": ItemKind("small object", _shoes),
}
