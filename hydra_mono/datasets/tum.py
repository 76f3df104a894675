"""TUM RGB-D: ``rgb.txt``, ``depth.txt``, ``groundtruth.txt`` and two folders of images.

Sturm et al., "A benchmark for the evaluation of RGB-D SLAM systems", IROS 2012.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Float64
from scipy.spatial.transform import Rotation, Slerp

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import NO_LABELS, LabelSpace
from hydra_mono.core.trajectory import Trajectory, read_tum
from hydra_mono.datasets.camera import checked_camera, undistortion
from hydra_mono.datasets.files import (
    depth_from_raw,
    first_size,
    read_integers,
    read_rgb,
    read_text,
    require_file,
    require_size,
)

logger = logging.getLogger(__name__)

MAX_PAIR_GAP_NS = 20_000_000  # between colour and depth, as in the benchmark's own tool
MAX_POSE_GAP_NS = 100_000_000  # between the poses that a frame lies between
UNITS_PER_M = 5000.0

# fx, fy, cx, cy and (k1, k2, p1, p2, k3) as the benchmark publishes them for 640×480
_Camera = tuple[tuple[float, float, float, float], tuple[float, float, float, float, float]]
_CAMERAS: dict[str, _Camera] = {
    "freiburg1": ((517.3, 516.5, 318.6, 255.3), (0.2624, -0.9531, -0.0054, 0.0026, 1.1633)),
    "freiburg2": ((520.9, 521.0, 325.1, 249.7), (0.2312, -0.7849, -0.0033, -0.0001, 0.9172)),
    "freiburg3": ((535.4, 539.2, 320.1, 247.6), (0.0, 0.0, 0.0, 0.0, 0.0)),
    "": ((525.0, 525.0, 319.5, 239.5), (0.0, 0.0, 0.0, 0.0, 0.0)),
}
_CAMERA_KEYS = ("fx", "fy", "cx", "cy")
_DISTORTION_KEYS = ("k1", "k2", "p1", "p2", "k3")


@dataclass(frozen=True, slots=True)
class _Pair:
    stamp_ns: int
    rgb: Path
    depth: Path


class TumSource:
    """Colour and depth paired by stamp; poses interpolated to the colour's stamp.

    A frame between two poses takes the straight line and the shortest turn between them, when
    they are at most 0.1 s apart. ``camera.yaml`` in the folder (fx fy cx cy, and where there is
    distortion k1 k2 p1 p2 k3; ``units_per_m``) overrides what the folder's name says.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pairs = _read_pairs(folder)
        self._poses = read_tum(
            require_file(folder / "groundtruth.txt", "poses are needed, one a line")
        )
        if len(self._poses) < 2 or (np.diff(self._poses.stamps_ns) < 0).any():
            raise DataError(f"{folder}/groundtruth.txt: needs two poses or more, in order of time")
        self._camera, lens, self._units_per_m = _camera(folder, [pair.rgb for pair in self._pairs])
        self._undistort = undistortion(self._camera, lens) if any(lens) else None

    @property
    def name(self) -> str:
        return self._folder.resolve().name

    @property
    def label_space(self) -> LabelSpace:
        return NO_LABELS

    @property
    def world_up(self) -> tuple[float, float, float]:
        return (0.0, 0.0, 1.0)

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> Frame:
        pair = self._pairs[index]
        name = pair.rgb.stem
        pose = interpolated_pose(self._poses, pair.stamp_ns, name)
        rgb = read_rgb(pair.rgb, name)
        depth_m = depth_from_raw(read_integers(pair.depth, name), self._units_per_m, name)
        camera, lens = self._camera, self._undistort
        require_size(rgb, camera.width, camera.height, name, str(pair.rgb))
        require_size(depth_m, camera.width, camera.height, name, str(pair.depth))
        return Frame(
            index=index,
            name=name,
            stamp_ns=pair.stamp_ns,
            world_from_camera=pose,
            intrinsics=camera,
            rgb=lens.color(rgb) if lens else rgb,
            depth_m=lens.nearest(depth_m) if lens else depth_m,
        )


def interpolated_pose(
    trajectory: Trajectory, stamp_ns: int, frame: str
) -> Float64[np.ndarray, "4 4"]:
    """Pose at a stamp between two recorded ones.

    Raises:
        BadFrameError: ``no-pose``, the stamp lies outside, or in a gap of more than 0.1 s.
    """
    stamps = trajectory.stamps_ns
    after = int(np.searchsorted(stamps, stamp_ns))
    if after < len(stamps) and int(stamps[after]) == stamp_ns:
        return np.asarray(trajectory.world_from_camera[after])
    if after in (0, len(stamps)):
        raise BadFrameError(frame, "no-pose", "before the first pose or after the last one")
    gap_ns = int(stamps[after] - stamps[after - 1])
    if gap_ns > MAX_POSE_GAP_NS:
        raise BadFrameError(frame, "no-pose", f"the poses round it are {gap_ns / 1e9:.2f} s apart")
    share = float(stamp_ns - stamps[after - 1]) / gap_ns
    ends = trajectory.world_from_camera[after - 1 : after + 1]
    pose = np.eye(4)
    pose[:3, :3] = Slerp([0.0, 1.0], Rotation.from_matrix(ends[:, :3, :3]))(share).as_matrix()
    pose[:3, 3] = (1 - share) * ends[0, :3, 3] + share * ends[1, :3, 3]
    return pose


def associate(
    first_ns: list[int], second_ns: list[int], max_gap_ns: int = MAX_PAIR_GAP_NS
) -> list[tuple[int, int]]:
    """Index pairs of two ascending lists of stamps, nearest first, each index used once."""
    second = np.array(second_ns, np.int64)
    candidates = []
    for i, stamp in enumerate(first_ns):
        low, high = np.searchsorted(second, [stamp - max_gap_ns + 1, stamp + max_gap_ns])
        candidates += [(abs(int(second[j]) - stamp), i, j) for j in range(int(low), int(high))]
    used_first: set[int] = set()
    used_second: set[int] = set()
    pairs = []
    for _, i, j in sorted(candidates):
        if i not in used_first and j not in used_second:
            used_first.add(i)
            used_second.add(j)
            pairs.append((i, j))
    return sorted(pairs)


def _read_pairs(folder: Path) -> list[_Pair]:
    listed = folder / "associations.txt"
    pairs = _listed_pairs(listed) if listed.is_file() else _paired_by_stamp(folder)
    if not pairs:
        raise DataError(f"{folder}: no colour image has a depth image within 0.02 s")
    return pairs


def _paired_by_stamp(folder: Path) -> list[_Pair]:
    colors = _read_list(require_file(folder / "rgb.txt", "it lists stamps and colour images"))
    depths = _read_list(require_file(folder / "depth.txt", "it lists stamps and depth images"))
    matches = associate([ns for ns, _ in colors], [ns for ns, _ in depths])
    if len(matches) < len(colors):
        logger.info(
            "%s: %d of %d colour images have no depth image within 0.02 s",
            folder.name,
            len(colors) - len(matches),
            len(colors),
        )
    return [_Pair(colors[i][0], folder / colors[i][1], folder / depths[j][1]) for i, j in matches]


def _read_list(path: Path) -> list[tuple[int, str]]:
    """Stamps and file names, by ascending stamp."""
    entries = []
    for where, words in _lines(path):
        if len(words) != 2:
            raise DataError(f"{where}: expected 'timestamp path', found {' '.join(words)!r}")
        entries.append((_stamp_ns(words[0], where), words[1]))
    return sorted(entries)


def _listed_pairs(path: Path) -> list[_Pair]:
    """Pairs in the file's own order; either image may come first."""
    pairs = []
    for where, words in _lines(path):
        kinds = [Path(word).parts[0] for word in words[1::2]]
        if len(words) != 4 or sorted(kinds) != ["depth", "rgb"]:
            raise DataError(
                f"{where}: expected 'timestamp rgb/… timestamp depth/…' in either order, "
                f"found {' '.join(words)!r}"
            )
        at = 2 * kinds.index("rgb")
        stamp_ns = _stamp_ns(words[at], where)
        rgb, depth = path.parent / words[at + 1], path.parent / words[3 - at]
        pairs.append(_Pair(stamp_ns, rgb, depth))
    return pairs


def _lines(path: Path) -> list[tuple[str, list[str]]]:
    lines = enumerate(read_text(path).splitlines(), start=1)
    return [
        (f"{path}, line {number}", line.replace(",", " ").split())
        for number, line in lines
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _stamp_ns(word: str, where: str) -> int:
    whole, _, fraction = word.partition(".")
    if not (whole.isdecimal() and (fraction or "0").isdecimal()):
        raise DataError(f"{where}: expected a stamp in seconds, found {word!r}")
    return int(whole) * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)


def _camera(
    folder: Path, images: list[Path]
) -> tuple[Intrinsics, tuple[float, float, float, float, float], float]:
    """Intrinsics, distortion and depth units, from ``camera.yaml`` or the folder's name."""
    size = first_size(images)
    override = folder / "camera.yaml"
    if override.is_file():
        return _camera_from_yaml(override, size)
    name = folder.resolve().name
    key = next((key for key in _CAMERAS if key and key in name), "")
    if not key:
        logger.warning("%s: not a Freiburg camera by its name; assuming 525 525 319.5 239.5", name)
    (fx, fy, cx, cy), lens = _CAMERAS[key]
    published = Intrinsics(fx=fx, fy=fy, cx=cx, cy=cy, width=640, height=480)
    return published.resized(*size), lens, UNITS_PER_M


def _camera_from_yaml(
    path: Path, size: tuple[int, int]
) -> tuple[Intrinsics, tuple[float, float, float, float, float], float]:
    try:
        values: dict[str, Any] = yaml.safe_load(read_text(path))
        fx, fy, cx, cy = (float(values[key]) for key in _CAMERA_KEYS)
        k1, k2, p1, p2, k3 = (float(values.get(key, 0.0)) for key in _DISTORTION_KEYS)
        units_per_m = float(values.get("units_per_m", UNITS_PER_M))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: expected numbers fx fy cx cy ({error!r})") from error
    return (
        checked_camera(Intrinsics(fx, fy, cx, cy, *size), path),
        (k1, k2, p1, p2, k3),
        units_per_m,
    )
