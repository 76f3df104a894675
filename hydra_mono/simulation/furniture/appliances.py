"""Objects with a plug or a pipe, with their usual sizes."""

import numpy as np

from hydra_mono.simulation.furniture.parts import Builder, Style, box, disc
from hydra_mono.simulation.shapes import Part


def _television(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        box(0, 0, 0, (0.4, 0.2, 0.03), "dark"),
        box(0, 0, 0.03, (0.12, 0.05, 0.05), "dark"),
        box(0, 0, 0.08, (float(rng.uniform(0.95, 1.2)), 0.06, 0.6), "screen"),
    ]


def _monitor(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        box(0, 0, 0, (0.24, 0.18, 0.02), "dark"),
        box(0, -0.03, 0.02, (0.06, 0.04, 0.14), "dark"),
        box(0, 0, 0.12, (0.56, 0.05, 0.34), "screen"),
    ]


def _refrigerator(rng: np.random.Generator, style: Style) -> list[Part]:
    height = float(rng.uniform(1.7, 1.85))
    return [
        box(0, 0, 0, (0.62, 0.6, height), "white"),
        box(0, 0.32, 0.05, (0.6, 0.04, 0.62), "white"),
        box(0, 0.32, 0.69, (0.6, 0.04, height - 0.72), "white"),
        box(-0.24, 0.36, 0.85, (0.03, 0.04, 0.4), "metal"),
    ]


def _oven(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        box(0, 0, 0, (0.6, 0.6, 0.9), "steel"),
        box(0, 0.31, 0.18, (0.5, 0.02, 0.42), "dark"),
        box(0, 0.33, 0.66, (0.46, 0.03, 0.03), "metal"),
        *(disc(x, y, 0.9, 0.18, 0.015, "dark") for x in (-0.15, 0.15) for y in (-0.15, 0.13)),
    ]


def _counter(rng: np.random.Generator, style: Style) -> list[Part]:
    width = float(rng.uniform(0.9, 1.3))
    return [
        box(0, 0, 0, (width, 0.56, 0.86), "white"),
        box(0, 0.01, 0.86, (width, 0.62, 0.04), style.wood),
        box(-width / 4, 0.29, 0.08, (width / 2 - 0.03, 0.02, 0.74), "white"),
        box(width / 4, 0.29, 0.08, (width / 2 - 0.03, 0.02, 0.74), "white"),
    ]


def _kitchen_sink(rng: np.random.Generator, style: Style) -> list[Part]:
    """A cupboard with a basin: the rim stands round a hollow."""
    return [
        box(0, 0, 0, (0.7, 0.58, 0.72), "white"),
        *_basin(0.7, 0.58, 0.72, 0.18, 0.1, "steel"),
        disc(0, -0.23, 0.9, 0.035, 0.22, "metal"),
    ]


def _basin(
    width: float, depth: float, bottom: float, height: float, rim: float, material: str
) -> list[Part]:
    side = (rim, depth - 2 * rim, height)
    return [
        box(0, -depth / 2 + rim / 2, bottom, (width, rim, height), material),
        box(0, depth / 2 - rim / 2, bottom, (width, rim, height), material),
        box(-width / 2 + rim / 2, 0, bottom, side, material),
        box(width / 2 - rim / 2, 0, bottom, side, material),
    ]


def _wash_basin(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        disc(0, -0.05, 0, 0.2, 0.68, "ceramic"),
        box(0, 0, 0.68, (0.55, 0.45, 0.06), "ceramic"),
        *_basin(0.55, 0.45, 0.74, 0.12, 0.07, "ceramic"),
        disc(0, -0.19, 0.86, 0.03, 0.14, "metal"),
    ]


def _toilet(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        box(0, -0.24, 0.36, (0.38, 0.18, 0.4), "ceramic"),
        disc(0, 0.1, 0, 0.3, 0.36, "ceramic", 1.3),
        box(0, -0.2, 0, (0.24, 0.24, 0.36), "ceramic"),
        disc(0, 0.1, 0.36, 0.4, 0.06, "white"),
    ]


def _bathtub(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        box(0, 0, 0, (1.6, 0.72, 0.16), "ceramic"),
        *_basin(1.6, 0.72, 0.16, 0.4, 0.07, "ceramic"),
    ]


def _washing_machine(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        box(0, 0, 0, (0.6, 0.58, 0.85), "white"),
        box(0, 0.3, 0.24, (0.34, 0.02, 0.34), "dark"),
        box(0, 0.3, 0.72, (0.5, 0.02, 0.09), "metal"),
    ]


def _radiator(rng: np.random.Generator, style: Style) -> list[Part]:
    width = float(rng.uniform(0.8, 1.1))
    fins = [
        box(float(x), 0.045, 0.14, (0.04, 0.03, 0.46), "white")
        for x in np.linspace(-width / 2 + 0.05, width / 2 - 0.05, 8)
    ]
    return [box(0, 0, 0.1, (width, 0.06, 0.54), "white"), *fins]


APPLIANCES: dict[str, Builder] = {
    "television": _television,
    "monitor": _monitor,
    "refrigerator": _refrigerator,
    "oven": _oven,
    "counter": _counter,
    "sink": _kitchen_sink,
    "wash basin": _wash_basin,
    "toilet": _toilet,
    "bathtub": _bathtub,
    "washing machine": _washing_machine,
    "radiator": _radiator,
}
