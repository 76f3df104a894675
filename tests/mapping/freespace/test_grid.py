"""The sparse grid of free space: what is archived comes back whole."""

import numpy as np

from hydra_mono.mapping.freespace.grid import FREE, SIDE, ChunkGrid


def test_archived_chunks_come_back_though_the_grid_must_be_enlarged_for_them() -> None:
    grid = ChunkGrid()
    row = np.array([[i, 0, 0] for i in range(200)], np.int32)
    archived, kept = row[:10], row[10:]
    grid.evidence[grid.acquire(archived)] = 1
    grid.archive(grid.slots())
    capacity = len(grid.position)
    grid.acquire(kept[: capacity - 1])
    assert len(grid.position) == capacity, "one more chunk and it is enlarged"
    upper = np.array([10 * SIDE, SIDE, SIDE], np.int32)
    assert np.all(grid.dense("published", np.zeros(3, np.int32), upper) == FREE)
    assert len(grid.position) > capacity
