"""The triangles of marching cubes, derived rather than listed.

Corner c of a cube has the coordinates (c & 1, c >> 1 & 1, c >> 2 & 1). Edge 4·a + k runs along
axis a from the k-th of the corners whose coordinate a is 0.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Int64

CORNERS = 8
EDGES = 12
_Loop = list[int]


def edge_start(edge: int) -> tuple[int, int, int]:
    """Coordinates of the corner an edge starts from."""
    corner = [c for c in range(CORNERS) if not c >> edge // 4 & 1][edge % 4]
    return corner & 1, corner >> 1 & 1, corner >> 2 & 1


@dataclass(frozen=True, slots=True)
class CubeTable:
    """Row ``case`` of a cube, whose bit c says that corner c is inside (negative).

    ``count``: triangles of the case. ``edges``: their edges, three each, counter-clockwise
    seen from outside the solid, padded with 0.
    """

    count: Int64[np.ndarray, " 256"]
    edges: Int64[np.ndarray, "256 t 3"]


@cache
def cube_table() -> CubeTable:
    """Triangles of all 256 cases (Lorensen and Cline, SIGGRAPH 1987), without their holes.

    On each face every run of inside corners is cut off by itself, whatever the other faces
    do, so that two cubes always agree on the face they share and the surface is closed.
    """
    triangles = [[t for loop in _loops(case) for t in _fan(loop)] for case in range(256)]
    longest = max(len(case) for case in triangles)
    edges = np.zeros((256, longest, 3), np.int64)
    for case, row in enumerate(triangles):
        if row:
            edges[case, : len(row)] = row
    return CubeTable(count=np.array([len(row) for row in triangles], np.int64), edges=edges)


def _fan(loop: _Loop) -> list[tuple[int, int, int]]:
    return [(loop[0], loop[i], loop[i + 1]) for i in range(1, len(loop) - 1)]


def _loops(case: int) -> list[_Loop]:
    """Closed walks over the cut edges; each edge is left through exactly one of its faces."""
    follows = dict(segment for face in _faces() for segment in _segments(face, case))
    loops = []
    while follows:
        loop = [min(follows)]
        while (edge := follows.pop(loop[-1])) != loop[0]:
            loop.append(edge)
        loops.append(loop)
    return loops


def _segments(face: list[int], case: int) -> list[tuple[int, int]]:
    """Cuts of a face: from the edge where a run of inside corners starts to where it ends."""
    inside = [bool(case >> corner & 1) for corner in face]
    starts = [i for i in range(4) if inside[i] and not inside[i - 1]]
    segments = []
    for start in starts:
        end = start
        while inside[(end + 1) % 4]:
            end += 1
        entry = _edge(face[start - 1], face[start])
        segments.append((entry, _edge(face[end % 4], face[(end + 1) % 4])))
    return segments


def _edge(a: int, b: int) -> int:
    axis = (a ^ b).bit_length() - 1
    start = min(a, b)
    return 4 * axis + [c for c in range(CORNERS) if not c >> axis & 1].index(start)


def _faces() -> list[list[int]]:
    """Corners round each face, counter-clockwise seen from outside."""
    faces = []
    for axis in range(3):
        u, v = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        ring = [0, u, u | v, v]
        faces.append([corner | 1 << axis for corner in ring])
        faces.append(ring[::-1])
    return faces
