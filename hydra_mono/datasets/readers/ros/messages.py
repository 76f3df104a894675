"""Images and calibrations of ROS messages as arrays and cameras."""

import struct
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.images import MOST_PIXELS
from hydra_mono.core.frame import Intrinsics
from hydra_mono.datasets.camera import checked_camera, checked_distortion
from hydra_mono.datasets.images import depth_from_raw, read_integers, read_rgb
from hydra_mono.datasets.lens import LensCamera

_CHANNELS = {"rgb8": (0, 1, 2), "bgr8": (2, 1, 0), "rgba8": (0, 1, 2), "bgra8": (2, 1, 0)}
_GREY = ("mono8", "8UC1")
_DEPTHS = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}
_DEPTH_HEADER = 12  # bytes of compressedDepth before its PNG
_STAMP_END = 12  # bytes: a sequence number or CDR's encapsulation, then the stamp
_LENSES = ("plumb_bob", "rational_polynomial", "")


def color_of(message: Any, name: str, where: str) -> UInt8[np.ndarray, "h w 3"]:
    """The colour of an Image or CompressedImage.

    Raises:
        BadFrameError: it is damaged, or of an encoding that is not read.
    """
    if not hasattr(message, "encoding"):
        return read_rgb(bytes(message.data), name, where)
    encoding = message.encoding
    if encoding in _CHANNELS:
        pixels = _pixels(message, "u1", 4 if "a8" in encoding else 3, name, where)
        return np.ascontiguousarray(pixels[..., _CHANNELS[encoding]])
    if encoding in _GREY:
        return np.repeat(_pixels(message, "u1", 1, name, where), 3, axis=2)
    read = ", ".join((*_CHANNELS, *_GREY))
    raise BadFrameError(name, "unreadable-image", f"{where}: encoding {encoding}; read are {read}")


def depth_of(message: Any, name: str, where: str) -> Float32[np.ndarray, "h w"]:
    """Metres of an Image (millimetres or float metres) or of compressedDepth.

    Raises:
        BadFrameError: it is damaged, or of an encoding that is not read.
    """
    if not hasattr(message, "encoding"):
        data = bytes(message.data)
        start = 0 if data.startswith(b"\x89PNG") else _DEPTH_HEADER
        return depth_from_raw(read_integers(data[start:], name, where), 1000.0, name)
    kind = _DEPTHS.get(message.encoding)
    if kind is None:
        detail = f"{where}: encoding {message.encoding}; read are {', '.join(_DEPTHS)}"
        raise BadFrameError(name, "unreadable-image", detail)
    pixels = _pixels(message, kind, 1, name, where)[..., 0]
    if kind == "u2":
        return depth_from_raw(pixels.astype(np.uint16), 1000.0, name)
    is_measured = np.isfinite(pixels) & (pixels > 0)
    return np.where(is_measured, pixels, 0).astype(np.float32)


def _pixels(message: Any, kind: str, channels: int, name: str, where: str) -> np.ndarray:
    """The rows of an Image without what pads them."""
    height, width = int(message.height), int(message.width)
    form = np.dtype((">" if message.is_bigendian else "<") + kind)
    row_bytes, step = width * channels * form.itemsize, int(message.step)
    data = np.frombuffer(memoryview(message.data), np.uint8)
    if not 0 < width * height <= MOST_PIXELS or step < row_bytes or data.size < step * height:
        detail = f"{where}: {data.size} bytes of {width}×{height}, {step} a row"
        raise BadFrameError(name, "unreadable-image", detail)
    rows = data[: step * height].reshape(height, step)[:, :row_bytes]
    return np.ascontiguousarray(rows).view(form).reshape(height, width, channels)


def camera_of(message: Any, is_rectified: bool, where: str) -> LensCamera:
    """The camera of a CameraInfo; of its rectified images by ``P``, else by ``K`` and ``D``.

    Raises:
        DataError: its lens is of a model that is not read, or its numbers are no camera's.
    """
    size = int(message.width), int(message.height)
    matrix, lens, projection = (_first(message, name) for name in ("K", "D", "P"))
    if is_rectified and float(projection[0]) > 0:
        fx, cx, fy, cy = (float(projection[i]) for i in (0, 2, 5, 6))
        return LensCamera(checked_camera(Intrinsics(fx, fy, cx, cy, *size), where))
    fx, cx, fy, cy = (float(matrix[i]) for i in (0, 2, 4, 5))
    coefficients = [float(value) for value in lens]
    model, is_straight = message.distortion_model, not any(coefficients)
    if not is_straight and (model not in _LENSES or any(coefficients[5:])):
        raise DataError(f"{where}: distortion model {model} is not read; rectify the images")
    camera = checked_camera(Intrinsics(fx, fy, cx, cy, *size), where)
    return LensCamera(camera, checked_distortion(coefficients[:5], where))


def _first(message: Any, name: str) -> Any:
    """A field of ROS 1 (capital) or ROS 2."""
    return (
        getattr(message, name, None) if hasattr(message, name) else getattr(message, name.lower())
    )


def header_stamp_ns(raw: bytes | memoryview, is_ros2: bool) -> int:
    """The stamp of a message that begins with a header, without decoding the rest.

    Raises:
        DataError: the message is too short to have one.
    """
    if len(raw) < _STAMP_END:
        raise DataError(f"a message of {len(raw)} bytes has no header")
    if is_ros2:
        order = "<" if raw[1] & 1 else ">"  # of CDR's encapsulation
        seconds, nanos = struct.unpack_from(f"{order}iI", raw, 4)
    else:
        seconds, nanos = struct.unpack_from("<II", raw, 4)
    return int(seconds) * 10**9 + int(nanos)
