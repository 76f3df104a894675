"""Places and the edges between them, as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from hydra_mono.graph.model.nodes import PlaceNode, Position
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol


@dataclass(frozen=True, slots=True)
class Net:
    """Places and the edges between them, as arrays; row i is ``symbols[i]``.

    ``clearance_of``: by rows, lower first; nothing solid is nearer to an edge. ``part``: numbers
    the connected parts. ``room``: number of the room round a place (``GraphIndex.room_rows``), -1
    without one, and ``floor_m`` its floor's height, -inf. ``matrices`` holds what ``within`` made.
    """

    symbols: tuple[NodeSymbol, ...]
    row_of: Mapping[NodeSymbol, int]
    centers_m: Float64[np.ndarray, "n 3"]
    radius_m: Float64[np.ndarray, " n"]
    edges: Int64[np.ndarray, "e 2"]
    edge_length_m: Float64[np.ndarray, " e"]
    edge_clearance_m: Float64[np.ndarray, " e"]
    clearance_of: Mapping[tuple[int, int], float]
    part: Int64[np.ndarray, " n"]
    room: Int64[np.ndarray, " n"]
    floor_m: Float64[np.ndarray, " n"]
    tree: KDTree | None
    matrices: dict[float, csr_array] = field(default_factory=dict)

    def within(self, clearance_m: float) -> csr_array:
        """Lengths of the edges with that much clearance or more, as a symmetric matrix."""
        if clearance_m not in self.matrices:
            kept = self.edge_clearance_m >= clearance_m
            lengths_m = self.edge_length_m[kept]
            self.matrices[clearance_m] = _matrix(self.edges[kept], lengths_m, len(self.symbols))
        return self.matrices[clearance_m]

    def position_of(self, symbol: NodeSymbol) -> Position:
        x, y, z = self.centers_m[self.row_of[symbol]].tolist()
        return x, y, z

    def nearest(self, point_m: Position, count: int = 1) -> list[int]:
        """Rows of the places nearest to a point, centre to centre."""
        if self.tree is None:
            return []
        _, rows = self.tree.query(np.array(point_m), k=min(count, len(self.symbols)))
        return [int(row) for row in np.atleast_1d(rows)]

    @property
    def main_part(self) -> int:
        """The largest connected part; -1 without places."""
        return int(np.argmax(np.bincount(self.part))) if len(self.part) else -1


def net_of(
    graph: SceneGraph,
    places: Mapping[NodeSymbol, PlaceNode],
    room_of: Mapping[NodeSymbol, NodeSymbol | None],
    room_rows: Mapping[NodeSymbol | None, int],
    floors_m: Mapping[NodeSymbol | None, float],
) -> Net:
    """The present places of a graph."""
    symbols = tuple(sorted(places))
    row_of = {symbol: row for row, symbol in enumerate(symbols)}
    links = sorted(
        (*sorted((row_of[a], row_of[b])), data["edge"].weight)
        for a, b, data in graph.view().edges(data=True)
        if a in row_of and b in row_of
    )
    centers_m = np.array([places[s].position_m for s in symbols], np.float64).reshape(-1, 3)
    edges = np.array([link[:2] for link in links], np.int64).reshape(-1, 2)
    length_m = np.linalg.norm(centers_m[edges[:, 0]] - centers_m[edges[:, 1]], axis=1)
    _, part = connected_components(_matrix(edges, length_m, len(symbols)), directed=False)
    return Net(
        symbols=symbols,
        row_of=row_of,
        centers_m=centers_m,
        radius_m=np.array([places[s].radius_m for s in symbols], np.float64),
        edges=edges,
        edge_length_m=length_m,
        edge_clearance_m=np.array([link[2] for link in links], np.float64),
        clearance_of={(a, b): clearance_m for a, b, clearance_m in links},
        part=np.asarray(part, np.int64),
        room=np.array([room_rows.get(room_of[s], -1) for s in symbols], np.int64),
        floor_m=np.array([floors_m.get(room_of[s], -np.inf) for s in symbols], np.float64),
        tree=KDTree(centers_m) if symbols else None,
    )


def _matrix(
    edges: Int64[np.ndarray, "e 2"], values: Float64[np.ndarray, " e"], count: int
) -> csr_array:
    both = np.concatenate([edges, edges[:, ::-1]])
    return csr_array((np.tile(values, 2), (both[:, 0], both[:, 1])), shape=(count, count))
