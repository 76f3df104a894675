"""The camera's own trajectory as agent nodes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.frame import Frame
from hydra_mono.core.geometry import quat_wxyz_from_matrix
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.nodes import AgentNode, Edge
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import CAMERA_PREFIX, NodeSymbol

SEPARATION_M = 0.5  # between nodes: a step of somebody who walks
ROTATION_WEIGHT_M = 0.1  # per unit of the rotation matrix's change (Hydra's pose graph rule)
MIN_INTERVAL_S = 0.2  # between nodes: a thrown camera makes no more than five a second
ACTIVE_LENGTH = 20  # newest nodes that may still be assigned to another place


@dataclass(slots=True)
class _Last:
    symbol: NodeSymbol
    stamp_ns: int
    world_from_camera: Float64[np.ndarray, "4 4"]


class AgentTrail:
    """Adds a node ``a(n)`` where the camera moved on; each is linked to the one before.

    Args:
        separation_m: translation plus 0.1 m · ‖R − R'‖ (Frobenius) between nodes.
        min_interval_s: seconds between nodes.
        active_length: newest nodes that stay active; older ones are left as they are.
    """

    def __init__(
        self,
        separation_m: float = SEPARATION_M,
        min_interval_s: float = MIN_INTERVAL_S,
        active_length: int = ACTIVE_LENGTH,
    ) -> None:
        self._separation_m = separation_m
        self._min_interval_ns = round(min_interval_s * 1e9)
        self._active_length = active_length
        self._last: _Last | None = None
        self._active: list[NodeSymbol] = []

    def update(self, graph: SceneGraph, frame: Frame) -> None:
        """Looks at one frame; costs the same whatever the length of the trail."""
        graph.advance(frame.stamp_ns)
        if not self._moved_on(frame):
            return
        symbol = graph.next_symbol(CAMERA_PREFIX)
        graph.add_node(symbol, _node(frame))
        if self._last is not None and graph.has_node(self._last.symbol):
            edge = Edge(first_seen_ns=frame.stamp_ns, last_seen_ns=frame.stamp_ns)
            graph.add_edge(self._last.symbol, symbol, edge)
        self._last = _Last(symbol, frame.stamp_ns, frame.world_from_camera.copy())
        self._retire(graph, symbol)

    def state(self) -> State:
        """See ``core.map.state``."""
        last = self._last
        return {
            "active": [symbol.number for symbol in self._active],
            "last": None
            if last is None
            else {
                "number": last.symbol.number,
                "stamp_ns": last.stamp_ns,
                "world_from_camera": last.world_from_camera.copy(),
            },
        }

    def restore(self, state: State) -> None:
        last = state["last"]
        self._active = [NodeSymbol(CAMERA_PREFIX, number) for number in state["active"]]
        self._last = None
        if last is not None:
            symbol = NodeSymbol(CAMERA_PREFIX, last["number"])
            self._last = _Last(symbol, last["stamp_ns"], last["world_from_camera"].copy())

    def _moved_on(self, frame: Frame) -> bool:
        if self._last is None:
            return True
        if frame.stamp_ns - self._last.stamp_ns < self._min_interval_ns:
            return False
        change = frame.world_from_camera - self._last.world_from_camera
        moved = float(np.linalg.norm(change[:3, 3]))
        turned = ROTATION_WEIGHT_M * float(np.linalg.norm(change[:3, :3]))
        return moved + turned >= self._separation_m

    def _retire(self, graph: SceneGraph, newest: NodeSymbol) -> None:
        self._active.append(newest)
        while len(self._active) > self._active_length:
            oldest = self._active.pop(0)
            if graph.has_node(oldest):
                graph.update_node(oldest, is_active=False)


def _node(frame: Frame) -> AgentNode:
    x, y, z = (float(value) for value in frame.camera_position_m)
    w, i, j, k = quat_wxyz_from_matrix(frame.world_from_camera[:3, :3])
    return AgentNode(
        position_m=(x, y, z),
        first_seen_ns=frame.stamp_ns,
        last_seen_ns=frame.stamp_ns,
        stamp_ns=frame.stamp_ns,
        quat_wxyz=(w, i, j, k),
    )
