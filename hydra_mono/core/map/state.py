"""The form in which a stage hands out what it remembers, so that a map can go on elsewhere.

``state()`` of a stage returns a dict whose values are numpy arrays without objects, numbers,
strings, None, lists of these, or such dicts. It belongs to whoever called: no array in it changes
with the stage. ``restore(state)`` of a stage made from the same settings makes it go on exactly as
the one that gave the state would have.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64, Shaped

State = dict[str, Any]


@runtime_checkable
class Stateful(Protocol):
    """A stage whose memory can be taken out and put back."""

    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...


def joined(parts: Sequence[np.ndarray], like: np.ndarray) -> State:
    """Arrays that differ in their first axis alone, as one; ``like`` gives type and shape."""
    return {
        "values": np.concatenate([like[:0], *parts]),
        "counts": np.array([len(part) for part in parts], np.int64),
    }


def parted(state: State) -> list[np.ndarray]:
    """The arrays that ``joined`` was given, each with memory of its own."""
    counts: Int64[np.ndarray, " n"] = state["counts"]
    if not len(counts):
        return []
    parts: Iterable[Shaped[np.ndarray, "_ ..."]] = np.split(state["values"], np.cumsum(counts)[:-1])
    return [part.copy() for part in parts]
