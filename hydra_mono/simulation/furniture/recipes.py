"""What stands in which kind of room, in the order in which it is placed."""

from dataclasses import dataclass
from typing import Literal

Where = Literal["wall", "corner", "middle", "window", "free", "slant"]


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a group, relative to the group's first object.

    ``beside`` -1/1 puts it left/right of the first with its back on the same line, ``before`` in
    front of it, ``on_top`` on it; ``x_m``/``y_m`` are then extra gaps, offsets of middles
    otherwise. ``above_m`` is the height of its underside over the floor.
    """

    kind: str
    x_m: float = 0.0
    y_m: float = 0.0
    above_m: float = 0.0
    yaw_deg: float = 0.0
    jitter_deg: float = 0.0
    beside: int = 0
    before: bool = False
    on_top: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """``where``: "free" is in the middle of the room, turned by any angle; "slant" against a
    slanted wall."""

    where: Where
    items: tuple[Item, ...]


def _alone(where: Where, kind: str, above_m: float = 0.0) -> Group:
    return Group(where, (Item(kind, above_m=above_m),))


_DINING_SET = Group(
    "middle",
    (
        Item("table"),
        Item("chair", x_m=-0.44, y_m=-0.58),
        Item("chair", x_m=0.44, y_m=-0.58),
        Item("chair", x_m=-0.44, y_m=0.58, yaw_deg=180),
        Item("chair", x_m=0.44, y_m=0.58, yaw_deg=180),
    ),
)
_SMALL_DINING_SET = Group(
    "middle",
    (
        Item("round table"),
        Item("chair", y_m=-0.62, jitter_deg=15),
        Item("chair", y_m=0.62, yaw_deg=180, jitter_deg=15),
    ),
)
_SOFA_SET = Group("wall", (Item("sofa"), Item("coffee table", y_m=0.42, before=True)))
_TV_SET = Group("wall", (Item("tv bench"), Item("television", on_top=True)))
_DOUBLE_BED = Group(
    "wall",
    (
        Item("bed"),
        Item("nightstand", x_m=-0.1, beside=-1),
        Item("nightstand", x_m=0.1, beside=1),
    ),
)
_BED = Group("wall", (Item("bed"), Item("nightstand", x_m=0.1, beside=1)))
_SINGLE_BED = Group("corner", (Item("single bed"), Item("nightstand", x_m=0.1, beside=1)))
_DESK = Group(
    "wall",
    (
        Item("desk"),
        Item("monitor", y_m=-0.15, on_top=True),
        Item("office chair", x_m=-0.12, y_m=-0.12, yaw_deg=180, jitter_deg=20, before=True),
    ),
)
_LIT_DRESSER = Group("wall", (Item("dresser"), Item("table lamp", x_m=0.25, on_top=True)))
_WINDOW_HEATER = _alone("window", "radiator")
_PICTURE = _alone("wall", "picture", above_m=1.45)

Recipe = tuple[tuple[Group, float], ...]  # groups and the chance of each
RECIPES: dict[str, Recipe] = {
    "living": (
        (_SOFA_SET, 1.0),
        (_TV_SET, 1.0),
        (_alone("corner", "armchair"), 0.9),
        (_alone("wall", "bookshelf"), 0.9),
        (_WINDOW_HEATER, 1.0),
        (_alone("corner", "lamp"), 1.0),
        (_alone("corner", "plant"), 0.9),
        (_alone("wall", "cabinet"), 0.5),
        (_PICTURE, 1.0),
        (_PICTURE, 0.7),
    ),
    "kitchen": (
        (_alone("corner", "refrigerator"), 1.0),
        (_alone("wall", "sink"), 1.0),
        (_alone("wall", "oven"), 1.0),
        (_alone("wall", "counter"), 1.0),
        (_alone("wall", "counter"), 0.6),
        (_SMALL_DINING_SET, 0.7),
        (_alone("corner", "bin"), 0.9),
        (_alone("wall", "stool"), 0.6),
        (_PICTURE, 0.4),
    ),
    "dining": (
        (_DINING_SET, 1.0),
        (_alone("wall", "cabinet"), 0.9),
        (_WINDOW_HEATER, 0.9),
        (_alone("corner", "plant"), 0.8),
        (_alone("corner", "lamp"), 0.5),
        (_PICTURE, 1.0),
        (_PICTURE, 0.6),
    ),
    "bedroom": (
        (_DOUBLE_BED, 0.6),
        (_BED, 0.4),
        (_alone("wall", "wardrobe"), 1.0),
        (_LIT_DRESSER, 0.8),
        (_WINDOW_HEATER, 1.0),
        (_alone("corner", "armchair"), 0.3),
        (_alone("corner", "plant"), 0.4),
        (_PICTURE, 0.8),
        (_alone("corner", "box"), 0.3),
    ),
    "office": (
        (_DESK, 1.0),
        (_alone("wall", "bookshelf"), 1.0),
        (_alone("wall", "bookshelf"), 0.4),
        (_WINDOW_HEATER, 0.9),
        (_alone("wall", "cabinet"), 0.6),
        (_SINGLE_BED, 0.2),
        (_alone("corner", "lamp"), 0.7),
        (_alone("corner", "bin"), 0.8),
        (_alone("corner", "plant"), 0.5),
        (_PICTURE, 0.8),
    ),
    "bathroom": (
        (_alone("corner", "bathtub"), 1.0),
        (_alone("wall", "toilet"), 1.0),
        (_alone("wall", "wash basin"), 1.0),
        (_alone("corner", "washing machine"), 0.8),
        (_alone("corner", "bin"), 0.7),
        (_alone("wall", "stool"), 0.4),
    ),
    "storage": (
        (_alone("wall", "bookshelf"), 1.0),
        (_alone("wall", "cabinet"), 1.0),
        (_alone("corner", "washing machine"), 0.4),
        (_alone("corner", "box"), 1.0),
        (_alone("corner", "box"), 0.9),
        (_alone("wall", "box"), 0.7),
        (_alone("wall", "bench"), 0.6),
    ),
    "corridor": (
        (_alone("wall", "bench"), 0.7),
        (_alone("wall", "cabinet"), 0.5),
        (_PICTURE, 0.9),
        (_PICTURE, 0.6),
        (_alone("corner", "plant"), 0.4),
    ),
    "stairs": (),
}
