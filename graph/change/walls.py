"""Walls between a camera and what it seems to see through: then it looked into a mirror."""

import numpy as np
from jaxtyping import Float32, Float64

from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import BlockKey, MeshView
from hydra_mono.graph.model.symbols import NodeSymbol

CHECKED = 3  # points of an object, spread over it: most of them must lie behind a wall
NEAR_M = 0.1  # of a vertex from a ray that passes a wall: two voxels
CLEAR_M = 0.3  # at both ends of a ray, where a wall proves nothing: it may lean against one
SAME_SIDE = 0.7  # cosine of 45°: rays as near go through the same part of a wall
LEAST_VERTICES = 3  # of wall about a ray: fewer are specks


class MappedWalls:
    """The walls of the mesh. ``block_size_m``: of its blocks, 0 while there are none.

    Rays that pass a wall carve it, so what was once behind one stays so for who looks from that
    side.
    """

    def __init__(self, labels: LabelSpace) -> None:
        self._is_wall = labels.mask(labels.ids_with_role("wall"))
        self._sides: dict[NodeSymbol, Float64[np.ndarray, "3"]] = {}
        self.block_size_m = 0.0

    def hide(
        self,
        symbol: NodeSymbol,
        mesh: MeshView,
        camera_m: Float64[np.ndarray, "3"],
        points_m: Float32[np.ndarray, "n 3"],
    ) -> bool:
        """Whether an object, of which the points are, is or was behind a wall on this side."""
        side = camera_m - points_m.mean(axis=0)
        side = side / max(float(np.linalg.norm(side)), 1e-6)
        known = self._sides.get(symbol)
        if known is not None and float(known @ side) > SAME_SIDE:
            return True
        if self.are_between(mesh, camera_m, points_m):
            self._sides[symbol] = side
            return True
        return False

    def forget(self, symbol: NodeSymbol) -> None:
        self._sides.pop(symbol, None)

    def state(self) -> State:
        """See ``core.map.state``."""
        sides = np.array(list(self._sides.values()), np.float64).reshape(-1, 3)
        symbols = [str(symbol) for symbol in self._sides]
        return {"block_size_m": self.block_size_m, "symbols": symbols, "sides": sides}

    def restore(self, state: State) -> None:
        self.block_size_m = state["block_size_m"]
        symbols = map(NodeSymbol.parse, state["symbols"])
        self._sides = dict(zip(symbols, state["sides"].copy(), strict=True))

    def are_between(
        self,
        mesh: MeshView,
        camera_m: Float64[np.ndarray, "3"],
        points_m: Float32[np.ndarray, "n 3"],
    ) -> bool:
        """Whether mapped walls stand between a camera and most of the points (at least one).

        A mirror shows a depth camera a room behind the wall that it is fixed to.
        """
        if not self.block_size_m:
            return False
        chosen = np.linspace(0, len(points_m) - 1, min(CHECKED, len(points_m))).round()
        blocked = [
            self._passes_wall(mesh, camera_m, points_m[i].astype(np.float64))
            for i in chosen.astype(int).tolist()
        ]
        return 2 * sum(blocked) > len(blocked)

    def _passes_wall(
        self, mesh: MeshView, camera_m: Float64[np.ndarray, "3"], point_m: Float64[np.ndarray, "3"]
    ) -> bool:
        length_m = float(np.linalg.norm(point_m - camera_m))
        if length_m <= 2 * CLEAR_M:
            return False
        direction = (point_m - camera_m) / length_m
        count = 0
        for key in _blocks_along(camera_m, direction, length_m, self.block_size_m):
            block = mesh.find_block(key)
            if block is None:
                continue
            offset = block.vertices_m[self._is_wall[block.labels]] - camera_m
            along = offset @ direction
            aside = np.linalg.norm(offset - along[:, None] * direction, axis=1)
            between = (along > CLEAR_M) & (along < length_m - CLEAR_M)
            count += int(np.count_nonzero(between & (aside < NEAR_M)))
        return count >= LEAST_VERTICES


def _blocks_along(
    start_m: Float64[np.ndarray, "3"],
    direction: Float64[np.ndarray, "3"],
    length_m: float,
    block_size_m: float,
) -> list[BlockKey]:
    """Blocks that a ray passes, near enough: a step is a quarter of one."""
    steps = np.arange(0.0, length_m, block_size_m / 4)
    keys = np.floor((start_m + steps[:, None] * direction) / block_size_m).astype(int)
    return list(dict.fromkeys((i, j, k) for i, j, k in keys.tolist()))
