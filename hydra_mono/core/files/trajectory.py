"""Trajectories as TUM text: ``t tx ty tz qx qy qz qw``, a pose a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64
from scipy.spatial.transform import Rotation

from hydra_mono.core.errors import DataError, ExportError
from hydra_mono.core.files import atomic
from hydra_mono.core.files.documents import number, read_text, shortened
from hydra_mono.core.files.stamps import SECONDS, parse_stamp, to_ns

TUM_COLUMNS = "timestamp_s tx ty tz qx qy qz qw"
_LEAST_NORM = 1e-6  # of a quaternion that says a direction
_LARGEST = 1e100  # a float holds its square


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Camera poses in the order they were used; camera axes are OpenCV's."""

    stamps_ns: Int64[np.ndarray, " n"]
    world_from_camera: Float64[np.ndarray, "n 4 4"]

    def __len__(self) -> int:
        return len(self.stamps_ns)

    def moved(self, offset_m: tuple[float, float, float]) -> "Trajectory":
        """The same trajectory with an offset added to every position."""
        poses = self.world_from_camera.copy()
        poses[:, :3, 3] += np.array(offset_m)
        return Trajectory(self.stamps_ns, poses)

    @staticmethod
    def of(stamps_ns: Sequence[int], poses: Sequence[Float64[np.ndarray, "4 4"]]) -> "Trajectory":
        """A trajectory of lists that grew with a run."""
        return Trajectory(
            stamps_ns=np.array(stamps_ns, np.int64).reshape(-1),
            world_from_camera=np.array(poses, np.float64).reshape(-1, 4, 4),
        )


def write_tum(
    trajectory: Trajectory, path: Path, origin_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> None:
    """Writes the stamps to the nanosecond and the poses to 1e-9, which are the world's.

    ``origin_m``: what the trajectory's positions are relative to; a comment states it.

    Raises:
        ExportError: a pose is not finite or not rigid, or the file cannot be written.
    """
    comment = "# origin_m {!r} {!r} {!r}\n".format(*origin_m) if any(origin_m) else ""
    atomic.write_text(path, comment + tum_text(trajectory.moved(origin_m)))


def tum_text(trajectory: Trajectory) -> str:
    """The trajectory as TUM text, under a comment that names the columns."""
    lines = [f"# {TUM_COLUMNS}"]
    if len(trajectory):
        rows = _positions_and_quats(trajectory)
        stamps = trajectory.stamps_ns.tolist()
        lines += [
            " ".join([_seconds(stamp), *(f"{value:.9f}" for value in row)])
            for stamp, row in zip(stamps, rows.tolist(), strict=True)
        ]
    return "\n".join(lines) + "\n"


def read_tum(path: Path) -> Trajectory:
    """Reads TUM text in seconds; lines that start with ``#`` are comments.

    Raises:
        DataError: the file is absent, or a line is no stamp and pose; names the line.
    """
    lines = content_lines(read_text(path), path)
    stamps_ns, rows = [], []
    for where, words in lines:
        try:
            stamp, row = parse_tum_line(words)
            stamps_ns.append(to_ns(stamp, SECONDS))
            rows.append(row)
        except ValueError as error:
            raise DataError(f"{where}: {error}") from error
    poses = poses_of(np.array(rows).reshape(-1, 7))
    broken = np.flatnonzero(~np.isfinite(poses).all(axis=(1, 2)))
    if len(broken):
        where, words = lines[broken[0]]
        found = shortened(" ".join(words))
        raise DataError(f"{where}: expected '{TUM_COLUMNS}', all finite, found '{found}'")
    return Trajectory(np.array(stamps_ns, np.int64), poses)


def content_lines(text: str, path: Path) -> list[tuple[str, list[str]]]:
    """Where each line is and its words; comments and empty lines left out."""
    lines = enumerate(text.splitlines(), start=1)
    return [
        (f"{path}, line {count}", line.replace(",", " ").split())
        for count, line in lines
        if line.strip() and not line.lstrip().startswith("#")
    ]


def parse_tum_line(words: list[str]) -> tuple[Decimal, list[float]]:
    """Stamp, position and quaternion (scalar last) of a line; values may be NaN or infinite.

    Raises:
        ValueError: there are not eight numbers, or the stamp is not finite.
    """
    if len(words) != 8:
        found = shortened(" ".join(words))
        raise ValueError(f"expected '{TUM_COLUMNS}', found {len(words)} columns: '{found}'")
    return parse_stamp(words[0]), [number(word) for word in words[1:]]


def poses_of(rows: Float64[np.ndarray, "n 7"]) -> Float64[np.ndarray, "n 4 4"]:
    """Poses of positions and quaternions, scalar last; NaN where a row is no pose."""
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.linalg.norm(rows[:, 3:], axis=1)
        usable = (np.abs(rows) < _LARGEST).all(axis=1) & (norms > _LEAST_NORM)
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[~usable] = np.nan
    if usable.any():
        poses[usable, :3, :3] = Rotation.from_quat(rows[usable, 3:]).as_matrix()
        poses[usable, :3, 3] = rows[usable, :3]
    return poses


def _positions_and_quats(trajectory: Trajectory) -> Float64[np.ndarray, "n 7"]:
    poses = trajectory.world_from_camera
    broken = np.flatnonzero(~np.isfinite(poses).all(axis=(1, 2)))
    if len(broken):
        raise ExportError(f"pose {broken[0]} of the trajectory is not finite")
    try:
        rotations = Rotation.from_matrix(poses[:, :3, :3])
    except ValueError as error:
        raise ExportError(f"the trajectory holds a pose that is no rotation: {error}") from error
    return np.hstack([poses[:, :3, 3], rotations.as_quat(canonical=True)]) + 0.0


def _seconds(stamp_ns: int) -> str:
    whole, rest = divmod(abs(stamp_ns), 10**9)
    return f"{'-' if stamp_ns < 0 else ''}{whole}.{rest:09d}"
