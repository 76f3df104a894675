"""ScanNet's ``.sens``: one binary file with cameras, poses, colour and depth of a scene."""

import logging
import os
import struct
import zlib
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.camera import Resampling, camera_of_matrix, same_ray
from hydra_mono.datasets.facts import DescribedSource, SequenceFacts, or_fault
from hydra_mono.datasets.files import FRAME_NS, checked_pose
from hydra_mono.datasets.images import checked_units, depth_from_raw, if_needed, read_rgb
from hydra_mono.datasets.readers.scannet_scene import (
    axis_alignment,
    open_labels,
    table_of,
)

logger = logging.getLogger(__name__)

VERSIONS = (3, 4)  # 4 adds inertial samples after the frames, which are not read
_COLORS = {-1: "unknown", 0: "raw", 1: "png", 2: "jpeg"}
_RAW_DEPTH, _ZLIB_DEPTH = 0, 1
_FRAME_HEADER = struct.Struct("<16f4Q")
_MAX_FRAMES = 10**7
_MAX_NAME = 10**4
_MOST_US = 2**63 // 1000  # of a stamp, so that 64 bits hold it in nanoseconds
_DENSEST = 1032  # deflate's best ratio


@dataclass(frozen=True, slots=True)
class _Header:
    color_matrix: Float64[np.ndarray, "4 4"]
    depth_matrix: Float64[np.ndarray, "4 4"]
    color_format: int
    depth_format: int
    color_size: tuple[int, int]
    depth_size: tuple[int, int]
    units_per_m: float
    frame_count: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a frame's images lie in the file."""

    pose: tuple[float, ...]
    color_us: int
    depth_us: int
    color_at: int
    color_bytes: int
    depth_bytes: int


class ScanNetSensSource(DescribedSource):
    """Frames of the depth camera, streamed from the file; colour and labels resampled to it.

    Opening seeks from frame to frame and reads no image. Where the file ends too early, the
    frames before the cut are there and each one after it raises ``BadFrameError``.
    """

    def __init__(self, path: Path, needs: Needs = EVERYTHING) -> None:
        self._path = sens_file(path)
        with self._path.open("rb") as file:
            self._header = _read_header(file, self._path)
            self._entries = _read_index(file, self._header.frame_count, self._path)
        header = self._header
        self._camera = camera_of_matrix(header.depth_matrix, header.depth_size, self._path)
        color = camera_of_matrix(header.color_matrix, header.color_size, self._path)
        self._align = _alignment(color, self._camera)
        scene, name = self._path.parent, self._path.stem
        cameras, frames = (color, self._camera), range(header.frame_count)
        self._labels, fault = or_fault(lambda: open_labels(name, (scene,), cameras, frames))
        self._world_from_scan = axis_alignment(scene, name)
        table = table_of(self._labels)
        self.facts = SequenceFacts(name, header.frame_count, table=table, label_fault=fault)
        self._has_stamps = len({entry.color_us for entry in self._entries[:50]}) > 1
        self.narrow(needs)

    def __getitem__(self, index: int) -> Frame:
        number = range(len(self))[index]
        name = f"{number:06d}"
        if number >= len(self._entries):
            raise BadFrameError(name, "truncated-file", f"{self._path} ends before this frame")
        entry = self._entries[number]
        pose = checked_pose(np.array(entry.pose), name, f"{self._path}, frame {number}")
        color, depth = self._read_images(entry)
        return Frame(
            index=number,
            name=name,
            stamp_ns=self._stamp_ns(entry, number, name),
            world_from_camera=self._world_from_scan @ pose,
            intrinsics=self._camera,
            rgb=self._decode_color(color, name),
            depth_m=if_needed(self.needs.depth, lambda: self._decode_depth(depth, name)),
            labels=if_needed(self.needs.labels, lambda: self._read_labels(number, name)),
        )

    def _stamp_ns(self, entry: _Entry, number: int, name: str) -> int:
        if not self._has_stamps:
            return number * FRAME_NS
        if entry.color_us >= _MOST_US:
            detail = f"{self._path}: {entry.color_us} µs is beyond 64 bits of nanoseconds"
            raise BadFrameError(name, "unreadable-stamp", detail)
        return entry.color_us * 1000

    def _read_labels(self, number: int, name: str) -> UInt8[np.ndarray, "h w"] | None:
        return self._labels.read(number, name) if self._labels else None

    def _read_images(self, entry: _Entry) -> tuple[bytes, bytes]:
        with self._path.open("rb") as file:
            file.seek(entry.color_at)
            return file.read(entry.color_bytes), file.read(entry.depth_bytes)

    def _decode_color(self, data: bytes, name: str) -> UInt8[np.ndarray, "h w 3"]:
        width, height = size = self._header.color_size
        if self._header.color_format != 0:
            rgb = read_rgb(data, name, f"{self._path}, colour", size)
        elif len(data) != width * height * 3:
            raise BadFrameError(name, "wrong-size", f"{len(data)} bytes of raw colour")
        else:
            rgb = np.frombuffer(data, np.uint8).reshape(height, width, 3)
        return self._align.color(rgb) if self._align else rgb

    def _decode_depth(self, data: bytes, name: str) -> Float32[np.ndarray, "h w"]:
        width, height = self._header.depth_size
        expected = width * height * 2
        if self._header.depth_format == _ZLIB_DEPTH and expected <= _DENSEST * len(data):
            try:
                data = zlib.decompressobj().decompress(data, expected + 1)
            except zlib.error as error:
                detail = f"{self._path}, depth: {error}"
                raise BadFrameError(name, "unreadable-image", detail) from error
        if len(data) != expected:
            detail = f"{self._path}: {len(data)} bytes of depth, expected {expected}"
            raise BadFrameError(name, "wrong-size", detail)
        raw = np.frombuffer(data, "<u2").astype(np.uint16).reshape(height, width)
        return depth_from_raw(raw, self._header.units_per_m, name)


def sens_file(path: Path) -> Path:
    """The ``.sens`` file itself, or the one in a folder.

    Raises:
        DataError: there is none, or more than one.
    """
    if not path.is_dir():
        return path
    found = sorted(file for file in path.glob("*.[sS][eE][nN][sS]") if file.name[0] != ".")
    if len(found) != 1:
        raise DataError(f"{path}: expected one .sens file, found {len(found)}; name the file")
    return found[0]


def _alignment(color: Intrinsics, depth: Intrinsics) -> Resampling | None:
    return None if color == depth else same_ray(color, depth)


def _read_header(file: BufferedReader, path: Path) -> _Header:
    try:
        (version,) = _unpack(file, "<I")
        if version not in VERSIONS:
            raise DataError(f"{path}: .sens version {version}; versions 3 and 4 can be read")
        (name_bytes,) = _unpack(file, "<Q")
        if name_bytes > _MAX_NAME:
            raise DataError(f"{path}: not a .sens file (its name would be {name_bytes} bytes long)")
        file.seek(name_bytes, os.SEEK_CUR)
        matrices = [np.array(_unpack(file, "<16f"), np.float64).reshape(4, 4) for _ in range(4)]
        color_format, depth_format = _unpack(file, "<2i")
        color_width, color_height, depth_width, depth_height = _unpack(file, "<4I")
        (units_per_m,) = _unpack(file, "<f")
        (frame_count,) = _unpack(file, "<Q")
    except struct.error as error:
        raise DataError(f"{path} ends within its header; download it again") from error
    header = _Header(
        color_matrix=matrices[0],
        depth_matrix=matrices[2],
        color_format=color_format,
        depth_format=depth_format,
        color_size=(color_width, color_height),
        depth_size=(depth_width, depth_height),
        units_per_m=units_per_m,
        frame_count=frame_count,
    )
    _check_header(header, path)
    return header


def _check_header(header: _Header, path: Path) -> None:
    if header.color_format not in _COLORS:
        raise DataError(f"{path}: unknown colour compression {header.color_format}")
    if header.depth_format not in (_RAW_DEPTH, _ZLIB_DEPTH):
        raise DataError(
            f"{path}: depth compression {header.depth_format} (occi) needs a proprietary decoder; "
            "export the scene with zlib depth"
        )
    checked_units(header.units_per_m, f"{path}, depth shift")
    if not 0 < header.frame_count <= _MAX_FRAMES:
        raise DataError(f"{path}: announces {header.frame_count} frames; the header is damaged")


def _read_index(file: BufferedReader, count: int, path: Path) -> list[_Entry]:
    """Entries of the frames that are complete, without reading an image."""
    size = os.fstat(file.fileno()).st_size
    entries: list[_Entry] = []
    while len(entries) < count:
        header = file.read(_FRAME_HEADER.size)
        if len(header) < _FRAME_HEADER.size:
            break
        *pose, color_us, depth_us, color_bytes, depth_bytes = _FRAME_HEADER.unpack(header)
        color_at = file.tell()
        if color_at + color_bytes + depth_bytes > size:
            break
        entries.append(_Entry(tuple(pose), color_us, depth_us, color_at, color_bytes, depth_bytes))
        file.seek(color_bytes + depth_bytes, os.SEEK_CUR)
    if len(entries) < count:
        logger.warning("%s is cut off: %d of %d frames are there", path, len(entries), count)
    return entries


def _unpack(file: BufferedReader, layout: str) -> tuple[Any, ...]:
    form = struct.Struct(layout)
    return form.unpack(file.read(form.size))
