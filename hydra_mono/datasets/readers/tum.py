"""TUM RGB-D: ``rgb.txt``, ``depth.txt``, ``groundtruth.txt`` and two folders of images.

Sturm et al., "A benchmark for the evaluation of RGB-D SLAM systems", IROS 2012.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.datasets.camera import checked_camera, undistortion
from hydra_mono.datasets.facts import DescribedSource, SequenceFacts
from hydra_mono.datasets.files import (
    depth_from_raw,
    first_size,
    read_integers,
    read_rgb,
    read_text,
    require_file,
    require_size,
)
from hydra_mono.datasets.readers.tum_lists import (
    associate,
    interpolated_pose,
    read_lines,
    read_list,
    read_poses,
    stamp_of,
)

logger = logging.getLogger(__name__)

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


class TumSource(DescribedSource):
    """Colour and depth paired by stamp; poses interpolated to the colour's stamp.

    A frame between two poses takes the straight line and the shortest turn between them, when
    they are at most 0.1 s apart. ``camera.yaml`` in the folder (fx fy cx cy, and where there is
    distortion k1 k2 p1 p2 k3; ``units_per_m``) overrides what the folder's name says.
    """

    def __init__(self, folder: Path) -> None:
        self._pairs = _read_pairs(folder)
        self.facts = SequenceFacts(folder.resolve().name, len(self._pairs))
        self._poses = read_poses(
            require_file(folder / "groundtruth.txt", "poses are needed, one a line")
        )
        self._camera, lens, self._units_per_m = _camera(folder, [pair.rgb for pair in self._pairs])
        self._undistort = undistortion(self._camera, lens) if any(lens) else None

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


def _read_pairs(folder: Path) -> list[_Pair]:
    listed = folder / "associations.txt"
    pairs = _listed_pairs(listed) if listed.is_file() else _paired_by_stamp(folder)
    if not pairs:
        raise DataError(f"{folder}: no colour image has a depth image within 0.02 s")
    return pairs


def _paired_by_stamp(folder: Path) -> list[_Pair]:
    colors = read_list(require_file(folder / "rgb.txt", "it lists stamps and colour images"))
    depths = read_list(require_file(folder / "depth.txt", "it lists stamps and depth images"))
    matches = associate([ns for ns, _ in colors], [ns for ns, _ in depths])
    if len(matches) < len(colors):
        logger.info(
            "%s: %d of %d colour images have no depth image within 0.02 s",
            folder.name,
            len(colors) - len(matches),
            len(colors),
        )
    return [_Pair(colors[i][0], folder / colors[i][1], folder / depths[j][1]) for i, j in matches]


def _listed_pairs(path: Path) -> list[_Pair]:
    """Pairs in the file's own order; either image may come first."""
    pairs = []
    for where, words in read_lines(path):
        kinds = [Path(word).parts[0] for word in words[1::2]]
        if len(words) != 4 or sorted(kinds) != ["depth", "rgb"]:
            raise DataError(
                f"{where}: expected 'timestamp rgb/… timestamp depth/…' in either order, "
                f"found {' '.join(words)!r}"
            )
        at = 2 * kinds.index("rgb")
        stamp_ns = stamp_of(words[at], where)
        rgb, depth = path.parent / words[at + 1], path.parent / words[3 - at]
        pairs.append(_Pair(stamp_ns, rgb, depth))
    return pairs


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
