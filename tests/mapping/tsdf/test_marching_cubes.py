"""The derived marching-cubes table."""

from collections import Counter

import numpy as np
import pytest

from hydra_mono.mapping.tsdf.marching_cubes import cube_table, edge_start

TABLE = cube_table()
CORNERS = np.array([[c & 1, c >> 1 & 1, c >> 2 & 1] for c in range(8)])
MIDDLES = np.array([edge_start(e) + 0.5 * np.eye(3)[e // 4] for e in range(12)])


def triangles(case: int) -> list[list[int]]:
    return TABLE.edges[case, : TABLE.count[case]].tolist()


def test_there_are_as_many_triangles_as_lorensen_and_cline_need() -> None:
    assert TABLE.count.sum() == 820
    assert TABLE.count.max() == 5


@pytest.mark.parametrize("case", range(256))
def test_triangles_use_exactly_the_edges_whose_ends_differ(case: int) -> None:
    ends = [(MIDDLES[e] - 0.5 * np.eye(3)[e // 4], np.eye(3)[e // 4]) for e in range(12)]
    inside = {tuple(c): bool(case >> n & 1) for n, c in enumerate(CORNERS)}
    cut = {e for e, (a, d) in enumerate(ends) if inside[tuple(a)] != inside[tuple(a + d)]}
    assert {e for t in triangles(case) for e in t} == cut


@pytest.mark.parametrize("case", range(1, 255))
def test_edges_inside_the_cube_are_shared_and_those_on_its_faces_are_not(case: int) -> None:
    uses = Counter((t[i], t[(i + 1) % 3]) for t in triangles(case) for i in range(3))
    assert set(uses.values()) == {1}
    for a, b in uses:
        same_face = np.any((MIDDLES[a] == MIDDLES[b]) & (MIDDLES[a] % 1 == 0))
        assert ((b, a) in uses) or same_face


def test_the_faces_look_away_from_the_inside() -> None:
    for corner in range(8):
        ((a, b, c),) = triangles(1 << corner)
        normal = np.cross(MIDDLES[b] - MIDDLES[a], MIDDLES[c] - MIDDLES[a])
        assert normal @ (MIDDLES[a] - CORNERS[corner]) > 0
