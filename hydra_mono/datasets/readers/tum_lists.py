"""The text files of TUM sequences: lists of stamped images, poses, and what fits together."""

import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from scipy.spatial.transform import Rotation, Slerp

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.datasets.files import read_text

logger = logging.getLogger(__name__)

MAX_PAIR_GAP_NS = 20_000_000  # between colour and depth, as in the benchmark's own tool
MAX_POSE_GAP_NS = 100_000_000  # between the poses that a frame lies between


def interpolated_pose(
    trajectory: Trajectory, stamp_ns: int, frame: str
) -> Float64[np.ndarray, "4 4"]:
    """Pose at a stamp between two recorded ones.

    Raises:
        BadFrameError: ``no-pose``, the stamp lies outside, or in a gap of more than 0.1 s;
            ``nan-pose``, a pose beside it is not finite.
    """
    stamps = trajectory.stamps_ns
    after = int(np.searchsorted(stamps, stamp_ns))
    if after < len(stamps) and int(stamps[after]) == stamp_ns:
        return np.asarray(_finite(trajectory.world_from_camera[after : after + 1], frame)[0])
    if after in (0, len(stamps)):
        raise BadFrameError(frame, "no-pose", "before the first pose or after the last one")
    gap_ns = int(stamps[after] - stamps[after - 1])
    if gap_ns > MAX_POSE_GAP_NS:
        raise BadFrameError(frame, "no-pose", f"the poses round it are {gap_ns / 1e9:.2f} s apart")
    share = float(stamp_ns - stamps[after - 1]) / gap_ns
    ends = _finite(trajectory.world_from_camera[after - 1 : after + 1], frame)
    pose = np.eye(4)
    pose[:3, :3] = Slerp([0.0, 1.0], Rotation.from_matrix(ends[:, :3, :3]))(share).as_matrix()
    pose[:3, 3] = (1 - share) * ends[0, :3, 3] + share * ends[1, :3, 3]
    return pose


def _finite(poses: Float64[np.ndarray, "n 4 4"], frame: str) -> Float64[np.ndarray, "n 4 4"]:
    if not np.isfinite(poses).all():
        raise BadFrameError(frame, "nan-pose", "a pose beside its stamp is not finite")
    return np.asarray(poses)


def associate(
    first_ns: list[int], second_ns: list[int], max_gap_ns: int = MAX_PAIR_GAP_NS
) -> list[tuple[int, int]]:
    """Index pairs of two lists of stamps, the nearest chosen first, each index used once."""
    order = np.argsort(np.array(second_ns, np.int64), kind="stable")
    second = np.array(second_ns, np.int64)[order]
    candidates = []
    for i, stamp in enumerate(first_ns):
        low, high = np.searchsorted(second, [stamp - max_gap_ns + 1, stamp + max_gap_ns])
        near = [int(order[k]) for k in range(int(low), int(high))]
        candidates += [(abs(second_ns[j] - stamp), i, j) for j in near]
    used_first: set[int] = set()
    used_second: set[int] = set()
    pairs = []
    for _, i, j in sorted(candidates):
        if i not in used_first and j not in used_second:
            used_first.add(i)
            used_second.add(j)
            pairs.append((i, j))
    return sorted(pairs)


def read_list(path: Path) -> list[tuple[int, str]]:
    """Stamps and file names, in the file's order."""
    entries = []
    for where, words in read_lines(path):
        if len(words) != 2:
            raise DataError(f"{where}: expected 'timestamp path', found {' '.join(words)!r}")
        entries.append((stamp_of(words[0], where), words[1]))
    return entries


def read_lines(path: Path) -> list[tuple[str, list[str]]]:
    """Where each line is and its words; comments and empty lines left out."""
    lines = enumerate(read_text(path).splitlines(), start=1)
    return [
        (f"{path}, line {number}", line.replace(",", " ").split())
        for number, line in lines
        if line.strip() and not line.lstrip().startswith("#")
    ]


def stamp_of(word: str, where: str) -> int:
    """Seconds with up to nine decimals as nanoseconds, without the rounding of floats.

    Raises:
        DataError: the word is no stamp.
    """
    whole, _, fraction = word.partition(".")
    if not (whole.isdecimal() and (fraction or "0").isdecimal()):
        raise DataError(f"{where}: expected a stamp in seconds, found {word!r}")
    return int(whole) * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)


def read_poses(path: Path) -> Trajectory:
    """Poses by ascending stamp; a pose that is not finite stays, to spoil the frames beside it."""
    stamps_ns, rows = [], []
    for where, words in read_lines(path):
        try:
            row = [float(word) for word in words[1:]]
        except ValueError as error:
            raise DataError(f"{where}: expected numbers, found {' '.join(words)!r}") from error
        if len(row) != 7:
            logger.warning("%s: expected 8 columns, found %d; left out", where, len(words))
            continue
        stamps_ns.append(stamp_of(words[0], where))
        rows.append(row)
    if len(rows) < 2:
        raise DataError(f"{path}: needs two poses or more, found {len(rows)}")
    order = np.argsort(np.array(stamps_ns), kind="stable")
    return Trajectory(np.array(stamps_ns, np.int64)[order], _poses_of(np.array(rows)[order]))


def _poses_of(rows: Float64[np.ndarray, "n 7"]) -> Float64[np.ndarray, "n 4 4"]:
    """Poses of positions and quaternions, scalar last; NaN where a row is no pose."""
    usable = np.isfinite(rows).all(axis=1) & (np.linalg.norm(rows[:, 3:], axis=1) > 1e-6)
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[~usable] = np.nan
    if usable.any():
        poses[usable, :3, :3] = Rotation.from_quat(rows[usable, 3:]).as_matrix()
        poses[usable, :3, 3] = rows[usable, :3]
    return poses
