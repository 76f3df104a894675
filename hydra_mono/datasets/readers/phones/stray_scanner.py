"""Stray Scanner: ``rgb.mp4``, ``odometry.csv``, ``camera_matrix.csv`` and ``depth/NNNNNN``.

Poses are camera-to-world in OpenCV axes, in ARKit's world, whose y is up. The matrix is that of
the video's images; depth is 256×192 in millimetres, PNG or NumPy's format.
"""

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.documents import number, read_text
from hydra_mono.core.files.trajectory import content_lines, poses_of
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.camera import camera_of_matrix
from hydra_mono.datasets.files import numbered_if_there, read_matrix, require_file
from hydra_mono.datasets.images import depth_from_raw
from hydra_mono.datasets.lens import LensCamera
from hydra_mono.datasets.listed import ListedFrame, ListedSource, ReadDepth, depth_file
from hydra_mono.datasets.readers.phones.record3d import Y_UP
from hydra_mono.datasets.readers.posed.video import Video

_COLUMNS = "timestamp, frame, x, y, z, qx, qy, qz, qw"
_MOST_BYTES = 1 << 24  # of a depth array; 256×192 takes 100 kB


class StrayScannerSource(ListedSource):
    """One frame per row of the odometry that the video has an image of."""

    def __init__(self, folder: Path, needs: Needs = EVERYTHING) -> None:
        rows = _odometry(require_file(folder / "odometry.csv", "it holds the poses"))
        matrix = require_file(folder / "camera_matrix.csv", "it holds the camera's 3×3 matrix")
        video = Video(require_file(folder / "rgb.mp4", "it holds the images"))
        camera = LensCamera(camera_of_matrix(read_matrix(matrix), video.size, matrix))
        depths = numbered_if_there(folder / "depth", r"(\d+)\.(?:png|npy)")
        first_s = rows[0, 0]
        frames = [
            ListedFrame(
                name=f"{index:06d}",
                stamp_ns=round((stamp_s - first_s) * 1e9),
                pose=pose,
                camera=camera,
                color=partial(video.read, index),
                depth=_depth_reader(depths[index]) if index in depths else None,
            )
            for stamp_s, index, pose in zip(
                rows[:, 0], rows[:, 1].astype(int).tolist(), poses_of(rows[:, 2:]), strict=True
            )
            if 0 <= index < len(video)
        ]
        super().__init__(folder.resolve().name, frames, needs, world_up=Y_UP)


def _odometry(path: Path) -> np.ndarray:
    """Rows of nine finite numbers.

    Raises:
        DataError: a row is anything else.
    """
    rows: list[list[float]] = []
    for where, words in content_lines(read_text(path), path):
        if not rows and words[0].lower().startswith("timestamp"):
            continue
        try:
            values = [number(word) for word in words]
        except ValueError as error:
            raise DataError(f"{where}: {error}") from error
        if len(values) != 9 or not np.isfinite(values[:2]).all():
            raise DataError(f"{where}: expected '{_COLUMNS}', found {len(values)} columns")
        rows.append(values)
    if not rows:
        raise DataError(f"{path} holds no rows of '{_COLUMNS}'")
    return np.array(rows)


def _depth_reader(path: Path) -> ReadDepth:
    return partial(_array, path) if path.suffix.lower() == ".npy" else depth_file(path)


def _array(path: Path, name: str) -> Float32[np.ndarray, "h w"]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{path.stat().st_size} bytes")
        raw = np.load(path, allow_pickle=False)
        if raw.ndim != 2 or raw.dtype != np.uint16:
            raise ValueError(f"expected a 2-D array of uint16, found {raw.ndim}-D {raw.dtype}")
    except (OSError, ValueError, EOFError) as error:
        raise BadFrameError(name, "unreadable-image", f"{path}: {error}") from error
    return depth_from_raw(raw, 1000.0, name)
