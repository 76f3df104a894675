"""Objects of a home with their usual sizes, each made of boxes, prisms and ellipsoids.

Backs lie towards -y and fronts towards +y. Sizes vary a little with the generator.
"""

import numpy as np

from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.furniture.appliances import APPLIANCES
from hydra_mono.simulation.furniture.parts import Builder, Style, box, disc, slab_on_legs
from hydra_mono.simulation.furniture.seats import SEATS
from hydra_mono.simulation.shapes import Part, SceneObject, make_object


def build(kind: str, rng: np.random.Generator, style: Style, labels: LabelSpace) -> SceneObject:
    """An object of this kind at the origin; ``kind`` is a label's name or one of its variants."""
    builder = BUILDERS[kind]
    name = VARIANTS.get(kind, kind)
    label = next(label.id for label in labels.labels if label.name == name)
    return make_object(name, label, builder(rng, style))


def _dining_table(rng: np.random.Generator, style: Style) -> list[Part]:
    return slab_on_legs(float(rng.uniform(1.5, 1.7)), 0.85, 0.75, style.wood)


def _coffee_table(rng: np.random.Generator, style: Style) -> list[Part]:
    return slab_on_legs(float(rng.uniform(0.8, 1.1)), 0.55, 0.42, style.wood)


def _round_table(rng: np.random.Generator, style: Style) -> list[Part]:
    across = float(rng.uniform(0.7, 0.9))
    return [
        disc(0, 0, 0, 0.45, 0.04, "dark"),
        disc(0, 0, 0.04, 0.09, 0.66, "dark"),
        disc(0, 0, 0.7, across, 0.04, style.wood),
    ]


def _desk(rng: np.random.Generator, style: Style) -> list[Part]:
    width = float(rng.uniform(1.2, 1.5))
    return [
        box(0, 0, 0.7, (width, 0.7, 0.04), style.wood),
        box(-width / 2 + 0.03, 0, 0, (0.05, 0.66, 0.7), style.wood),
        box(width / 2 - 0.22, 0, 0, (0.42, 0.64, 0.7), "white"),
    ]


def _cabinet(rng: np.random.Generator, style: Style) -> list[Part]:
    return _cupboard(float(rng.uniform(0.8, 1.1)), 0.42, float(rng.uniform(0.9, 1.3)), style.wood)


def _wardrobe(rng: np.random.Generator, style: Style) -> list[Part]:
    return _cupboard(float(rng.uniform(1.1, 1.6)), 0.6, float(rng.uniform(1.9, 2.1)), style.wood)


def _cupboard(width: float, depth: float, height: float, wood: str) -> list[Part]:
    """A body with two doors and their handles standing proud."""
    front = depth / 2
    return [
        box(0, 0, 0, (width, depth, height), wood),
        box(-width / 4, front + 0.01, 0.06, (width / 2 - 0.03, 0.02, height - 0.1), wood),
        box(width / 4, front + 0.01, 0.06, (width / 2 - 0.03, 0.02, height - 0.1), wood),
        box(-0.05, front + 0.03, height * 0.45, (0.015, 0.02, 0.16), "metal"),
        box(0.05, front + 0.03, height * 0.45, (0.015, 0.02, 0.16), "metal"),
    ]


def _drawers(width: float, depth: float, height: float, count: int, wood: str) -> list[Part]:
    step = (height - 0.08) / count
    parts = [box(0, 0, 0, (width, depth, height), wood)]
    for i in range(count):
        bottom = 0.06 + i * step
        parts.append(box(0, depth / 2 + 0.01, bottom, (width - 0.06, 0.02, step - 0.03), wood))
        parts.append(box(0, depth / 2 + 0.03, bottom + step / 2, (0.14, 0.02, 0.02), "metal"))
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
        box(-width / 2 + 0.015, 0, 0, (0.03, depth, height), style.wood),
        box(width / 2 - 0.015, 0, 0, (0.03, depth, height), style.wood),
        box(0, -depth / 2 + 0.01, 0, (width - 0.06, 0.02, height), style.wood),
    ]
    for i in range(6):
        parts.append(box(0, 0.01, i * step, (width - 0.06, depth - 0.02, 0.03), style.wood))
    for i in range(5):
        fill = float(rng.uniform(0.45, 0.95)) * (width - 0.06)
        books = (fill, 0.2, float(rng.uniform(0.6, 0.85)) * (step - 0.03))
        left = -width / 2 + 0.03 + fill / 2
        parts.append(box(left, -0.03, i * step + 0.03, books, f"books{rng.integers(2)}"))
    return parts


def _floor_lamp(rng: np.random.Generator, style: Style) -> list[Part]:
    height = float(rng.uniform(1.35, 1.55))
    return [
        disc(0, 0, 0, 0.28, 0.04, "metal"),
        disc(0, 0, 0.04, 0.04, height - 0.26, "metal"),
        disc(0, 0, height - 0.22, 0.4, 0.26, "shade", 0.65),
    ]


def _table_lamp(rng: np.random.Generator, style: Style) -> list[Part]:
    return [
        disc(0, 0, 0, 0.13, 0.2, "ceramic", 0.5),
        disc(0, 0, 0.2, 0.26, 0.2, "shade", 0.65),
    ]


def _tv_bench(rng: np.random.Generator, style: Style) -> list[Part]:
    return _cupboard(float(rng.uniform(1.3, 1.6)), 0.42, 0.45, style.wood)


def _plant(rng: np.random.Generator, style: Style) -> list[Part]:
    crown = float(rng.uniform(0.5, 0.65))
    return [
        disc(0, 0, 0, 0.26, 0.3, "terracotta", 1.3),
        disc(0, 0, 0.3, 0.06, 0.3, "soil"),
        Part("ellipsoid", (0, 0, 0.5 + crown / 2), (crown, crown, crown * 1.1), "leaf"),
        Part("ellipsoid", (0.1, 0.06, 0.45 + crown), (crown / 2, crown / 2, crown / 2), "leaf"),
    ]


def _cardboard_box(rng: np.random.Generator, style: Style) -> list[Part]:
    x, y, z = rng.uniform((0.35, 0.3, 0.25), (0.55, 0.45, 0.45))
    return [box(0, 0, 0, (float(x), float(y), float(z)), "cardboard")]


def _bin(rng: np.random.Generator, style: Style) -> list[Part]:
    return [disc(0, 0, 0, 0.25, float(rng.uniform(0.35, 0.5)), "dark", 1.2)]


def _picture(rng: np.random.Generator, style: Style) -> list[Part]:
    width, height = float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.45, 0.7))
    return [
        box(0, 0, 0, (width, 0.03, height), style.wood),
        box(0, 0.018, 0.04, (width - 0.08, 0.006, height - 0.08), f"art{rng.integers(4)}"),
    ]


def _mirror(rng: np.random.Generator, style: Style) -> list[Part]:
    width, height = float(rng.uniform(0.5, 0.8)), float(rng.uniform(0.8, 1.1))
    return [box(0, 0, 0, (width, 0.02, height), "mirror")]


BUILDERS: dict[str, Builder] = {
    **SEATS,
    **APPLIANCES,
    "table": _dining_table,
    "coffee table": _coffee_table,
    "round table": _round_table,
    "desk": _desk,
    "cabinet": _cabinet,
    "wardrobe": _wardrobe,
    "dresser": _dresser,
    "nightstand": _nightstand,
    "bookshelf": _bookshelf,
    "lamp": _floor_lamp,
    "table lamp": _table_lamp,
    "tv bench": _tv_bench,
    "plant": _plant,
    "box": _cardboard_box,
    "bin": _bin,
    "picture": _picture,
    "mirror": _mirror,
}
VARIANTS = {
    "office chair": "chair",
    "coffee table": "table",
    "round table": "table",
    "single bed": "bed",
    "table lamp": "lamp",
    "tv bench": "cabinet",
    "wash basin": "sink",
    "mirror": "wall",  # part of the building
}
