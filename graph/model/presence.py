"""When an object was there, and where it went: intervals that tell what was seen from what was not.

An object that comes or goes while nobody looks does so at some instant between two looks. Both
ends of that interval are kept, so that nobody has to guess.
"""

from dataclasses import dataclass

from hydra_mono.core.map.ranges import PointM, StampNs

Point = PointM


@dataclass(frozen=True, slots=True)
class Presence:
    """It came in (``appeared_after_ns``, ``first_seen_ns``] and went in (``last_seen_ns``,
    ``vanished_before_ns``].

    ``appeared_after_ns``: the last look that saw its space free before it was first seen there;
    None: there was none, it may have been there always. ``vanished_before_ns``: the first look
    after ``last_seen_ns`` that saw through its place; None: none did.
    """

    appeared_after_ns: StampNs | None
    first_seen_ns: StampNs
    last_seen_ns: StampNs
    vanished_before_ns: StampNs | None


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Where something was that moved: it came to ``positions_m[i]`` by ``stamps_ns[i]``.

    Empty for what was never seen to have moved. ``is_rest``: whether it came to rest there, rather
    than was seen on its way; the first point of a way is where it rested, when it was last seen
    to. Empty: it rested everywhere.
    """

    stamps_ns: tuple[StampNs, ...] = ()
    positions_m: tuple[Point, ...] = ()
    is_rest: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        counts = {len(self.stamps_ns), len(self.positions_m), len(self.is_rest or self.stamps_ns)}
        if len(counts) > 1:
            raise ValueError("a trajectory has a stamp for each position")

    def __len__(self) -> int:
        return len(self.stamps_ns)

    @property
    def rests(self) -> tuple[int, ...]:
        """Indices of the points at which it came to rest."""
        known = self.is_rest or (True,) * len(self)
        return tuple(index for index, is_rest in enumerate(known) if is_rest)

    def and_then(self, stamp_ns: int, position_m: Point, *, is_rest: bool = True) -> "Trajectory":
        known = self.is_rest
        if known or not is_rest:
            known = (*(known or (True,) * len(self)), is_rest)
        return Trajectory((*self.stamps_ns, stamp_ns), (*self.positions_m, position_m), known)


NO_TRAJECTORY = Trajectory()
