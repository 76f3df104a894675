"""What a fuzz target is, and doubts that several of them share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hydra_mono.core.labels import LabelSpace

FARTHEST_M = 1.000001e8  # a little beyond what readers let through

Doubts = Iterator[str]


@dataclass(frozen=True)
class Target:
    """``write`` makes a valid input in a folder; ``read`` yields doubts about what it accepts."""

    write: Callable[[Path], object]
    read: Callable[[Path], Doubts]


def space_doubts(space: LabelSpace) -> Doubts:
    for label in space.labels:
        if not 0 < label.id < 256 or not all(0 <= value < 256 for value in label.color):
            yield "an id or a colour that is none"
        if not label.name or not 0 <= label.least_width_m < 1e3:
            yield "a name or a width that is none"
