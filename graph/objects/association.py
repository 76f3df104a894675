"""Which cluster of this update is which thing of before."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

LEAST_SHARE = 0.1  # of a thing's cells; a remnant smaller than this does not carry its name on


@dataclass(frozen=True, slots=True)
class Association:
    """Indices of clusters and things.

    ``heir``: the thing each cluster goes on as, -1 for a new one. ``merged``: (thing, the thing
    it is now part of). ``lost``: things that no cluster shares a cell with.
    """

    heir: tuple[int, ...]
    merged: tuple[tuple[int, int], ...]
    lost: tuple[int, ...]


def associate(
    clusters: list[Int64[np.ndarray, " _"]], things: list[Int64[np.ndarray, " _"]]
) -> Association:
    """Matches by shared cells: every thing goes to the cluster that holds most of it.

    Of several things in one cluster the first (the oldest) lives on and takes up the others; of
    several clusters of one thing the largest share keeps its name and the others are new.
    """
    shared = count_shared(clusters, things)
    heir = [-1] * len(clusters)
    merged, lost = [], []
    for thing, row in enumerate(shared):
        best = int(np.argmax(row)) if len(row) else -1
        if best < 0 or row[best] <= LEAST_SHARE * len(things[thing]):
            lost.append(thing)
        elif heir[best] < 0:
            heir[best] = thing
        else:
            merged.append((thing, heir[best]))
    return Association(tuple(heir), tuple(merged), tuple(lost))


def count_shared(
    clusters: list[Int64[np.ndarray, " _"]], things: list[Int64[np.ndarray, " _"]]
) -> Int64[np.ndarray, "t c"]:
    """Number of cells each thing has in common with each cluster; clusters share none."""
    if not clusters or not things:
        return np.zeros((len(things), len(clusters)), np.int64)
    cells = np.concatenate(clusters)
    cluster_of = np.repeat(np.arange(len(clusters)), [len(c) for c in clusters])
    order = np.argsort(cells)
    cells, cluster_of = cells[order], cluster_of[order]
    wanted = np.concatenate(things)
    thing_of = np.repeat(np.arange(len(things)), [len(t) for t in things])
    found = np.searchsorted(cells, wanted)
    found[found == len(cells)] = 0
    hit = cells[found] == wanted
    flat = thing_of[hit] * len(clusters) + cluster_of[found[hit]]
    counts = np.bincount(flat, minlength=len(things) * len(clusters))
    return np.asarray(counts.reshape(len(things), len(clusters)))
