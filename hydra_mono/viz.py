"""The viewer: what a run looks like while it grows. Only this file knows rerun."""

from typing import Protocol

from hydra_mono.core.frame import Frame
from hydra_mono.core.mesh import MeshUpdate
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.scene_graph import SceneGraph


class Viewer(Protocol):
    """Told of every frame and of every update of the map; must never hold the mapper up."""

    def log_frame(self, frame: Frame, prediction: Prediction) -> None: ...

    def log_map(self, mesh: MeshUpdate, graph: SceneGraph) -> None: ...

    def log_timings(self, stage_ms: dict[str, float]) -> None: ...

    def close(self) -> None: ...


class StubViewer:
    """Shows nothing."""

    def log_frame(self, frame: Frame, prediction: Prediction) -> None: ...

    def log_map(self, mesh: MeshUpdate, graph: SceneGraph) -> None: ...

    def log_timings(self, stage_ms: dict[str, float]) -> None: ...

    def close(self) -> None: ...
