"""Changes of what is no object: walls, floors and what is built in, block by block of the mesh."""

from dataclasses import dataclass
from typing import Literal

from hydra_mono.core.map.ranges import Block, LabelId, StampNs
from hydra_mono.graph.model.presence import Point

MOST_CHANGES = 1000  # the oldest are forgotten first: a rebuilt flat has a few hundred blocks


@dataclass(frozen=True, slots=True)
class BackgroundChange:
    """Surface in a block of the mesh that came, or went, in (``after_ns``, ``before_ns``].

    ``position_m``: middle of that surface. ``label``: most of it.
    """

    kind: Literal["appeared", "vanished"]
    block: Block
    position_m: Point
    label: LabelId
    after_ns: StampNs
    before_ns: StampNs
