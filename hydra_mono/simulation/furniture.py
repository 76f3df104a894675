"""Things of a home with their usual sizes, each made of boxes, prisms and ellipsoids.

Backs lie towards -y and fronts towards +y. Sizes vary a little with the generator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.shapes import Part, Thing, make_thing


@dataclass(frozen=True, slots=True)
class Style:
    """The materials that the things of one room share."""

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


def build(kind: str, rng: np.random.Generator, style: Style, labels: LabelSpace) -> Thing:
    """A thing of this kind at the origin; ``kind`` is a label's name or one of its variants."""
    builder = BUILDERS[kind]
    name = VARIANTS.get(kind, kind)
    label = next(label.id for label in labels.labels if label.name == name)
    return make_thing(name, label, builder(rng, style))


def _box(
    x: float, y: float, bottom: float, size: tuple[float, float, float], material: str
) -> Part:
    return Part("box", (x, y, bottom + size[2] / 2), size, material)


def _round(
    x: float, y: float, bottom: float, across: float, height: float, material: str, top: float = 1.0
) -> Part:  # ruff: noqa: PLR0913
    return Part("cylinder", (x, y, bottom + height / 2), (across, across, height), material, top)


def _legs(width: float, depth: float, height: float, thick: float, material: str) -> list[Part]:
    x, y = width / 2 - thick / 2 - 0.01, depth / 2 - thick / 2 - 0.01
    size = (thick, thick, height)
    return [_box(sx * x, sy * y, 0, size, material) for sx in (-1, 1) for sy in (-1, 1)]


def _chair(rng: np.random.Generator, style: Style) -> list[Part]:
    wide, seat = 0.44, float(rng.uniform(0.44, 0.47))
    back = float(rng.uniform(0.38, 0.48))
    return [
        *_legs(wide, wide, seat, 0.04, style.wood),
        _box(0, 0, seat, (wide, wide, 0.05), style.fabric),
        _box(0, -wide / 2 + 0.025, seat + 0.05, (wide, 0.05, back), style.wood),
    ]


def _office_chair(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        _round(0, 0, 0, 0.56, 0.07, "dark", 0.5),
        _round(0, 0, 0.07, 0.07, 0.37, "metal"),
        _box(0, 0, 0.44, (0.48, 0.46, 0.08), style.fabric),
        _box(0, -0.22, 0.52, (0.44, 0.06, 0.5), style.fabric),
    ]


def _table_of(width: float, depth: float, height: float, wood: str) -> list[Part]:
    return [
        _box(0, 0, height - 0.04, (width, depth, 0.04), wood),
        *_legs(width, depth, height - 0.04, 0.07, wood),
    ]


def _dining_table(rng: np.random.Generator, style: Style) -> list[Part]:
    return _table_of(float(rng.uniform(1.5, 1.7)), 0.85, 0.75, style.wood)


def _coffee_table(rng: np.random.Generator, style: Style) -> list[Part]:
    return _table_of(float(rng.uniform(0.8, 1.1)), 0.55, 0.42, style.wood)


def _round_table(rng: np.random.Generator, style: Style) -> list[Part]:
    across = float(rng.uniform(0.7, 0.9))
    return [
        _round(0, 0, 0, 0.45, 0.04, "dark"),
        _round(0, 0, 0.04, 0.09, 0.66, "dark"),
        _round(0, 0, 0.7, across, 0.04, style.wood),
    ]


def _desk(rng: np.random.Generator, style: Style) -> list[Part]:
    width = float(rng.uniform(1.2, 1.5))
    return [
        _box(0, 0, 0.7, (width, 0.7, 0.04), style.wood),
        _box(-width / 2 + 0.03, 0, 0, (0.05, 0.66, 0.7), style.wood),
        _box(width / 2 - 0.22, 0, 0, (0.42, 0.64, 0.7), "white"),
    ]


def _sofa(rng: np.random.Generator, style: Style) -> list[Part]:
    return _seat(float(rng.uniform(1.8, 2.2)), 0.9, style.fabric)


def _armchair(rng: np.random.Generator, style: Style) -> list[Part]:
    return _seat(float(rng.uniform(0.8, 0.9)), 0.85, f"fabric{rng.integers(8)}")


def _seat(width: float, depth: float, fabric: str) -> list[Part]:
    return [
        _box(0, 0, 0.03, (width, depth, 0.39), fabric),
        _box(0, -depth / 2 + 0.11, 0.42, (width - 0.36, 0.22, 0.42), fabric),
        _box(-width / 2 + 0.09, 0, 0.42, (0.18, depth, 0.2), fabric),
        _box(width / 2 - 0.09, 0, 0.42, (0.18, depth, 0.2), fabric),
    ]


def _bed(rng: np.random.Generator, style: Style) -> list[Part]:
    return _bed_of(float(rng.uniform(1.4, 1.7)), style, pillows=2)


def _single_bed(rng: np.random.Generator, style: Style) -> list[Part]:
    return _bed_of(0.95, style, pillows=1)


def _bed_of(width: float, style: Style, pillows: int) -> list[Part]:
    places = [0.0] if pillows == 1 else [-width / 4, width / 4]
    return [
        _box(0, -1.0, 0, (width, 0.06, 0.95), style.wood),
        _box(0, 0.03, 0, (width, 2.0, 0.28), style.wood),
        _box(0, 0.03, 0.28, (width - 0.06, 1.96, 0.22), style.bedding),
        *(_box(x, -0.75, 0.5, (0.6, 0.35, 0.1), "white") for x in places),
    ]


def _cabinet(rng: np.random.Generator, style: Style) -> list[Part]:
    return _cupboard(float(rng.uniform(0.8, 1.1)), 0.42, float(rng.uniform(0.9, 1.3)), style.wood)


def _wardrobe(rng: np.random.Generator, style: Style) -> list[Part]:
    return _cupboard(float(rng.uniform(1.1, 1.6)), 0.6, float(rng.uniform(1.9, 2.1)), style.wood)


def _cupboard(width: float, depth: float, height: float, wood: str) -> list[Part]:
    """A body with two doors and their handles standing proud."""
    front = depth / 2
    return [
        _box(0, 0, 0, (width, depth, height), wood),
        _box(-width / 4, front + 0.01, 0.06, (width / 2 - 0.03, 0.02, height - 0.1), wood),
        _box(width / 4, front + 0.01, 0.06, (width / 2 - 0.03, 0.02, height - 0.1), wood),
        _box(-0.05, front + 0.03, height * 0.45, (0.015, 0.02, 0.16), "metal"),
        _box(0.05, front + 0.03, height * 0.45, (0.015, 0.02, 0.16), "metal"),
    ]


def _drawers(width: float, depth: float, height: float, count: int, wood: str) -> list[Part]:
    step = (height - 0.08) / count
    parts = [_box(0, 0, 0, (width, depth, height), wood)]
    for i in range(count):
        bottom = 0.06 + i * step
        parts.append(_box(0, depth / 2 + 0.01, bottom, (width - 0.06, 0.02, step - 0.03), wood))
        parts.append(_box(0, depth / 2 + 0.03, bottom + step / 2, (0.14, 0.02, 0.02), "metal"))
    return parts


def _dresser(rng: np.random.Generator, style: Style) -> list[Part]:
    return _drawers(
        float(rng.uniform(0.9, 1.2)), 0.45, float(rng.uniform(0.8, 0.95)), 3, style.wood
    )


def _nightstand(rng: np.random.Generator, style: Style) -> list[Part]:
    return _drawers(0.42, 0.36, float(rng.uniform(0.48, 0.56)), 2, style.wood)


def _bookshelf(rng: np.random.Generator, style: Style) -> list[Part]:
    width, depth, height = float(rng.uniform(0.8, 1.0)), 0.3, float(rng.uniform(1.7, 2.0))
    step = (height - 0.04) / 5
    parts = [
        _box(-width / 2 + 0.015, 0, 0, (0.03, depth, height), style.wood),
        _box(width / 2 - 0.015, 0, 0, (0.03, depth, height), style.wood),
        _box(0, -depth / 2 + 0.01, 0, (width - 0.06, 0.02, height), style.wood),
    ]
    for i in range(6):
        parts.append(_box(0, 0.01, i * step, (width - 0.06, depth - 0.02, 0.03), style.wood))
    for i in range(5):
        fill = float(rng.uniform(0.45, 0.95)) * (width - 0.06)
        books = (fill, 0.2, float(rng.uniform(0.6, 0.85)) * (step - 0.03))
        left = -width / 2 + 0.03 + fill / 2
        parts.append(_box(left, -0.03, i * step + 0.03, books, f"books{rng.integers(2)}"))
    return parts


def _floor_lamp(rng: np.random.Generator, style: Style) -> list[Part]:
    height = float(rng.uniform(1.35, 1.55))
    return [
        _round(0, 0, 0, 0.28, 0.04, "metal"),
        _round(0, 0, 0.04, 0.04, height - 0.26, "metal"),
        _round(0, 0, height - 0.22, 0.4, 0.26, "shade", 0.65),
    ]


def _table_lamp(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        _round(0, 0, 0, 0.13, 0.2, "ceramic", 0.5),
        _round(0, 0, 0.2, 0.26, 0.2, "shade", 0.65),
    ]


def _television(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        _box(0, 0, 0, (0.4, 0.2, 0.03), "dark"),
        _box(0, 0, 0.03, (0.12, 0.05, 0.05), "dark"),
        _box(0, 0, 0.08, (float(rng.uniform(0.95, 1.2)), 0.06, 0.6), "screen"),
    ]


def _monitor(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        _box(0, 0, 0, (0.24, 0.18, 0.02), "dark"),
        _box(0, -0.03, 0.02, (0.06, 0.04, 0.14), "dark"),
        _box(0, 0, 0.12, (0.56, 0.05, 0.34), "screen"),
    ]


def _tv_bench(rng: np.random.Generator, style: Style) -> list[Part]:
    return _cupboard(float(rng.uniform(1.3, 1.6)), 0.42, 0.45, style.wood)


def _refrigerator(rng: np.random.Generator, style: Style) -> list[Part]:
    height = float(rng.uniform(1.7, 1.85))
    return [
        _box(0, 0, 0, (0.62, 0.6, height), "white"),
        _box(0, 0.32, 0.05, (0.6, 0.04, 0.62), "white"),
        _box(0, 0.32, 0.69, (0.6, 0.04, height - 0.72), "white"),
        _box(-0.24, 0.36, 0.85, (0.03, 0.04, 0.4), "metal"),
    ]


def _oven(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        _box(0, 0, 0, (0.6, 0.6, 0.9), "steel"),
        _box(0, 0.31, 0.18, (0.5, 0.02, 0.42), "dark"),
        _box(0, 0.33, 0.66, (0.46, 0.03, 0.03), "metal"),
        *(_round(x, y, 0.9, 0.18, 0.015, "dark") for x in (-0.15, 0.15) for y in (-0.15, 0.13)),
    ]


def _counter(rng: np.random.Generator, style: Style) -> list[Part]:
    width = float(rng.uniform(0.9, 1.3))
    return [
        _box(0, 0, 0, (width, 0.56, 0.86), "white"),
        _box(0, 0.01, 0.86, (width, 0.62, 0.04), style.wood),
        _box(-width / 4, 0.29, 0.08, (width / 2 - 0.03, 0.02, 0.74), "white"),
        _box(width / 4, 0.29, 0.08, (width / 2 - 0.03, 0.02, 0.74), "white"),
    ]


def _kitchen_sink(rng: np.random.Generator, style: Style) -> list[Part]:
    """A cupboard with a basin: the rim stands round a hollow."""
    return [
        _box(0, 0, 0, (0.7, 0.58, 0.72), "white"),
        *_basin(0.7, 0.58, 0.72, 0.18, 0.1, "steel"),
        _round(0, -0.23, 0.9, 0.035, 0.22, "metal"),
    ]


def _basin(
    width: float, depth: float, bottom: float, height: float, rim: float, material: str
) -> list[Part]:
    side = (rim, depth - 2 * rim, height)
    return [
        _box(0, -depth / 2 + rim / 2, bottom, (width, rim, height), material),
        _box(0, depth / 2 - rim / 2, bottom, (width, rim, height), material),
        _box(-width / 2 + rim / 2, 0, bottom, side, material),
        _box(width / 2 - rim / 2, 0, bottom, side, material),
    ]


def _wash_basin(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        _round(0, -0.05, 0, 0.2, 0.68, "ceramic"),
        _box(0, 0, 0.68, (0.55, 0.45, 0.06), "ceramic"),
        *_basin(0.55, 0.45, 0.74, 0.12, 0.07, "ceramic"),
        _round(0, -0.19, 0.86, 0.03, 0.14, "metal"),
    ]


def _toilet(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        _box(0, -0.24, 0.36, (0.38, 0.18, 0.4), "ceramic"),
        _round(0, 0.1, 0, 0.3, 0.36, "ceramic", 1.3),
        _box(0, -0.2, 0, (0.24, 0.24, 0.36), "ceramic"),
        _round(0, 0.1, 0.36, 0.4, 0.06, "white"),
    ]


def _bathtub(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        _box(0, 0, 0, (1.6, 0.72, 0.16), "ceramic"),
        *_basin(1.6, 0.72, 0.16, 0.4, 0.07, "ceramic"),
    ]


def _plant(rng: np.random.Generator, style: Style) -> list[Part]:
    crown = float(rng.uniform(0.5, 0.65))
    return [
        _round(0, 0, 0, 0.26, 0.3, "terracotta", 1.3),
        _round(0, 0, 0.3, 0.06, 0.3, "soil"),
        Part("ellipsoid", (0, 0, 0.5 + crown / 2), (crown, crown, crown * 1.1), "leaf"),
        Part("ellipsoid", (0.1, 0.06, 0.45 + crown), (crown / 2, crown / 2, crown / 2), "leaf"),
    ]


def _cardboard_box(rng: np.random.Generator, style: Style) -> list[Part]:
    x, y, z = rng.uniform((0.35, 0.3, 0.25), (0.55, 0.45, 0.45))
    return [_box(0, 0, 0, (float(x), float(y), float(z)), "cardboard")]


def _bin(rng: np.random.Generator, style: Style) -> list[Part]:
    return [_round(0, 0, 0, 0.25, float(rng.uniform(0.35, 0.5)), "dark", 1.2)]


def _picture(rng: np.random.Generator, style: Style) -> list[Part]:
    width, height = float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.45, 0.7))
    return [
        _box(0, 0, 0, (width, 0.03, height), style.wood),
        _box(0, 0.018, 0.04, (width - 0.08, 0.006, height - 0.08), f"art{rng.integers(4)}"),
    ]


def _bench(rng: np.random.Generator, style: Style) -> list[Part]:
    return _table_of(float(rng.uniform(0.9, 1.2)), 0.36, 0.45, style.wood)


def _washing_machine(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        _box(0, 0, 0, (0.6, 0.58, 0.85), "white"),
        _box(0, 0.3, 0.24, (0.34, 0.02, 0.34), "dark"),
        _box(0, 0.3, 0.72, (0.5, 0.02, 0.09), "metal"),
    ]


def _stool(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        *_legs(0.3, 0.3, 0.42, 0.035, style.wood),
        _round(0, 0, 0.42, 0.36, 0.05, style.wood),
    ]


def _radiator(rng: np.random.Generator, style: Style) -> list[Part]:
    width = float(rng.uniform(0.8, 1.1))
    fins = [
        _box(float(x), 0.045, 0.14, (0.04, 0.03, 0.46), "white")
        for x in np.linspace(-width / 2 + 0.05, width / 2 - 0.05, 8)
    ]
    return [_box(0, 0, 0.1, (width, 0.06, 0.54), "white"), *fins]


Builder = Callable[[np.random.Generator, Style], list[Part]]
BUILDERS: dict[str, Builder] = {
    "chair": _chair,
    "office chair": _office_chair,
    "table": _dining_table,
    "coffee table": _coffee_table,
    "round table": _round_table,
    "desk": _desk,
    "sofa": _sofa,
    "armchair": _armchair,
    "bed": _bed,
    "single bed": _single_bed,
    "cabinet": _cabinet,
    "wardrobe": _wardrobe,
    "dresser": _dresser,
    "nightstand": _nightstand,
    "bookshelf": _bookshelf,
    "lamp": _floor_lamp,
    "table lamp": _table_lamp,
    "television": _television,
    "monitor": _monitor,
    "tv bench": _tv_bench,
    "refrigerator": _refrigerator,
    "oven": _oven,
    "counter": _counter,
    "sink": _kitchen_sink,
    "wash basin": _wash_basin,
    "toilet": _toilet,
    "bathtub": _bathtub,
    "plant": _plant,
    "box": _cardboard_box,
    "bin": _bin,
    "picture": _picture,
    "bench": _bench,
    "washing machine": _washing_machine,
    "stool": _stool,
    "radiator": _radiator,
}
VARIANTS = {
    "office chair": "chair",
    "coffee table": "table",
    "round table": "table",
    "single bed": "bed",
    "table lamp": "lamp",
    "tv bench": "cabinet",
    "wash basin": "sink",
}
