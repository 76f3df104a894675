"""When an object came to where it is, or went, by looks of the past at its place."""

from collections.abc import Iterator

import numpy as np

from hydra_mono.graph.change.rays import Ray
from hydra_mono.graph.change.record import PastLooks
from hydra_mono.graph.change.watch import PresenceRule
from hydra_mono.graph.model.looks import Seen

LEAST_FREE = 2  # looks that saw through its place: one may be a bad image


def arrival(looks: PastLooks, rule: PresenceRule, seen_ns: int) -> tuple[int, int] | None:
    """(last look that saw its place free, first one after that saw it there), nanoseconds.

    ``seen_ns``: a stamp at which it was there. None where no look saw its place free before it was
    seen there: it may have been there always.
    """
    free, after_ns, first_ns = 0, None, None
    for stamp_ns, seen in _answers(looks, rule):
        if seen is Seen.ABSENT:
            free, after_ns, first_ns = free + 1, stamp_ns, None
        elif seen is Seen.PRESENT and first_ns is None:
            first_ns = stamp_ns
    first_ns = seen_ns if first_ns is None else first_ns
    if free < LEAST_FREE or after_ns is None or first_ns <= after_ns:
        return None
    return after_ns, first_ns


def last_free(looks: PastLooks, rule: PresenceRule) -> tuple[int, int] | None:
    """(last look that saw it, first one after that which saw through its place), nanoseconds.

    None unless it was seen, and since then only seen through; that its surface was carved away is
    evidence too, so that one look is enough.
    """
    last_ns, gone_ns, on = None, None, 0
    for stamp_ns, seen in _answers(looks, rule):
        if seen is Seen.PRESENT:
            last_ns, gone_ns, on = stamp_ns, None, on + 1
        elif seen is Seen.ABSENT and gone_ns is None:
            gone_ns = stamp_ns
    if last_ns is None or gone_ns is None or on < LEAST_FREE:
        return None
    return last_ns, gone_ns


def _answers(looks: PastLooks, rule: PresenceRule) -> Iterator[tuple[int, Seen]]:
    counts = np.stack([(looks.rays == ray).sum(axis=1) for ray in Ray], axis=1)
    for stamp_ns, row in zip(looks.stamps_ns.tolist(), counts, strict=True):
        yield stamp_ns, rule.seen(row, looks.rays.shape[1])
