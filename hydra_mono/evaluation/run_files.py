"""What scoring needs of a run, from its folder."""

from pathlib import Path
from typing import Any

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.evaluation.inputs import RunInputs
from hydra_mono.outputs import load_run


def inputs_of_run(folder: Path) -> RunInputs:
    """A run from its graph, mesh and trajectory, and the camera in its metrics.

    Raises:
        DataError: a file is absent, damaged, of another moment, or does not tell the camera.
    """
    run = load_run(folder)
    intrinsics, max_depth_m = _camera(run.metrics, run.path)
    return RunInputs(
        graph=run.graph,
        mesh=run.mesh,
        trajectory=run.trajectory,
        intrinsics=intrinsics,
        max_depth_m=max_depth_m,
        label_space=run.labels,
    )


def _camera(metrics: dict[str, Any], folder: Path) -> tuple[Intrinsics, float]:
    try:
        camera: dict[str, Any] = dict(metrics["camera"])
        max_depth_m = float(camera.pop("max_depth_m"))
        return Intrinsics(**camera), max_depth_m
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"the metrics of {folder} do not tell the camera the run was made with ({error!r})"
        ) from error
