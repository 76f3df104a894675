"""Trajectories as TUM text: ``t tx ty tz qx qy qz qw``, a pose a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64
from scipy.spatial.transform import Rotation

from hydra_mono.core.errors import DataError, ExportError
from hydra_mono.core.files import atomic

_COLUMNS = "timestamp_s tx ty tz qx qy qz qw"


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
    lines = [f"# {_COLUMNS}"]
    if len(trajectory):
        rows = _positions_and_quats(trajectory)
        stamps = trajectory.stamps_ns.tolist()
        lines += [
            " ".join([_seconds(stamp), *(f"{value:.9f}" for value in row)])
            for stamp, row in zip(stamps, rows.tolist(), strict=True)
        ]
    return "\n".join(lines) + "\n"


def read_tum(path: Path) -> Trajectory:
    """Reads TUM text; lines that start with ``#`` are comments.

    Raises:
        DataError: the file is absent, or a line is no stamp and pose; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read trajectory {path}: {error}") from error
    stamps_ns, rows = [], []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            stamp_ns, row = _parse_line(line, f"{path}, line {number}")
            stamps_ns.append(stamp_ns)
            rows.append(row)
    return Trajectory(np.array(stamps_ns, np.int64), _poses(np.array(rows).reshape(-1, 7)))


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


def _parse_line(line: str, where: str) -> tuple[int, list[float]]:
    fields = line.replace(",", " ").split()
    try:
        stamp_ns = int(np.int64(int(Decimal(fields[0]).scaleb(9).to_integral_value())))
        row = [float(field) for field in fields[1:]]
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise DataError(f"{where}: expected '{_COLUMNS}', found '{line}'") from error
    if len(row) != 7 or not np.isfinite(row).all() or np.linalg.norm(row[3:]) < 1e-6:
        raise DataError(f"{where}: expected '{_COLUMNS}', all finite, found '{line}'")
    return stamp_ns, row


def _poses(rows: Float64[np.ndarray, "n 7"]) -> Float64[np.ndarray, "n 4 4"]:
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    if len(rows):
        poses[:, :3, :3] = Rotation.from_quat(rows[:, 3:]).as_matrix()
        poses[:, :3, 3] = rows[:, :3]
    return poses
