"""Cameras as people give them: with distortion, of another image size, in a file or in EXIF."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.documents import finite, number, parse_json, parse_yaml, read_text, whole
from hydra_mono.core.files.images import exif_focal_35mm, image_size
from hydra_mono.core.frame import Intrinsics
from hydra_mono.datasets.camera import (
    Distortion,
    Resampling,
    checked_camera,
    checked_distortion,
    undistortion,
)

NO_DISTORTION: Distortion = (0.0, 0.0, 0.0, 0.0, 0.0)
FORMS = "fx,fy,cx,cy[,k1,k2,p1,p2[,k3]]"
_DIAGONAL_35MM = 43.267  # mm, of a 36 × 24 mm picture, to which EXIF's equivalent length refers
_LENSES_KEPT = 4  # resamplings kept, lest every frame make its own; one of 960×720 takes 40 MB
_COUNTS = (4, 8, 9)  # numbers without distortion, with OpenCV's four, with k3
_MATRICES = (9, 16)
_KEYS = {  # by the names that documents use
    "fx": ("fx", "fl_x"),
    "fy": ("fy", "fl_y"),
    "cx": ("cx",),
    "cy": ("cy",),
    "width": ("width", "w", "image_width"),
    "height": ("height", "h", "image_height"),
}
_LENS_KEYS = ("k1", "k2", "p1", "p2", "k3")


@dataclass(frozen=True, slots=True)
class LensCamera:
    """A pinhole camera behind a lens; ``distortion`` as in ``undistortion``."""

    intrinsics: Intrinsics
    distortion: Distortion = NO_DISTORTION

    @property
    def is_distorted(self) -> bool:
        return any(self.distortion)

    def resized(self, width: int, height: int) -> "LensCamera":
        return LensCamera(self.intrinsics.resized(width, height), self.distortion)


@dataclass(frozen=True, slots=True)
class GivenCamera:
    """What a user or a file says of a camera; ``size`` is that of the calibrated images.

    Without ``size`` the numbers are those of the images as stored.
    """

    focal_and_centre: tuple[float, float, float, float]
    distortion: Distortion = NO_DISTORTION
    size: tuple[int, int] | None = None
    where: str = "--intrinsics"

    def of(self, width: int, height: int) -> LensCamera:
        """The camera of images of a size.

        Raises:
            DataError: the numbers do not fit it.
        """
        size = self.size or (width, height)
        calibrated = checked_camera(Intrinsics(*self.focal_and_centre, *size), self.where)
        return LensCamera(calibrated.resized(width, height), self.distortion)


@lru_cache(maxsize=_LENSES_KEPT)
def lens_removal(camera: LensCamera) -> Resampling | None:
    """What takes the camera's distortion out of images; None where there is none."""
    return undistortion(camera.intrinsics, camera.distortion) if camera.is_distorted else None


def given_camera(text: str) -> GivenCamera:
    """The camera of ``fx,fy,cx,cy[,k1,k2,p1,p2[,k3]]``, or of a file.

    Raises:
        DataError: it is neither.
    """
    if re.fullmatch(r"[-+.\deE,;\s]+", text):
        return _of_numbers(text.replace(";", " "), "--intrinsics")
    return read_camera(Path(text).expanduser())


def read_camera(path: Path) -> GivenCamera:
    """The camera of a text, JSON or YAML file.

    Text: a 3×3 or 4×4 matrix, the numbers of ``--intrinsics``, or KITTI's ``P0: …``. Documents:
    fx fy cx cy (or fl_x fl_y), width and height where known, k1 k2 p1 p2 k3; or ROS's
    ``camera_matrix`` and ``distortion_coefficients``.

    Raises:
        DataError: it cannot be read, or is none of these.
    """
    text = read_text(path)
    if path.suffix.lower() not in (".json", ".yaml", ".yml"):
        return _of_numbers(_projection(text), path)
    try:
        values = parse_json(text) if path.suffix.lower() == ".json" else parse_yaml(text)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    return camera_of_values(values, path)


def camera_of_values(values: Any, where: Path | str) -> GivenCamera:
    """The camera of a document's mapping, see ``read_camera``.

    Raises:
        DataError: a key is missing, or a value is no number.
    """
    try:
        if not isinstance(values, dict):
            raise ValueError("found no keys")
        if "camera_matrix" in values:
            values = _of_ros(values)
        found = {key: _first(values, names) for key, names in _KEYS.items()}
        found["fy"] = found["fx"] if found["fy"] is None else found["fy"]
        numbers = [finite(found[key]) for key in ("fx", "fy", "cx", "cy")]
        lens = [finite(values.get(key, 0.0)) for key in _LENS_KEYS]
        has_size = found["width"] is not None and found["height"] is not None
        size = (_whole(found["width"]), _whole(found["height"])) if has_size else None
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(f"{where}: expected numbers fx fy cx cy ({error})") from error
    fx, fy, cx, cy = numbers
    return GivenCamera((fx, fy, cx, cy), checked_distortion(lens, where), size, str(where))


def camera_of_exif(path: Path) -> LensCamera:
    """The camera that an image's EXIF tells: a focal length, the centre in the middle.

    Raises:
        DataError: it tells no 35 mm equivalent.
    """
    focal_mm = exif_focal_35mm(path)
    if focal_mm is None:
        raise DataError(
            f"{path}: neither a calibration file nor EXIF tells the camera; give --intrinsics "
            f"{FORMS} or a file"
        )
    width, height = image_size(path)
    focal_px = focal_mm / _DIAGONAL_35MM * (width**2 + height**2) ** 0.5
    centre = (width - 1) / 2, (height - 1) / 2
    return LensCamera(checked_camera(Intrinsics(focal_px, focal_px, *centre, width, height), path))


def _of_numbers(text: str, where: Path | str) -> GivenCamera:
    try:
        values = [finite(number(word)) for word in text.replace(",", " ").split()]
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error
    if len(values) in _MATRICES:
        columns = 3 if len(values) == 9 and values[8] == 1 else 4
        if len(values) == 16 or columns == 3:
            picked = values[0], values[columns + 1], values[2], values[columns + 2]
            return GivenCamera(picked, where=str(where))
    if len(values) not in _COUNTS:
        raise DataError(
            f"{where}: expected {FORMS}, or a 3×3 or 4×4 matrix, found {len(values)} numbers"
        )
    fx, fy, cx, cy = values[:4]
    return GivenCamera((fx, fy, cx, cy), checked_distortion(values[4:], where), None, str(where))


def _projection(text: str) -> str:
    """KITTI's ``P0: 12 numbers`` as the four that count; other text as it is, without comments."""
    match = re.search(r"^\s*P\d?:\s*(.*)$", text, re.MULTILINE)
    if match is None:
        return re.sub(r"#.*", "", text)
    words = match[1].split()
    return " ".join(words[i] for i in (0, 5, 2, 6)) if len(words) == 12 else match[1]


def _of_ros(values: dict[str, Any]) -> dict[str, Any]:
    matrix = values["camera_matrix"]["data"]
    lens = values.get("distortion_coefficients", {}).get("data", [])
    found = dict(zip(("fx", "cx", "fy", "cy"), (matrix[i] for i in (0, 2, 4, 5)), strict=True))
    return values | found | dict(zip(_LENS_KEYS, lens[:5], strict=False))


def _first(values: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((values[name] for name in names if name in values), None)


def _whole(value: object) -> int:
    return whole(int(value) if isinstance(value, float) and value.is_integer() else value)
