"""The folder a run leaves behind: written whole or not at all."""

import contextlib
import json
import logging
import re
import zipfile
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hydra_mono.core.errors import ExportError
from hydra_mono.core.files import atomic
from hydra_mono.core.files.generation import (
    locate,
    write_generation,
)
from hydra_mono.core.files.ply import read_ply, write_ply
from hydra_mono.core.files.trajectory import Trajectory, write_tum
from hydra_mono.graph.exports import write_export
from hydra_mono.graph.io.graph_json import to_document, to_text
from hydra_mono.graph.io.past_json import history_text
from hydra_mono.outputs.parts import ALL_PARTS, FILES, LATEST, Part, RunRecord, SavedGraph
from hydra_mono.outputs.read import load_metrics

logger = logging.getLogger(__name__)


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
    "images": lambda record, path: _write_images(record, path),
    "history": lambda record, path: atomic.write_pieces(path, history_text(record.graph)),
}


def _write_images(record: RunRecord, path: Path) -> None:
    """JPEGs are stored as they are; equal images make equal bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for symbol, image in sorted(record.images.items()):
            archive.writestr(zipfile.ZipInfo(f"{symbol}.jpg"), image)


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
