"""When an object came to where it is, by looks of the past at its place."""

import numpy as np

from hydra_mono.graph.change.rays import Ray
from hydra_mono.graph.change.record import PastLooks
from hydra_mono.graph.change.watch import PresenceRule
from hydra_mono.graph.model.looks import Seen

LEAST_FREE = 2  # looks that saw through its place before: one may be a bad image


def arrival(looks: PastLooks, rule: PresenceRule, seen_ns: int) -> tuple[int, int] | None:
    """(last look that saw its place free, first one after that saw it there), nanoseconds.

    ``seen_ns``: a stamp at which it was there. None where no look saw its place free before it was
    seen there: it may have been there always.
    """
    counts = np.stack([(looks.rays == ray).sum(axis=1) for ray in Ray], axis=1)
    free, after_ns, first_ns = 0, None, None
    for stamp_ns, row in zip(looks.stamps_ns.tolist(), counts, strict=True):
        seen = rule.seen(row, looks.rays.shape[1])
        if seen is Seen.ABSENT:
            free, after_ns, first_ns = free + 1, stamp_ns, None
        elif seen is Seen.PRESENT and first_ns is None:
            first_ns = stamp_ns
    first_ns = seen_ns if first_ns is None else first_ns
    if free < LEAST_FREE or after_ns is None or first_ns <= after_ns:
        return None
    return after_ns, first_ns
