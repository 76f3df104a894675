"""What moves in a frame, and who has been moving: plain values that stages hand on."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int32

Position = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class TrackedAgent:
    """Somebody or something that moves, as known at ``stamp_ns``.

    ``track``: a number that stays with him. ``position_m``: middle of his box, world metres;
    ``velocity_m_s``: world metres a second. ``dimensions_m``: of the upright box along the world's
    axes. ``label``: id of the label space, 0 where none was given. ``color``: mean RGB.
    ``is_seen``: in this very frame, rather than supposed behind something. ``formerly``: another
    number that he was told of by until now, found out to be his; None where there is none.
    """

    track: int
    stamp_ns: int
    position_m: Position
    velocity_m_s: Position
    dimensions_m: Position
    label: int
    color: tuple[int, int, int]
    is_seen: bool
    formerly: int | None = None


@dataclass(frozen=True, slots=True)
class Motion:
    """``moving``: pixels that do not belong to the static world, None when all do.

    ``agents``: confirmed tracks that are alive, by number. ``mistaken``: voxels of the free-space
    grid in which something was fused that is now seen to move.
    """

    moving: Bool[np.ndarray, "h w"] | None
    agents: tuple[TrackedAgent, ...] = ()
    mistaken: Int32[np.ndarray, "n 3"] = field(default_factory=lambda: np.zeros((0, 3), np.int32))

    @property
    def still(self) -> Bool[np.ndarray, "h w"] | None:
        """Pixels of the static world, None when all are."""
        return None if self.moving is None else ~self.moving
