"""Building blocks of furniture: parts with their undersides at a height, and shared looks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hydra_mono.simulation.shapes import Part


@dataclass(frozen=True, slots=True)
class Style:
    """The materials that the objects of one room share."""

    wood: str
    fabric: str
    bedding: str
    art: str


def make_style(rng: np.random.Generator) -> Style:
    return Style(
        wood=f"wood{rng.integers(4)}",
        fabric=f"fabric{rng.integers(8)}",
        bedding=f"bedding{rng.integers(3)}",
        art=f"art{rng.integers(4)}",
    )


Builder = Callable[[np.random.Generator, Style], list[Part]]


def box(x: float, y: float, bottom: float, size: tuple[float, float, float], material: str) -> Part:
    return Part("box", (x, y, bottom + size[2] / 2), size, material)


def disc(
    x: float, y: float, bottom: float, across: float, height: float, material: str, top: float = 1.0
) -> Part:
    return Part("cylinder", (x, y, bottom + height / 2), (across, across, height), material, top)


def legs(width: float, depth: float, height: float, thick: float, material: str) -> list[Part]:
    x, y = width / 2 - thick / 2 - 0.01, depth / 2 - thick / 2 - 0.01
    size = (thick, thick, height)
    return [box(sx * x, sy * y, 0, size, material) for sx in (-1, 1) for sy in (-1, 1)]


def slab_on_legs(width: float, depth: float, height: float, wood: str) -> list[Part]:
    return [
        box(0, 0, height - 0.04, (width, depth, 0.04), wood),
        *legs(width, depth, height - 0.04, 0.07, wood),
    ]
