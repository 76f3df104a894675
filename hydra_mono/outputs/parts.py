"""What a run leaves behind, part by part, in memory and by file name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

Part = Literal["config", "metrics", "trajectory", "dsg", "mesh", "graph", "history", "images"]
ALL_PARTS: tuple[Part, ...] = get_args(Part)
FILES: dict[Part, str] = {
    "config": "config.yaml",
    "metrics": "metrics.json",
    "trajectory": "trajectory.tum",
    "dsg": "dsg.json",
    "mesh": "mesh.ply",
    "graph": "graph.json",
    "history": "history.json",
    "images": "images.zip",
}
LATEST = "latest"
NEEDED: tuple[Part, ...] = ("graph", "mesh", "trajectory")  # by whoever reads a run back
COMPARED = tuple(
    FILES[part] for part in (*NEEDED, "history", "metrics")
)  # with the manifest, on reading


@dataclass(frozen=True)
class RunRecord:
    """Everything there is to write about a run, finished or under way.

    Poses are ``world_from_camera``, one a stamp; they and the mesh are relative to the graph's
    ``origin_m``, and files tell the world's positions. ``images``: JPEGs by object.
    ``metrics`` hold numbers, strings, lists and dicts; a number that is not finite is written as
    null.
    """

    graph: SceneGraph
    mesh: SemanticMesh
    labels: LabelSpace
    stamps_ns: Sequence[int]
    world_from_camera: Sequence[Float64[np.ndarray, "4 4"]]
    config_text: str
    metrics: dict[str, Any]
    images: Mapping[NodeSymbol, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedRun:
    """A run read back; graph, mesh and trajectory are relative to ``graph.origin_m``.

    ``metrics`` and ``config_text`` are empty where it ended too early.
    """

    path: Path
    graph: SceneGraph
    mesh: SemanticMesh
    labels: LabelSpace
    trajectory: Trajectory
    metrics: dict[str, Any]
    config_text: str


@dataclass(frozen=True)
class SavedGraph:
    """The graph of a run or of a file. ``folder``: of the run; None where it is a file alone.

    ``restored_ns``: the last stamp before the map was taken up again, if it was.
    """

    graph: SceneGraph
    labels: LabelSpace
    folder: Path | None = None
    restored_ns: int | None = None
