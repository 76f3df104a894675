"""What is apart from the static world: it moves, changes its shape, comes or goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from hydra_mono.core.box import BoundingBox
from hydra_mono.simulation.shapes import SceneObject, pose_at, vector

BodyKind = Literal["person", "animal", "robot", "object"]


@dataclass(frozen=True, slots=True)
class Body:
    """An object apart from the static world; it is there from ``appears_ns`` to ``leaves_ns``.

    A body with a track is at ``positions_m`` (the origin of its object's frame, on the floor) and
    ``yaws_rad`` at ``stamps_ns`` and between them in between; one without rests at its object.
    ``postures`` are other shapes of the same body, in frames alike; ``posture_at`` says which one
    it has from each stamp on: 0 is ``obj`` itself. ``moves`` are the spans of time in which a
    object with a track is moving; it rests in between.
    """

    obj: SceneObject
    appears_ns: int | None = None
    leaves_ns: int | None = None
    stamps_ns: Int64[np.ndarray, " n"] | None = None
    positions_m: Float64[np.ndarray, "n 3"] | None = None
    yaws_rad: Float64[np.ndarray, " n"] | None = None
    postures: tuple[SceneObject, ...] = ()
    posture_at: Int64[np.ndarray, " n"] | None = None
    kind: BodyKind = "object"
    moves: tuple[tuple[int, int], ...] = ()

    def pose_at(self, stamp_ns: int) -> Float64[np.ndarray, "4 4"] | None:
        """``world_from_object`` at the stamp, None while the object is not there."""
        if self.appears_ns is not None and stamp_ns < self.appears_ns:
            return None
        if self.leaves_ns is not None and stamp_ns >= self.leaves_ns:
            return None
        if self.stamps_ns is None or self.positions_m is None or self.yaws_rad is None:
            return self.obj.world_from_object
        place = [np.interp(stamp_ns, self.stamps_ns, axis) for axis in self.positions_m.T]
        return pose_at(
            vector(np.array(place)), float(np.interp(stamp_ns, self.stamps_ns, self.yaws_rad))
        )

    @property
    def shapes(self) -> tuple[SceneObject, ...]:
        return (self.obj, *self.postures)

    def shape_at(self, stamp_ns: int) -> int:
        """Which of ``shapes`` the body has at a stamp."""
        if self.posture_at is None or self.stamps_ns is None:
            return 0
        row = int(np.searchsorted(self.stamps_ns, stamp_ns, side="right")) - 1
        return int(self.posture_at[max(row, 0)])

    def boxes(self, stamps_ns: Sequence[int]) -> list[BoundingBox]:
        """The body's box, turned as the body is, at stamps at which it is there."""
        extents = [_extent(shape) for shape in self.shapes]
        found = []
        for stamp in stamps_ns:
            world_from_object = self.pose_at(stamp)
            assert world_from_object is not None
            lower, upper = extents[self.shape_at(stamp)]
            middle = world_from_object[:3, :3] @ ((lower + upper) / 2) + world_from_object[:3, 3]
            yaw = float(np.arctan2(world_from_object[1, 0], world_from_object[0, 0]))
            found.append(BoundingBox(vector(middle), vector(upper - lower), yaw))
        return found


def _extent(obj: SceneObject) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]:
    """Lower and upper corner of the object's parts, in its own frame."""
    lower = np.min([np.subtract(p.center_m, p.extent_m / 2) for p in obj.parts], axis=0)
    upper = np.max([np.add(p.center_m, p.extent_m / 2) for p in obj.parts], axis=0)
    return lower, upper
