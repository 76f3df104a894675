"""Reads back, from a run's folder, what its scoring needs."""

import json
from pathlib import Path
from typing import Any

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.ply import read_ply
from hydra_mono.core.files.trajectory import read_tum
from hydra_mono.core.frame import Intrinsics
from hydra_mono.evaluation.inputs import RunInputs
from hydra_mono.graph.io.graph_json import from_text
from hydra_mono.graph.io.origin import negative


def inputs_of_run(folder: Path) -> RunInputs:
    """A run from its graph.json, mesh.ply, trajectory.tum and the camera in its metrics.json.

    Raises:
        DataError, ExportError: a file is absent, damaged or lacks the camera.
    """
    loaded = from_text(_text(folder / "graph.json"))
    intrinsics, max_depth_m = _camera(folder / "metrics.json")
    return RunInputs(
        graph=loaded.graph,
        mesh=read_ply(folder / "mesh.ply"),
        trajectory=read_tum(folder / "trajectory.tum").moved(negative(loaded.graph.origin_m)),
        intrinsics=intrinsics,
        max_depth_m=max_depth_m,
        label_space=loaded.labels,
    )


def _camera(path: Path) -> tuple[Intrinsics, float]:
    try:
        camera: dict[str, Any] = dict(json.loads(_text(path))["camera"])
        max_depth_m = float(camera.pop("max_depth_m"))
        return Intrinsics(**camera), max_depth_m
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} does not tell the camera the run was made with ({error!r})"
        ) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}; is {path.parent} a finished run?") from error
