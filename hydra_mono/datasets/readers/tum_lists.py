"""The text files of TUM sequences: lists of stamped images, poses, and what fits together."""

import bisect
import heapq
import logging
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from scipy.spatial.transform import Rotation, Slerp

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.documents import read_text, shortened
from hydra_mono.core.files.stamps import parse_stamp
from hydra_mono.core.files.trajectory import (
    TUM_COLUMNS,
    Trajectory,
    content_lines,
    parse_tum_line,
    poses_of,
)
from hydra_mono.datasets.files import checked_pose

logger = logging.getLogger(__name__)

MAX_PAIR_GAP_NS = 20_000_000  # between colour and depth, as in the benchmark's own tool
MAX_POSE_GAP_NS = 100_000_000  # between the poses that a frame lies between
_UNIT_NORM = 0.9, 1.1  # of a quaternion in text of few digits
_POSE_COLUMNS = 8

Stamped = tuple[Decimal, str]


def interpolated_pose(
    trajectory: Trajectory, stamp_ns: int, frame: str
) -> Float64[np.ndarray, "4 4"]:
    """Pose at a stamp between two recorded ones.

    Raises:
        BadFrameError: ``no-pose``, the stamp lies outside, or in a gap of more than 0.1 s;
            ``nan-pose`` and the like, a pose beside it is none.
    """
    stamps = trajectory.stamps_ns
    after = bisect.bisect_left(stamps, stamp_ns)
    if after < len(stamps) and int(stamps[after]) == stamp_ns:
        return _checked(trajectory, after, frame)
    if after in (0, len(stamps)):
        raise BadFrameError(frame, "no-pose", "before the first pose or after the last one")
    gap_ns = int(stamps[after]) - int(stamps[after - 1])
    if gap_ns > MAX_POSE_GAP_NS:
        raise BadFrameError(frame, "no-pose", f"the poses round it are {gap_ns / 1e9:.2f} s apart")
    share = float(stamp_ns - int(stamps[after - 1])) / gap_ns
    ends = np.stack([_checked(trajectory, index, frame) for index in (after - 1, after)])
    pose = np.eye(4)
    pose[:3, :3] = Slerp([0.0, 1.0], Rotation.from_matrix(ends[:, :3, :3]))(share).as_matrix()
    pose[:3, 3] = (1 - share) * ends[0, :3, 3] + share * ends[1, :3, 3]
    return pose


def _checked(trajectory: Trajectory, index: int, frame: str) -> Float64[np.ndarray, "4 4"]:
    return checked_pose(trajectory.world_from_camera[index], frame, "a pose beside its stamp")


def associate(
    first_ns: Sequence[int], second_ns: Sequence[int], max_gap_ns: int = MAX_PAIR_GAP_NS
) -> list[tuple[int, int]]:
    """Index pairs of two lists of stamps, the nearest chosen first, each index used once.

    The nearest pair left always lies side by side among the stamps left of both lists, so a
    heap of neighbours suffices, however many stamps are equal.
    """
    merged = [(stamp, 0, index) for index, stamp in enumerate(first_ns)]
    merged += [(stamp, 1, index) for index, stamp in enumerate(second_ns)]
    merged.sort(key=lambda item: (item[0], item[1], item[2] if item[1] else -item[2]))
    before = list(range(-1, len(merged) - 1))
    after = list(range(1, len(merged) + 1))
    is_left = [True] * len(merged)
    heap: list[tuple[int, int, int, int, int]] = []

    def offer(left: int, right: int) -> None:
        if left < 0 or right >= len(merged) or merged[left][1] == merged[right][1]:
            return
        gap_ns = merged[right][0] - merged[left][0]
        if gap_ns < max_gap_ns:
            first, second = sorted((merged[left][1:], merged[right][1:]))
            heapq.heappush(heap, (gap_ns, first[1], second[1], left, right))

    for left in range(len(merged) - 1):
        offer(left, left + 1)
    pairs = []
    while heap:
        _, i, j, left, right = heapq.heappop(heap)
        if not (is_left[left] and is_left[right]):
            continue
        pairs.append((i, j))
        is_left[left] = is_left[right] = False
        outer_left, outer_right = before[left], after[right]
        if outer_left >= 0:
            after[outer_left] = outer_right
        if outer_right < len(merged):
            before[outer_right] = outer_left
        offer(outer_left, outer_right)
    return sorted(pairs)


def read_list(path: Path) -> list[Stamped]:
    """Stamps and file names by ascending stamp; names may have blanks, columns after them may not.

    Raises:
        DataError: a line is no stamp and name, or there is none.
    """
    entries = []
    for where, words, line in _lines(path):
        _, _, name = line.replace(",", " ").strip().partition(words[0])
        name = name.strip().strip("\"'")
        if not name:
            raise DataError(f"{where}: expected 'timestamp path', found {shortened(line)!r}")
        if len(words) > 2 and not _is_file(path.parent / name):
            name = words[1]
        if not Path(name).name.startswith("._"):  # what macOS leaves beside every file
            entries.append((stamp_in(words[0], where), name))
    if not entries:
        raise DataError(f"{path} lists nothing; expected 'timestamp path' a line")
    return sorted(entries, key=lambda entry: entry[0])


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system takes
        return False


def read_pairs(path: Path) -> list[tuple[Decimal, str, str]]:
    """Stamp and name of a colour image, name of its depth image, from ``associations.txt``.

    Either image may come first.

    Raises:
        DataError: a line is no pair of a colour and a depth image.
    """
    pairs = []
    for where, words, line in _lines(path):
        match = _PAIR.fullmatch(line.replace(",", " ").strip())
        kinds = [Path(match[at]).parts[0] for at in (2, 4)] if match else []
        if match is None or sorted(kinds) != ["depth", "rgb"]:
            raise DataError(
                f"{where}: expected 'timestamp rgb/… timestamp depth/…' in either order, "
                f"found {shortened(' '.join(words))!r}"
            )
        at = 1 if kinds[0] == "rgb" else 3
        pairs.append((stamp_in(match[at], where), match[at + 1], match[5 - at]))
    return sorted(pairs, key=lambda pair: pair[0])


_PAIR = re.compile(r"(\S+)\s+(\S.*?)\s+([\d.eE+]+)\s+(\S.*)")


def stamp_in(word: str, where: str) -> Decimal:
    """A stamp in whatever unit.

    Raises:
        DataError: the word is no stamp.
    """
    try:
        return parse_stamp(word)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def read_pose_lines(path: Path) -> tuple[list[Decimal], Float64[np.ndarray, "n 4 4"]]:
    """Poses by ascending stamp; what is no pose is NaN and stays, to spoil the frames beside it.

    A line of too few columns is left out; of more than eight, the first eight count where they
    are a pose. Either is said once.

    Raises:
        DataError: a word is no number, or there are fewer than two poses.
    """
    stamps, rows, odd = [], [], []
    for where, words, line in _lines(path):
        if len(words) != _POSE_COLUMNS:
            odd.append(f"{where} has {len(words)} columns: {shortened(line)!r}")
        if len(words) < _POSE_COLUMNS:
            continue
        try:
            stamp, row = parse_tum_line(words[:_POSE_COLUMNS])
        except ValueError as error:
            raise DataError(f"{where}: {error}") from error
        stamps.append(stamp)
        rows.append(row)
    if odd:
        logger.warning("%d lines are not '%s'; the first, %s", len(odd), TUM_COLUMNS, odd[0])
    if len(rows) < 2:
        raise DataError(f"{path}: needs two poses or more, found {len(rows)}")
    order = sorted(range(len(stamps)), key=stamps.__getitem__)
    return [stamps[i] for i in order], _unit_poses(np.array(rows)[order], path)


def _unit_poses(rows: Float64[np.ndarray, "n 7"], path: Path) -> Float64[np.ndarray, "n 4 4"]:
    """Poses; NaN where a quaternion is far from unit length, so that it is none.

    Raises:
        DataError: not one is a quaternion, so the columns mean something else.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.linalg.norm(rows[:, 3:], axis=1)
    is_unit = (norms > _UNIT_NORM[0]) & (norms < _UNIT_NORM[1])
    if not is_unit.any():
        raise DataError(f"{path}: columns 5 to 8 are no unit quaternion; expected '{TUM_COLUMNS}'")
    return poses_of(np.where(is_unit[:, None], rows, np.nan))


def _lines(path: Path) -> list[tuple[str, list[str], str]]:
    """Where each line is, its words and the line; a header without ``#`` is left out."""
    text = read_text(path)
    lines = text.splitlines()
    found = [
        (where, words, lines[int(where.rpartition(" ")[2]) - 1])
        for where, words in content_lines(text, path)
    ]
    if found and re.fullmatch(r"[A-Za-z_]\w*", found[0][1][0]) and len(found) > 1:
        logger.info("%s is taken for a header", found[0][0])
        return found[1:]
    return found
