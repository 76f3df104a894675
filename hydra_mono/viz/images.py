"""Maps as pictures that people can read."""

import io

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

MAX_DEPTH_M = 6.0  # as far as the colours tell


def depth_colors(depth_m: Float32[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Near warm, far cold, black for nothing measured."""
    ratio = np.clip(np.nan_to_num(depth_m) / MAX_DEPTH_M, 0.0, 1.0)[..., None]
    near, middle, far = (np.array(c, float) for c in ((250, 230, 40), (40, 150, 130), (60, 10, 80)))
    colors = np.where(
        ratio < 0.5, near + (middle - near) * ratio * 2, middle + (far - middle) * (ratio * 2 - 1)
    )
    return np.asarray(np.where(depth_m[..., None] > 0, colors, 0), np.uint8)


def normal_colors(normals: Float32[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """The usual colours: red to the right, green upwards, blue towards the camera; black for none.

    ``normals`` are in camera axes: y points down, z away.
    """
    colors = 127.5 + 127.5 * normals * np.array([1.0, -1.0, -1.0], np.float32)
    return np.asarray(np.where(normals.any(axis=2, keepdims=True), colors, 0), np.uint8)


def jpeg(image: np.ndarray) -> bytes:
    """Grey (h w) or colours (h w 3), uint8, in a small file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="jpeg", quality=75)
    return file.getvalue()
