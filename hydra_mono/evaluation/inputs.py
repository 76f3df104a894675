"""What an evaluation reads of a run."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.model.scene_graph import SceneGraph


@dataclass(frozen=True, slots=True)
class RunInputs:
    """A run's outputs. ``max_depth_m``: planar depth beyond which it looked at nothing."""

    graph: SceneGraph
    mesh: SemanticMesh
    trajectory: Trajectory
    intrinsics: Intrinsics
    max_depth_m: float
    label_space: LabelSpace

    @property
    def end_ns(self) -> int:
        """Stamp of the last pose; the world is scored as it was then."""
        stamps = self.trajectory.stamps_ns
        return int(stamps[-1]) if len(stamps) else 0


def truth_ids(run: LabelSpace, truth: LabelSpace) -> UInt8[np.ndarray, "256"]:
    """Table from the run's label ids to the truth's, by name; 0 where the truth has no such."""
    table = np.zeros(256, dtype=np.uint8)
    ids = {label.name: label.id for label in truth.labels}
    for label in run.labels:
        table[label.id] = ids.get(label.name, 0)
    return table
