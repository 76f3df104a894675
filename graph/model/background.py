"""Changes of what is no object: walls, floors and what is built in, block by block of the mesh."""

from dataclasses import dataclass
from typing import Literal

from hydra_mono.core.mesh import BlockKey
from hydra_mono.graph.model.presence import Point

MOST_CHANGES = 1000  # the oldest are forgotten first: a rebuilt flat has a few hundred blocks


@dataclass(frozen=True, slots=True)
class BackgroundChange:
    """Surface in a block of the mesh that came, or went, in (``after_ns``, ``before_ns``].

    ``position_m``: middle of that surface. ``label``: most of it.
    """

    kind: Literal["appeared", "vanished"]
    block: BlockKey
    position_m: Point
    label: int
    after_ns: int
    before_ns: int
