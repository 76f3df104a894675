"""Objects to sit and lie on, with their usual sizes."""

import numpy as np

from hydra_mono.simulation.furniture.parts import Builder, Style, box, disc, legs, slab_on_legs
from hydra_mono.simulation.shapes import Part


def _chair(rng: np.random.Generator, style: Style) -> list[Part]:
    wide, seat = 0.44, float(rng.uniform(0.44, 0.47))
    back = float(rng.uniform(0.38, 0.48))
    return [
        *legs(wide, wide, seat, 0.04, style.wood),
        box(0, 0, seat, (wide, wide, 0.05), style.fabric),
        box(0, -wide / 2 + 0.025, seat + 0.05, (wide, 0.05, back), style.wood),
    ]


def _office_chair(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        disc(0, 0, 0, 0.56, 0.07, "dark", 0.5),
        disc(0, 0, 0.07, 0.07, 0.37, "metal"),
        box(0, 0, 0.44, (0.48, 0.46, 0.08), style.fabric),
        box(0, -0.22, 0.52, (0.44, 0.06, 0.5), style.fabric),
    ]


def _sofa(rng: np.random.Generator, style: Style) -> list[Part]:
    return _seat(float(rng.uniform(1.8, 2.2)), 0.9, style.fabric)


def _armchair(rng: np.random.Generator, style: Style) -> list[Part]:
    return _seat(float(rng.uniform(0.8, 0.9)), 0.85, f"fabric{rng.integers(8)}")


def _seat(width: float, depth: float, fabric: str) -> list[Part]:
    return [
        box(0, 0, 0.03, (width, depth, 0.39), fabric),
        box(0, -depth / 2 + 0.11, 0.42, (width - 0.36, 0.22, 0.42), fabric),
        box(-width / 2 + 0.09, 0, 0.42, (0.18, depth, 0.2), fabric),
        box(width / 2 - 0.09, 0, 0.42, (0.18, depth, 0.2), fabric),
    ]


def _bench(rng: np.random.Generator, style: Style) -> list[Part]:
    return slab_on_legs(float(rng.uniform(0.9, 1.2)), 0.36, 0.45, style.wood)


def _stool(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        *legs(0.3, 0.3, 0.42, 0.035, style.wood),
        disc(0, 0, 0.42, 0.36, 0.05, style.wood),
    ]


def _bed(rng: np.random.Generator, style: Style) -> list[Part]:
    return _bed_of(float(rng.uniform(1.4, 1.7)), style, pillows=2)


def _single_bed(rng: np.random.Generator, style: Style) -> list[Part]:
    return _bed_of(0.95, style, pillows=1)


def _bed_of(width: float, style: Style, pillows: int) -> list[Part]:
    places = [0.0] if pillows == 1 else [-width / 4, width / 4]
    return [
        box(0, -1.0, 0, (width, 0.06, 0.95), style.wood),
        box(0, 0.03, 0, (width, 2.0, 0.28), style.wood),
        box(0, 0.03, 0.28, (width - 0.06, 1.96, 0.22), style.bedding),
        *(box(x, -0.75, 0.5, (0.6, 0.35, 0.1), "white") for x in places),
    ]


SEATS: dict[str, Builder] = {
    "chair": _chair,
    "office chair": _office_chair,
    "sofa": _sofa,
    "armchair": _armchair,
    "bed": _bed,
    "single bed": _single_bed,
    "bench": _bench,
    "stool": _stool,
}
