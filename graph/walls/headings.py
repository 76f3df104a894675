"""Which directions walls run in: the building's own, and those of walls aslant to it."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import BlockKey

BINS = 18  # of 5° over a quarter turn: walls at right angles share one
LEAST_TURN_DEG = 1.5  # walls closer to the axes are taken to lie along them
LEAST_BLOCKS = 8  # of wall aslant before it counts: at 0.8 m a block, 2 m as high as a room
LEAST_UNITY = 0.7  # of a block's normals along one direction: less is a corner, or round
MOST_ASLANT = 3  # directions beside the main one; more of them are noise

Column = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SlantedWalls:
    """Walls along one direction that is not the building's, and the columns that they stand in."""

    heading_rad: float
    columns: frozenset[Column]


class Headings:
    """Directions of wall by block; a block adds the sum of its normals' quarter turns.

    A quarter turn is the unit number at four times a normal's bearing: equal for walls at right
    angles.
    """

    def __init__(self) -> None:
        self._turns: dict[BlockKey, complex] = {}
        self._sum = 0j
        self._bin_of: dict[BlockKey, int] = {}
        self._bin_sums = [0j] * BINS
        self._columns: list[Counter[Column]] = [Counter() for _ in range(BINS)]

    def put(self, key: BlockKey, turn: complex, count: int, least_count: int = 1) -> None:
        """Takes over a block: the sum of its quarter turns, and of how many normals.

        With fewer than ``least_count`` normals it has no direction of its own.
        """
        before = self._turns.pop(key, 0j)
        self._sum += turn - before
        if (old := self._bin_of.pop(key, None)) is not None:
            self._bin_sums[old] -= before
            self._columns[old] -= Counter({key[:2]: 1})
        if turn:
            self._turns[key] = turn
        if count >= max(least_count, 1) and abs(turn) >= LEAST_UNITY * count:
            new = self._bin_of[key] = _bin(turn)
            self._bin_sums[new] += turn
            self._columns[new][key[:2]] += 1

    @property
    def main_rad(self) -> float:
        """Angle within ±45° from the x axis to the walls' main direction, in whole degrees.

        Of all walls, so that corners and noise cancel out; where some stand aslant, which would
        turn the mean, of the strongest direction alone.
        """
        if not self.slanted:
            return _heading_rad(self._sum)
        bundle = _around(self._strongest(set()))
        return _heading_rad(sum((self._bin_sums[b] for b in bundle), 0j))

    @property
    def slanted(self) -> tuple[SlantedWalls, ...]:
        """Walls along other directions than the main one, the most of them first."""
        taken = set(_around(self._strongest(set())))
        found: list[SlantedWalls] = []
        while len(found) < MOST_ASLANT:
            best = self._strongest(taken)
            bundle = [b for b in _around(best) if b not in taken]
            if sum(self._columns[b].total() for b in bundle) < LEAST_BLOCKS:
                break
            columns = frozenset(column for b in bundle for column in self._columns[b])
            heading_rad = _heading_rad(sum((self._bin_sums[b] for b in bundle), 0j))
            found.append(SlantedWalls(heading_rad, columns))
            taken.update(bundle)
        return tuple(found)

    def _strongest(self, taken: Iterable[int]) -> int:
        """The bin with the most blocks of wall in it and its neighbours."""
        free = [b for b in range(BINS) if b not in set(taken)]
        totals = [counter.total() for counter in self._columns]
        weights = [sum(totals[b] for b in _around(c) if b in free) for c in free]
        return free[int(np.argmax(weights))]

    def state(self) -> State:
        """See ``core.map.state``; the sums are kept, as another order would round otherwise."""
        keys = sorted(self._turns)
        return {
            "blocks": np.array(keys, np.int32).reshape(-1, 3),
            "turns": np.array([self._turns[key] for key in keys], np.complex128),
            "bins": np.array([self._bin_of.get(key, -1) for key in keys], np.int64),
            "sums": np.array([self._sum, *self._bin_sums], np.complex128),
        }

    def restore(self, state: State) -> None:
        self.__init__()  # type: ignore[misc]
        sums = state["sums"].tolist()
        self._sum, self._bin_sums = sums[0], sums[1:]
        rows = (state[name].tolist() for name in ("blocks", "turns", "bins"))
        for (i, j, k), turn, number in zip(*rows, strict=True):
            self._turns[i, j, k] = turn
            if number >= 0:
                self._bin_of[i, j, k] = number
                self._columns[number][i, j] += 1


def _bin(turn: complex) -> int:
    return math.floor(_degrees(turn) / (90 / BINS) + 0.5) % BINS


def _around(middle: int) -> list[int]:
    return [(middle + step) % BINS for step in (-1, 0, 1)]


def _degrees(turn: complex) -> float:
    return math.degrees(math.atan2(turn.imag, turn.real)) / 4


def _heading_rad(turn: complex) -> float:
    degrees = _degrees(turn)
    return math.radians(round(degrees)) if abs(degrees) > LEAST_TURN_DEG else 0.0
