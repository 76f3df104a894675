"""Record3D: ``.r3d`` files, their unpacked folders, and the EXR + JPG export.

A zip of ``metadata`` (JSON) and ``rgbd/N.jpg``, ``N.depth`` (LZFSE, float32 metres), ``N.conf``.
Poses are qx qy qz qw tx ty tz of ARKit: camera-to-world, OpenGL axes, y up.
"""

import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.documents import decoded, finite, parse_json, read_content, whole
from hydra_mono.core.files.trajectory import poses_of
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import OPENGL_FROM_OPENCV
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.camera import checked_camera
from hydra_mono.datasets.files import numbers_of_names
from hydra_mono.datasets.images import read_rgb
from hydra_mono.datasets.lens import LensCamera
from hydra_mono.datasets.listed import ListedFrame, ListedSource, ReadDepth, logger

Y_UP = (0.0, 1.0, 0.0)  # of ARKit, which knows gravity
_MOST_BYTES = 1 << 26  # of a file in the zip; hours of metadata have a tenth
_SLACK = 1024  # bytes that packing may add to a depth image
_COLORS = r"(?:.*/)?(?:rgbd|rgb)/(\d+)\.jpe?g"
_DEPTHS = r"(?:.*/)?rgbd/(\d+)\.depth"
_FPS = 60.0  # where neither stamps nor rate are told

Content = Callable[[str], bytes]


class Record3DSource(ListedSource):
    """Depth needs ``pyliblzfse``; without it the frames have none. EXR depth is not read."""

    def __init__(self, path: Path, needs: Needs = EVERYTHING) -> None:
        names, content = _zipped(path) if path.is_file() else _unpacked(path)
        where = f"{path}, metadata"
        values = _metadata(names, content, where)
        colors, depths = (numbers_of_names(names, form) for form in (_COLORS, _DEPTHS))
        decode = _decoder(path) if depths else None
        try:
            poses = _poses(values)
            stamps_ns = _stamps_ns(values, len(poses))
            frames = [
                ListedFrame(
                    name=f"{number:06d}",
                    stamp_ns=stamps_ns[number],
                    pose=poses[number],
                    camera=_camera(values, number, where),
                    color=partial(_color, content, colors[number]),
                    depth=_depth_reader(values, content, depths.get(number), decode),
                )
                for number in sorted(colors)
                if number < len(poses)
            ]
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise DataError(f"{where}: not as Record3D writes it ({error!r})") from error
        super().__init__(path.resolve().stem, frames, needs, world_up=Y_UP)


def _zipped(path: Path) -> tuple[list[str], Content]:
    """Names in the zip, and what reads one of them."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise DataError(f"{path}: no zip as Record3D writes it ({error})") from error

    def content(name: str) -> bytes:
        if sizes.get(name, 0) > _MOST_BYTES:
            raise DataError(f"{path}: {name} declares {sizes[name]} bytes")
        try:
            with zipfile.ZipFile(path) as archive, archive.open(name) as file:
                return file.read(_MOST_BYTES)
        except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, ValueError) as error:
            raise DataError(f"{path}: {name} cannot be read ({error})") from error

    return list(sizes), content


def _unpacked(path: Path) -> tuple[list[str], Content]:
    folder = path / "EXR_RGBD" if (path / "EXR_RGBD").is_dir() else path
    names = [p.relative_to(folder).as_posix() for p in folder.glob("*")]
    names += [p.relative_to(folder).as_posix() for p in folder.glob("rgb*/*")]
    return names, lambda name: read_content(folder / name, _MOST_BYTES)


def _metadata(names: list[str], content: Content, where: str) -> dict[str, Any]:
    found = next((name for name in ("metadata", "metadata.json") if name in names), None)
    if found is None:
        raise DataError(f"{where} is missing; it holds camera and poses")
    try:
        values = parse_json(decoded(content(found)))
        if not isinstance(values, dict) or not isinstance(values.get("poses"), list):
            raise ValueError("found no poses")
    except ValueError as error:
        raise DataError(f"{where}: not as Record3D writes it ({error})") from error
    return values


def _poses(values: dict[str, Any]) -> Float64[np.ndarray, "n 4 4"]:
    rows = np.array(values["poses"], np.float64).reshape(-1, 7)
    return np.asarray(poses_of(rows[:, [4, 5, 6, 0, 1, 2, 3]]) @ OPENGL_FROM_OPENCV)


def _stamps_ns(values: dict[str, Any], count: int) -> list[int]:
    stamps = values.get("frameTimestamps")
    if isinstance(stamps, list) and len(stamps) >= count:
        return [round(finite(stamp) * 1e9) for stamp in stamps]
    rate = finite(values.get("fps", _FPS))
    return [round(number / max(rate, 0.1) * 1e9) for number in range(count)]


def _camera(values: dict[str, Any], number: int, where: str) -> LensCamera:
    """The frame's own numbers, or the matrix, which is stored column by column."""
    size = whole(values["w"]), whole(values["h"])
    each = values.get("perFrameIntrinsicCoeffs")
    if isinstance(each, list) and number < len(each):
        fx, fy, cx, cy = (finite(value) for value in each[number])
    else:
        fx, fy, cx, cy = (finite(values["K"][i]) for i in (0, 4, 6, 7))
    return LensCamera(checked_camera(Intrinsics(fx, fy, cx, cy, *size), where))


def _color(content: Content, file: str, name: str) -> UInt8[np.ndarray, "h w 3"]:
    try:
        data = content(file)
    except DataError as error:
        raise BadFrameError(name, "unreadable-image", str(error)) from error
    return read_rgb(data, name, file)


def _decoder(path: Path) -> Callable[[bytes], bytes] | None:
    try:
        import liblzfse
    except ImportError:
        logger.warning(
            "%s: its depth is left out; it needs pip install 'hydra-mono[record3d]'", path
        )
        return None
    decompress: Callable[[bytes], bytes] = liblzfse.decompress
    return decompress


def _depth_reader(
    values: dict[str, Any],
    content: Content,
    file: str | None,
    decode: Callable[[bytes], bytes] | None,
) -> ReadDepth | None:
    if file is None or decode is None:
        return None
    return partial(_depth, content, file, decode, (whole(values["dh"]), whole(values["dw"])))


def _depth(
    content: Content,
    file: str,
    decode: Callable[[bytes], bytes],
    shape: tuple[int, int],
    name: str,
) -> Float32[np.ndarray, "h w"]:
    try:
        data = content(file)
        if len(data) > 4 * shape[0] * shape[1] + _SLACK:
            raise DataError(f"{len(data)} bytes for {shape[1]}×{shape[0]} pixels")
        depth_m = np.frombuffer(decode(data), "<f4").reshape(shape)
    except Exception as error:  # the library's own error derives from Exception alone
        raise BadFrameError(name, "unreadable-image", f"{file}: {error}") from error
    return np.where(np.isfinite(depth_m) & (depth_m > 0), depth_m, 0).astype(np.float32)
