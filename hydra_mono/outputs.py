"""The folder a run leaves behind: written whole or not at all, and read back."""

import contextlib
import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import DataError, ExportError
from hydra_mono.core.files import atomic
from hydra_mono.core.files.generation import (
    locate,
    read_generation,
    write_generation,
)
from hydra_mono.core.files.ply import read_ply, write_ply
from hydra_mono.core.files.trajectory import Trajectory, read_tum, write_tum
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.exports import write_export
from hydra_mono.graph.io.dsg_reader import from_dsg, is_dsg
from hydra_mono.graph.io.graph_json import from_document, from_text, to_document, to_text
from hydra_mono.graph.io.origin import negative
from hydra_mono.graph.io.past_json import history_text, read_history
from hydra_mono.graph.io.text import from_json
from hydra_mono.graph.model.scene_graph import SceneGraph

logger = logging.getLogger(__name__)

Part = Literal["config", "metrics", "trajectory", "dsg", "mesh", "graph", "history"]
ALL_PARTS: tuple[Part, ...] = get_args(Part)
FILES: dict[Part, str] = {
    "config": "config.yaml",
    "metrics": "metrics.json",
    "trajectory": "trajectory.tum",
    "dsg": "dsg.json",
    "mesh": "mesh.ply",
    "graph": "graph.json",
    "history": "history.json",
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
    ``origin_m``, and files tell the world's positions. ``metrics`` hold numbers, strings, lists and
    dicts; a number that is not finite is written as null.
    """

    graph: SceneGraph
    mesh: SemanticMesh
    labels: LabelSpace
    stamps_ns: Sequence[int]
    world_from_camera: Sequence[Float64[np.ndarray, "4 4"]]
    config_text: str
    metrics: dict[str, Any]


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


class RunFolder:
    """``<root>/<time>_<sequence>/`` of one run, and the link ``<root>/latest`` to it.

    The link moves once the first outputs are complete, so it never leads to an empty folder.
    """

    def __init__(self, root: Path, sequence_name: str, started: datetime) -> None:
        self._root = root
        for folder in (root, *root.glob("*/")):
            atomic.clear_leftovers(folder)
        self.path = _create_folder(root, f"{started:%Y-%m-%d_%H-%M-%S}_{_safe(sequence_name)}")
        self._is_linked = False

    def write(self, record: RunRecord, parts: tuple[Part, ...] = ALL_PARTS) -> None:
        """Writes the parts aside, then puts all of them in place at once.

        Metrics alone are added to what is there; otherwise older files of parts that are not
        written are removed, since they are of another moment.

        Raises:
            ExportError: the disk is full or a part cannot be written; the files of the last
                complete writing stay as they are.
        """
        writers = {FILES[p]: partial(_WRITERS[p], record) for p in ALL_PARTS if p in parts}
        stamps_ns = record.stamps_ns
        about = {"frames": len(stamps_ns), "last_stamp_ns": int(max(stamps_ns, default=0))}
        stale = [] if parts == ("metrics",) else [FILES[p] for p in ALL_PARTS if p not in parts]
        write_generation(self.path, writers, about, without=stale)
        self._link()

    def _link(self) -> None:
        if self._is_linked:
            return
        self._is_linked = True
        try:
            atomic.point_link(self._root / LATEST, self.path.name)
        except ExportError as error:
            logger.warning("%s; the run is in %s", error, self.path)


def write_new_run(folder: Path, record: RunRecord) -> None:
    """Writes a run into a folder that is new or empty; without success there is none.

    Raises:
        ExportError: the folder cannot be made, the disk is full or a part cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_generation(folder, {FILES[p]: partial(_WRITERS[p], record) for p in ALL_PARTS})
    except OSError as error:
        raise ExportError(f"cannot create {folder}: {error.strerror or error}") from error
    except ExportError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise


def load_run(path: Path) -> LoadedRun:
    """A run of its folder, or the latest run of a folder of runs.

    Raises:
        DataError: there is no run, or its graph, mesh or trajectory is missing or damaged.
    """
    folder = find_run(path)
    return read_generation(folder, COMPARED, partial(_load, folder))


def _load(folder: Path) -> LoadedRun:
    try:
        loaded = from_text(_text(locate(folder, FILES["graph"])))
        history = _text_or_empty(locate(folder, FILES["history"]))
        if history:
            read_history(loaded.graph, history)
        mesh = read_ply(locate(folder, FILES["mesh"]))
    except ExportError as error:
        raise DataError(f"run {folder} is damaged: {error}") from error
    return LoadedRun(
        path=folder,
        graph=loaded.graph,
        mesh=mesh,
        labels=loaded.labels,
        trajectory=read_tum(locate(folder, FILES["trajectory"])).moved(
            negative(loaded.graph.origin_m)
        ),
        metrics=load_metrics(folder),
        config_text=_text_or_empty(locate(folder, FILES["config"])),
    )


def load_graph(path: Path) -> SavedGraph:
    """The graph of a run's folder, of a folder of runs, or of a file of ours or of spark_dsg.

    Raises:
        DataError: there is no graph, or it is damaged.
    """
    if path.is_file():
        return _load_graph_file(path)
    folder = find_run(path)
    return read_generation(folder, (FILES["graph"], FILES["metrics"]), partial(_load_graph, folder))


def _load_graph(folder: Path) -> SavedGraph:
    loaded = _load_graph_file(locate(folder, FILES["graph"]))
    restored_ns = load_metrics(folder).get("restored_ns")
    return SavedGraph(loaded.graph, loaded.labels, folder, restored_ns)


def _load_graph_file(path: Path) -> SavedGraph:
    try:
        document = from_json(_text(path))
        loaded = from_dsg(document) if is_dsg(document) else from_document(document)
    except ExportError as error:
        raise DataError(f"{path}: {error}") from error
    return SavedGraph(loaded.graph, loaded.labels)


def save_edits(saved: SavedGraph) -> None:
    """Writes a run's graph, with what people said of it, in place of the one there.

    Raises:
        ExportError: the graph is no run's, or cannot be written; the one before stays.
    """
    if saved.folder is None:
        raise ExportError("edits are kept in the folder of a run; this graph is a file alone")
    mesh = read_ply(locate(saved.folder, FILES["mesh"]))
    document = to_document(saved.graph, saved.labels)
    writers: dict[str, Callable[[Path], None]] = {
        FILES["graph"]: lambda path: atomic.write_pieces(path, to_text(document)),
        FILES["dsg"]: lambda path: write_export("dsg", saved.graph, mesh, saved.labels, path),
    }
    write_generation(saved.folder, writers)


def find_run(path: Path) -> Path:
    """The run's folder: ``path`` itself, or the latest run within it.

    Raises:
        DataError: neither holds the outputs of a run that a reader needs.
    """
    missing = []
    for folder in (path, path / LATEST):
        missing = [FILES[p] for p in NEEDED if not locate(folder, FILES[p]).is_file()]
        if not missing:
            return folder
        if len(missing) < len(NEEDED):
            raise DataError(f"run {folder} lacks {', '.join(missing)}: it ended too early")
    raise DataError(f"no run in {path}: expected {', '.join(missing)} there or in {path / LATEST}")


def load_metrics(folder: Path) -> dict[str, Any]:
    """The metrics of a run; empty where it has none yet.

    Raises:
        DataError: the file is damaged.
    """
    path = locate(folder, FILES["metrics"])
    try:
        metrics = json.loads(_text_or_empty(path) or "{}")
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    if not isinstance(metrics, dict):
        raise DataError(f"{path} is damaged: no object of figures")
    return metrics


def update_metrics(folder: Path, news: dict[str, Any]) -> None:
    """Adds figures to those of a run, or replaces them.

    Raises:
        DataError: the metrics there are damaged.
        ExportError: the file cannot be written.
    """
    atomic.clear_leftovers(folder)
    metrics = load_metrics(folder) | news
    write_generation(folder, {FILES["metrics"]: partial(_write_metrics, metrics)})


def _write_metrics(metrics: dict[str, Any], path: Path) -> None:
    atomic.write_text(path, json.dumps(_json_safe(metrics), indent=1, allow_nan=False) + "\n")


def _write_graph(record: RunRecord, path: Path) -> None:
    atomic.write_pieces(path, to_text(to_document(record.graph, record.labels)))


def _write_trajectory(record: RunRecord, path: Path) -> None:
    trajectory = Trajectory.of(record.stamps_ns, record.world_from_camera)
    write_tum(trajectory, path, record.graph.origin_m)


_WRITERS: dict[Part, Callable[[RunRecord, Path], None]] = {
    "config": lambda record, path: atomic.write_text(path, record.config_text),
    "metrics": lambda record, path: _write_metrics(record.metrics, path),
    "trajectory": _write_trajectory,
    "dsg": lambda record, path: write_export("dsg", record.graph, record.mesh, record.labels, path),
    "mesh": lambda record, path: write_ply(record.mesh, path, record.graph.origin_m),
    "graph": _write_graph,
    "history": lambda record, path: atomic.write_pieces(path, history_text(record.graph)),
}


def _json_safe(value: Any) -> Any:
    """Plain Python of numpy's numbers; null for what is not finite."""
    if isinstance(value, dict):
        return {str(key): _json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_safe(item) for item in value]
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def _create_folder(root: Path, name: str) -> Path:
    """A new folder; where the name is taken, one with a number behind it."""
    for number in range(1, 1000):
        folder = root / (name if number == 1 else f"{name}_{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise ExportError(f"cannot create {folder}: {error.strerror or error}") from error
    raise ExportError(f"cannot create {root / name}: too many runs of that second")


def _safe(name: str) -> str:
    """A name as one folder name: what a shell or a file system might stumble over becomes ``-``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "sequence"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _text_or_empty(path: Path) -> str:
    return _text(path) if path.is_file() else ""
