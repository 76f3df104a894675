"""Motion of a frame: detector, tracker and the history of space, as one stage."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Int32

from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.motion import Motion
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.motion.detector import MotionDetector
from hydra_mono.mapping.motion.tracker import Tracker
from hydra_mono.mapping.motion.voxel_history import VoxelHistory, with_neighbours
from hydra_mono.mapping.static_pixels import static_pixels

SeenFree = tuple[Int32[np.ndarray, "n 3"], Bool[np.ndarray, "n 512"]]  # chunks, voxels in them


class MotionMap:
    """Splits every frame into what stands and what moves; remembers who moved."""

    def __init__(self, labels: LabelSpace, voxel_size_m: float) -> None:
        self.voxel_size_m = voxel_size_m
        agent_ids = labels.ids("agent")
        self._history = VoxelHistory()
        self._detector = MotionDetector(self._history, labels.mask(agent_ids), voxel_size_m)
        self._is_agent = labels.mask(agent_ids)
        self._tracker = Tracker(frozenset(agent_ids))
        self._static = np.zeros((0, 3), np.int32)

    def split(self, frame: Frame, prediction: Prediction) -> Motion:
        """Moving pixels and agents of one frame; the history is as it was before it."""
        expected = self._tracker.expected(frame.stamp_ns)
        found = self._detector.detect(frame, prediction, expected)
        moving, self._static = found.moving, found.static
        still = static_pixels(prediction, self._is_agent)
        if still is not None:
            moving = ~still if moving is None else moving | ~still
        agents = self._tracker.update(found.detections, frame.stamp_ns)
        for voxels in self._tracker.settled(frame.stamp_ns):
            self._history.accept(voxels)
        self._history.vacate(found.mistaken)
        return Motion(moving, agents, with_neighbours(found.mistaken))

    def learn(self, frame: Frame, seen_free: SeenFree) -> None:
        """Takes over what the frame saw through, after its moving pixels were left out."""
        self._history.learn(frame.stamp_ns, *seen_free, self._static)

    def state(self) -> dict[str, object]:
        """Everything that ``restore`` needs: arrays and plain numbers."""
        return {
            "history": self._history.state(),
            "tracker": self._tracker.state(),
            "detector": self._detector.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Becomes what ``state`` was taken of."""
        self._history.restore(state["history"])
        self._tracker.restore(state["tracker"])
        self._detector.restore(state["detector"])
