"""The viewer: what a run looks like while it is mapped."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from hydra_mono.core.config import ViewerConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import MeshUpdate
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.model.scene_graph import SceneGraph


@runtime_checkable
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


def create_viewer(
    config: ViewerConfig, recording: Path, labels: LabelSpace, sequence: str
) -> Viewer:
    """The viewer of the settings; ``recording`` is where ``save`` writes.

    Raises:
        HydraMonoError: a window without a display, or a port or address that cannot be had.
    """
    if config.mode == "none":
        return StubViewer()
    from hydra_mono.viz.create import create_rerun_viewer  # rerun loads slowly

    return create_rerun_viewer(config, recording, labels, sequence)
