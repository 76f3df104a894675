"""How high the floor lies that somebody before the camera stands on."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from hydra_mono.core.map.state import State
from hydra_mono.mapping.motion.scene import Scene, is_level


@dataclass(frozen=True, slots=True)
class FloorRule:
    """Which of the heights at which level surface was seen is the floor."""

    bin_m: float = 0.05  # of heights: noise of a depth camera on a floor 4 m away
    least_under_m: float = 0.3  # the camera: of a small robot's, too
    most_under_m: float = 2.3  # the camera: held overhead by a tall man
    share: float = 0.15  # of the area in the fullest bin: of floors, furniture hides much
    least_m2: float = 1.0  # in the fullest bin, seen in one frame or in several
    up_cosine: float = 0.85  # of level surface: within 32 degrees, for points are noisy
    fade: float = 0.995  # of what was seen in a frame: other storeys fade within a minute


class Floor:
    """Areas of level static surface by height, of which the floor fills the lowest bin."""

    def __init__(self, rule: FloorRule | None = None) -> None:
        self._rule = rule or FloorRule()
        self._first = 0  # number of the first bin
        self._count = np.zeros(0)

    def learn(self, scene: Scene, static: Bool[np.ndarray, "h w"], camera_m: float) -> None:
        """Takes over what is level of a frame's static surface, seen from a camera at a height."""
        rule = self._rule
        under = camera_m - scene.points_m[..., 2]
        level = static & (under > rule.least_under_m) & (under < rule.most_under_m)
        level &= is_level(scene.points_m, rule.up_cosine)
        self._count *= rule.fade
        if not level.any():
            return
        bins = np.floor(scene.points_m[..., 2][level] / rule.bin_m).astype(np.int64)
        area_m2 = np.square(scene.depth_m[level] * scene.cell_rad)
        self._reach(int(bins.min()), int(bins.max()) + 1)
        self._count += np.bincount(bins - self._first, area_m2, len(self._count))

    def height_m(self, camera_m: float) -> float | None:
        """The floor below a camera at a height; None where none was seen well enough."""
        rule = self._rule
        edges = (np.arange(len(self._count)) + self._first + 0.5) * rule.bin_m
        under = camera_m - edges
        count = np.where((under > rule.least_under_m) & (under < rule.most_under_m), self._count, 0)
        if not len(count) or count.max() < rule.least_m2:
            return None
        lowest = int(np.flatnonzero(count >= rule.share * count.max())[0])
        around = slice(lowest, lowest + 2)  # a floor on the edge of two bins fills both
        return float(np.average(edges[around], weights=count[around]))

    def _reach(self, first: int, end: int) -> None:
        """Makes room for bins from ``first`` up to ``end``."""
        if not len(self._count):
            self._first = first
        before = max(self._first - first, 0)
        after = max(end - self._first - len(self._count), 0)
        self._count = np.pad(self._count, (before, after))
        self._first -= before

    def state(self) -> State:
        """Everything that ``restore`` needs."""
        return {"first": self._first, "count": self._count.copy()}

    def restore(self, state: State) -> None:
        """Becomes what ``state`` was taken of."""
        self._first, self._count = int(state["first"]), state["count"].copy()
