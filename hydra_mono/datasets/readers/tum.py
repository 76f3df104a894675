"""TUM RGB-D: ``rgb.txt``, ``depth.txt``, ``groundtruth.txt`` and two folders of images.

Sturm et al., "A benchmark for the evaluation of RGB-D SLAM systems", IROS 2012.
"""

import logging
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.documents import finite, parse_yaml, read_text
from hydra_mono.core.files.stamps import SECONDS, to_ns, unit_like, unit_name, unit_of
from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.camera import Distortion, checked_camera, checked_distortion, undistortion
from hydra_mono.datasets.facts import DescribedSource, SequenceFacts
from hydra_mono.datasets.files import require_file
from hydra_mono.datasets.images import (
    checked_units,
    depth_from_raw,
    first_size,
    if_needed,
    read_integers,
    read_rgb,
)
from hydra_mono.datasets.readers.tum_lists import (
    associate,
    interpolated_pose,
    read_list,
    read_pairs,
    read_pose_lines,
)

logger = logging.getLogger(__name__)

UNITS_PER_M = 5000.0

# fx, fy, cx, cy and (k1, k2, p1, p2, k3) as the benchmark publishes them for 640×480
_Camera = tuple[tuple[float, float, float, float], Distortion]
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
    """A colour image, and its depth image where there is one within 0.02 s."""

    stamp_ns: int
    rgb: Path
    depth: Path | None


@dataclass(frozen=True, slots=True)
class _Lists:
    """Every colour image, and the stamps as they are written with the unit they are in."""

    pairs: list[_Pair]
    stamps: list[Decimal]
    unit_ns: int


class TumSource(DescribedSource):
    """Colour and depth paired by stamp; poses interpolated to the colour's stamp.

    A frame between two poses takes the straight line and the shortest turn between them, when
    they are at most 0.1 s apart. Where depth is required, colour without depth is no frame.
    ``camera.yaml`` in the folder (fx fy cx cy, and where there is distortion k1 k2 p1 p2 k3;
    ``units_per_m``) overrides what the folder's name says.
    """

    def __init__(self, folder: Path, needs: Needs = EVERYTHING) -> None:
        lists = _read_lists(folder, needs)
        self._all = lists.pairs
        self._poses = _read_poses(
            require_file(folder / "groundtruth.txt", "poses are needed, one a line"), lists
        )
        images = [pair.rgb for pair in lists.pairs]
        self._camera, lens, self._units_per_m = _camera(folder, images)
        self._undistort = undistortion(self._camera, lens) if any(lens) else None
        has_depth = any(pair.depth for pair in lists.pairs)
        self.facts = SequenceFacts(folder.resolve().name, has_depth=has_depth)
        self.narrow(needs)

    def narrow(self, needs: Needs) -> None:
        super().narrow(needs)
        paired = [pair for pair in self._all if pair.depth is not None]
        self._pairs = paired if needs.depth == "required" else self._all
        self.facts = replace(self.facts, length=len(self._pairs))

    def __getitem__(self, index: int) -> Frame:
        pair = self._pairs[index]
        name = pair.rgb.stem
        pose = interpolated_pose(self._poses, pair.stamp_ns, name)
        rgb = read_rgb(pair.rgb, name, size=self._size)
        lens = self._undistort
        return Frame(
            index=range(len(self))[index],
            name=name,
            stamp_ns=pair.stamp_ns,
            world_from_camera=pose,
            intrinsics=self._camera,
            rgb=lens.color(rgb) if lens else rgb,
            depth_m=if_needed(self.needs.depth, lambda: self._read_depth(pair, name)),
        )

    @property
    def _size(self) -> tuple[int, int]:
        return self._camera.width, self._camera.height

    def _read_depth(self, pair: _Pair, name: str) -> Float32[np.ndarray, "h w"]:
        if pair.depth is None:
            raise BadFrameError(name, "missing-file", "no depth image within 0.02 s")
        raw = read_integers(pair.depth, name, size=self._size)
        depth_m = depth_from_raw(raw, self._units_per_m, name)
        return self._undistort.nearest(depth_m) if self._undistort else depth_m


def _read_lists(folder: Path, needs: Needs) -> _Lists:
    """The sequence's images by ascending stamp.

    Raises:
        DataError: a list is missing, or depth is required and no pair is within 0.02 s.
    """
    listed = folder / "associations.txt"
    if listed.is_file():
        lines = read_pairs(listed)
        stamps = [stamp for stamp, _, _ in lines]
        colors, depths = [rgb for _, rgb, _ in lines], [depth for _, _, depth in lines]
        unit_ns = unit_of(stamps)
        stamps_ns = _stamps_ns(stamps, unit_ns, listed)
        paired: list[str | None] = [*depths]
    else:
        path = require_file(folder / "rgb.txt", "it lists stamps and colour images")
        entries = read_list(path)
        stamps, colors = [stamp for stamp, _ in entries], [name for _, name in entries]
        unit_ns = unit_of(stamps)
        stamps_ns = _stamps_ns(stamps, unit_ns, path)
        paired = _depths_beside(folder, stamps, stamps_ns, unit_ns, needs)
    pairs = [
        _Pair(stamp_ns, folder / rgb, folder / depth if depth else None)
        for stamp_ns, rgb, depth in zip(stamps_ns, colors, paired, strict=True)
    ]
    if unit_ns != SECONDS:
        logger.warning("%s: stamps are taken for %s", folder.name, unit_name(unit_ns))
    return _Lists(pairs, stamps, unit_ns)


def _stamps_ns(stamps: list[Decimal], unit_ns: int, path: Path) -> list[int]:
    try:
        return [to_ns(stamp, unit_ns) for stamp in stamps]
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error


def _depths_beside(
    folder: Path, stamps: list[Decimal], stamps_ns: list[int], unit_ns: int, needs: Needs
) -> list[str | None]:
    """For each colour image the depth image nearest to it, within 0.02 s."""
    path = folder / "depth.txt"
    paired: list[str | None] = [None] * len(stamps_ns)
    if needs.depth == "required":
        require_file(path, "it lists stamps and depth images")
    elif not path.is_file():
        return paired
    depths = read_list(path)
    depth_stamps = [stamp for stamp, _ in depths]
    depth_ns = _stamps_ns(depth_stamps, unit_like(depth_stamps, stamps, unit_ns), path)
    for i, j in associate(stamps_ns, depth_ns):
        paired[i] = depths[j][1]
    lone = paired.count(None)
    if lone:
        logger.info(
            "%s: %d of %d colour images have no depth image within 0.02 s",
            folder.name,
            lone,
            len(paired),
        )
    if lone == len(paired) and needs.depth == "required":
        raise DataError(f"{folder}: no colour image has a depth image within 0.02 s")
    return paired


def _read_poses(path: Path, lists: _Lists) -> Trajectory:
    stamps, poses = read_pose_lines(path)
    unit_ns = unit_like(stamps, lists.stamps, lists.unit_ns)
    if unit_ns != lists.unit_ns:
        logger.warning("%s: stamps are taken for %s", path, unit_name(unit_ns))
    return Trajectory(np.array(_stamps_ns(stamps, unit_ns, path), np.int64), poses)


def _camera(folder: Path, images: list[Path]) -> tuple[Intrinsics, Distortion, float]:
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


def _camera_from_yaml(path: Path, size: tuple[int, int]) -> tuple[Intrinsics, Distortion, float]:
    try:
        values = parse_yaml(read_text(path))
        if not isinstance(values, dict):
            raise ValueError("found no keys")
        fx, fy, cx, cy = (finite(values[key]) for key in _CAMERA_KEYS)
        lens = [finite(values.get(key, 0.0)) for key in _DISTORTION_KEYS]
        units_per_m = finite(values.get("units_per_m", UNITS_PER_M))
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: expected numbers fx fy cx cy ({error})") from error
    camera = checked_camera(Intrinsics(fx, fy, cx, cy, *size), path)
    return camera, checked_distortion(lens, path), checked_units(units_per_m, path)
