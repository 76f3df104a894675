"""Reads back what a run left behind: whole, or its graph or metrics alone."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from hydra_mono.core.errors import DataError, ExportError
from hydra_mono.core.files.generation import (
    locate,
    read_generation,
)
from hydra_mono.core.files.ply import read_ply
from hydra_mono.core.files.trajectory import read_tum
from hydra_mono.graph.io.dsg.reader import from_dsg, is_dsg
from hydra_mono.graph.io.graph_json import from_document, from_text
from hydra_mono.graph.io.origin import negative
from hydra_mono.graph.io.past_json import read_history_later
from hydra_mono.graph.io.text import from_json
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.outputs.parts import COMPARED, FILES, LATEST, NEEDED, LoadedRun, SavedGraph


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
        _read_history(folder, loaded.graph)
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


def _read_history(folder: Path, graph: SceneGraph) -> None:
    try:
        if history := _text_or_empty(locate(folder, FILES["history"])):
            read_history_later(graph, history)
    except ExportError as error:
        raise DataError(f"run {folder} is damaged: {error}") from error


def load_graph(path: Path) -> SavedGraph:
    """The graph of a run's folder, of a folder of runs, or of a file of ours or of spark_dsg.

    Raises:
        DataError: there is no graph, or it is damaged.
    """
    if path.is_file():
        return _load_graph_file(path)
    folder = find_run(path)
    compared = (FILES["graph"], FILES["history"], FILES["metrics"])
    return read_generation(folder, compared, partial(_load_graph, folder))


def _load_graph(folder: Path) -> SavedGraph:
    loaded = _load_graph_file(locate(folder, FILES["graph"]))
    _read_history(folder, loaded.graph)
    restored_ns = load_metrics(folder).get("restored_ns")
    return SavedGraph(loaded.graph, loaded.labels, folder, restored_ns)


def _load_graph_file(path: Path) -> SavedGraph:
    try:
        document = from_json(_text(path))
        loaded = from_dsg(document) if is_dsg(document) else from_document(document)
    except ExportError as error:
        raise DataError(f"{path}: {error}") from error
    return SavedGraph(loaded.graph, loaded.labels)


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


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _text_or_empty(path: Path) -> str:
    return _text(path) if path.is_file() else ""
