"""People, pets and robots made of simple solids, in several postures; fronts look along +y."""

import math
from dataclasses import dataclass

import numpy as np

from hydra_mono.simulation.body import BodyKind
from hydra_mono.simulation.shapes import Part, SceneObject, Vector, vector

STRIDES = (-1.0, -0.5, 0.0, 0.5, 1.0)  # how far the left leg is ahead, of half a step
STAND, SIT, CARRY = 2, len(STRIDES), len(STRIDES) + 1  # postures; carrying has strides too
STEP_M = 0.65  # of somebody of 1.7 m; a cycle of two legs is two of them
SEAT_M = 0.45  # height of the seats people sit on
FABRICS = 8  # in every palette


@dataclass(frozen=True, slots=True)
class Figure:
    """One who moves: his postures, and how fast he goes. ``postures[STAND]`` comes first in use.

    ``cycle_m``: how far he goes while his legs go through all strides once.
    """

    kind: BodyKind
    name: str
    postures: tuple[SceneObject, ...]
    speed_m_s: float
    cycle_m: float
    radius_m: float

    @property
    def can_sit(self) -> bool:
        return len(self.postures) > SIT

    @property
    def can_carry(self) -> bool:
        return len(self.postures) > CARRY

    def stride(self, gone_m: float, carries: bool) -> int:
        """The posture of somebody who has gone so far."""
        swing = math.sin(2 * math.pi * gone_m / self.cycle_m)
        stride = int(np.argmin([abs(swing - stride) for stride in STRIDES]))
        return stride + CARRY if carries else stride


@dataclass(frozen=True, slots=True)
class _Looks:
    """Measures of a person in metres, and what he is clothed in."""

    height: float
    girth: float
    shirt: str
    trousers: str
    hair: str

    @property
    def hip(self) -> float:
        return 0.48 * self.height

    @property
    def neck(self) -> float:
        return 0.84 * self.height


def person(rng: np.random.Generator, number: int, label: int, instance: int) -> Figure:
    """Adults, and now and then a child; height, girth, clothes and pace are drawn."""
    height = float(rng.uniform(1.1, 1.4) if rng.random() < 0.15 else rng.uniform(1.5, 1.95))
    looks = _Looks(
        height=height,
        girth=float(rng.uniform(0.85, 1.25)) * height / 1.7,
        shirt=f"fabric{rng.integers(FABRICS)}",
        trousers=f"fabric{rng.integers(FABRICS)}",
        hair=str(rng.choice(["hair", "dark", "white", "terracotta"])),
    )
    bodies = [_upright(looks, stride, carries=False) for stride in STRIDES]
    bodies += [_sitting(looks)]
    bodies += [_upright(looks, stride, carries=True) for stride in STRIDES]
    name = f"person {number}"
    return Figure(
        kind="person",
        name=name,
        postures=tuple(_thing(name, label, instance, parts) for parts in bodies),
        speed_m_s=float(rng.uniform(0.7, 1.2)),
        cycle_m=2 * STEP_M * height / 1.7,
        radius_m=0.3,
    )


def pet(rng: np.random.Generator, number: int, label: int, instance: int) -> Figure:
    """A cat or a dog; it trots."""
    size, coat = float(rng.uniform(0.6, 1.2)), str(rng.choice(["hair", "dark", "white", "wood1"]))
    name = f"pet {number}"
    bodies = [_on_four_legs(size, coat, stride) for stride in STRIDES]
    return Figure(
        kind="animal",
        name=name,
        postures=tuple(_thing(name, label, instance, parts) for parts in bodies),
        speed_m_s=float(rng.uniform(0.8, 1.3)),
        cycle_m=0.6 * size,
        radius_m=0.25,
    )


def robot(rng: np.random.Generator, number: int, label: int, instance: int) -> Figure:
    """A base on hidden wheels with a mast and a head; slow and even."""
    wide, tall = float(rng.uniform(0.35, 0.5)), float(rng.uniform(0.7, 1.2))
    parts = [
        Part("cylinder", (0, 0, 0.14), (wide, wide, 0.26), str(rng.choice(["white", "dark"]))),
        Part("cylinder", (0, -0.05, 0.2 + tall / 2), (0.09, 0.09, tall - 0.1), "metal"),
        Part("box", (0, 0, tall + 0.18), (0.26, 0.2, 0.16), "white"),
        Part("box", (0, 0.1, tall + 0.18), (0.2, 0.02, 0.1), "screen"),
    ]
    name = f"robot {number}"
    still = _thing(name, label, instance, parts)
    return Figure("robot", name, (still,) * len(STRIDES), float(rng.uniform(0.35, 0.6)), 1.0, 0.3)


def _thing(name: str, label: int, instance: int, parts: list[Part]) -> SceneObject:
    """Not centred over its box, so that all postures share one frame."""
    upper = np.max([np.add(p.center_m, p.extent_m / 2) for p in parts], axis=0)
    lower = np.min([np.subtract(p.center_m, p.extent_m / 2) for p in parts], axis=0)
    return SceneObject(name, label, instance, tuple(parts), vector(upper - lower))


def _upright(looks: _Looks, stride: float, carries: bool) -> list[Part]:
    """Two-piece legs apart by the stride; arms swing against them or hold something ahead."""
    hip, neck, girth = looks.hip, looks.neck, looks.girth
    reach = 0.5 * STEP_M * looks.height / 1.7 * stride
    parts = []
    for side in (-1, 1):
        ahead, x = -side * reach, side * 0.1 * girth
        parts += [
            _post((x, ahead * 0.35, 0.75 * hip), (0.17 * girth, 0.17 * girth, hip / 2), looks),
            _post((x, ahead * 0.8, 0.25 * hip), (0.13 * girth, 0.13 * girth, hip / 2), looks),
        ]
        parts += _arm(looks, side, -ahead, carries)
    return [*parts, *_trunk(looks, hip, 0.0), *_head(looks, neck, 0.0)]


def _post(center: Vector, size: Vector, looks: _Looks) -> Part:
    return Part("cylinder", center, size, looks.trousers)


def _arm(looks: _Looks, side: int, ahead: float, carries: bool) -> list[Part]:
    hip, neck, girth = looks.hip, looks.neck, looks.girth
    x, thick, length = side * 0.26 * girth, 0.1 * girth, neck - hip
    upper = Part(
        "cylinder",
        (x, 0.2 * ahead, neck - length / 4),
        (thick, thick, length / 2 + 0.02),
        looks.shirt,
    )
    if carries:
        lower = Part("box", (x, 0.18, neck - length / 2), (thick, 0.36, thick), "skin")
    else:
        lower = Part(
            "cylinder",
            (x, 0.5 * ahead, hip + length / 4),
            (0.8 * thick, 0.8 * thick, length / 2),
            "skin",
        )
    return [upper, lower]


def _trunk(looks: _Looks, bottom: float, y: float) -> list[Part]:
    tall, girth = looks.neck - looks.hip, looks.girth
    size = (0.34 * girth, 0.24 * girth, tall)
    return [Part("cylinder", (0, y, bottom + tall / 2), size, looks.shirt, top=1.15)]


def _head(looks: _Looks, neck: float, y: float) -> list[Part]:
    tall = looks.height - looks.neck
    return [
        Part("ellipsoid", (0, y, neck + tall / 2), (0.17, 0.2, tall), "skin"),
        Part("ellipsoid", (0, y - 0.02, neck + 0.62 * tall), (0.19, 0.2, 0.78 * tall), looks.hair),
    ]


def _sitting(looks: _Looks) -> list[Part]:
    """On a seat whose middle is the origin: back upright, thighs level, shins before the seat."""
    girth, thigh = looks.girth, 0.27 * looks.height
    neck = SEAT_M + looks.neck - looks.hip
    parts = []
    for side in (-1, 1):
        x, thick = side * 0.1 * girth, 0.15 * girth
        knee = -0.1 + thigh
        level = (x, -0.1 + thigh / 2, SEAT_M + thick / 2)
        parts += [
            Part("box", level, (thick, thigh, thick), looks.trousers),
            _post((x, knee, SEAT_M / 2), (0.12 * girth, 0.12 * girth, SEAT_M), looks),
            Part("box", (side * 0.24 * girth, 0.05, SEAT_M + 0.2), (0.09, 0.35, 0.09), "skin"),
        ]
    return [*parts, *_trunk(looks, SEAT_M, -0.1), *_head(looks, neck, -0.1)]


def _on_four_legs(size: float, coat: str, stride: float) -> list[Part]:
    high = 0.24 * size
    parts = [
        Part("ellipsoid", (0, 0, high + 0.08 * size), (0.2 * size, 0.55 * size, 0.2 * size), coat),
        Part("ellipsoid", (0, 0.3 * size, high + 0.2 * size), (0.15 * size,) * 3, coat),
        Part("box", (0, -0.33 * size, high + 0.17 * size), (0.04, 0.2 * size, 0.04), coat),
    ]
    for x in (-1, 1):
        for y in (-1, 1):
            ahead = 0.08 * size * stride * x * y
            center = (x * 0.06 * size, y * 0.18 * size + ahead, high / 2)
            parts.append(Part("cylinder", center, (0.05 * size, 0.05 * size, high), coat))
    return parts
