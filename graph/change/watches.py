"""The objects that are watched, and which of them a camera may see."""

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.core.map.state import State
from hydra_mono.graph.change.rays import DepthLook
from hydra_mono.graph.change.samples import PointIndex, Sample
from hydra_mono.graph.change.watch import Watch, restored_watch, watch_state
from hydra_mono.graph.model.symbols import NodeSymbol

MOST_LOOKED = 40  # objects a frame; where more are in view they take turns


class Watches(dict[NodeSymbol, Watch]):
    """Watches by object, with an index of where they are; ``turn``: whose turn it is to be seen."""

    def __init__(self) -> None:
        super().__init__()
        self._index: PointIndex[NodeSymbol] = PointIndex()
        self.turn = 0

    def sampled(self, symbol: NodeSymbol, watch: Watch, sample: Sample) -> None:
        """Puts, or keeps, a watch whose sample is this from now on."""
        watch.sample = sample
        self[symbol] = watch
        self._index.put(symbol, sample.center_m)

    def drop(self, symbol: NodeSymbol) -> None:
        self.pop(symbol, None)
        self._index.drop(symbol)

    def in_view(self, look: DepthLook) -> list[NodeSymbol]:
        """Objects whose bounding sphere touches the view, sorted."""
        camera, pose, reach = look.intrinsics, look.world_from_camera, look.max_depth_m
        x, y = (
            np.array([-c / f, (n - c) / f]) * reach
            for c, f, n in (
                (camera.cx, camera.fx, camera.width),
                (camera.cy, camera.fy, camera.height),
            )
        )
        corners = np.array([[0, 0, 0], *([a, b, reach] for a in x for b in y)])
        corners = corners @ pose[:3, :3].T + pose[:3, 3]
        near = sorted(self._index.near(corners.min(axis=0), corners.max(axis=0)))
        if not near:
            return []
        centers = np.array([self[symbol].sample.center_m for symbol in near], np.float32)
        radii = np.array([self[symbol].sample.radius_m for symbol in near])
        inside = _touches_view(look.camera_points(centers), radii, x / reach, y / reach, reach)
        return [
            symbol for symbol, is_inside in zip(near, inside.tolist(), strict=True) if is_inside
        ]

    def chosen(self, symbols: list[NodeSymbol]) -> list[NodeSymbol]:
        """All of them, or as many as a frame may cost; then they take turns."""
        if len(symbols) <= MOST_LOOKED:
            return symbols
        first = self.turn % len(symbols)
        self.turn += MOST_LOOKED
        return [*symbols[first:], *symbols[:first]][:MOST_LOOKED]

    def state(self) -> State:
        """See ``core.map.state``."""
        return {
            "symbols": [str(symbol) for symbol in self],
            "watches": [watch_state(watch) for watch in self.values()],
            "turn": self.turn,
        }

    @staticmethod
    def restored(state: State) -> "Watches":
        watches = Watches()
        for text, plain in zip(state["symbols"], state["watches"], strict=True):
            watch = restored_watch(plain)
            watches.sampled(NodeSymbol.parse(text), watch, watch.sample)
        watches.turn = state["turn"]
        return watches


def _touches_view(
    centers_m: np.ndarray,
    radii_m: Float64[np.ndarray, " n"],
    x: Float64[np.ndarray, "2"],
    y: Float64[np.ndarray, "2"],
    reach_m: float,
) -> Bool[np.ndarray, " n"]:
    """Whether spheres, in camera axes, touch the view pyramid whose sides are at x and y, z = 1."""
    planes = np.array([[1, 0, -x[0]], [-1, 0, x[1]], [0, 1, -y[0]], [0, -1, y[1]]])
    planes /= np.linalg.norm(planes, axis=1, keepdims=True)
    inside = (centers_m @ planes.T > -radii_m[:, None]).all(axis=1)
    return np.asarray(inside & (centers_m[:, 2] < reach_m + radii_m))
