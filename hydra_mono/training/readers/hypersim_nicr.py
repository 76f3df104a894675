"""Hypersim as the NICR data sets package writes it (Seichter et al., IJCNN 2022): one PNG a kind.

``{train,valid,test}/{rgb,depth,semantic_40,normal,instance}/ID.png`` and ``{part}.txt`` with the
ids. Depth is planar, in millimetres, made with one camera for all scenes; normals are
(n + 1) · 127 in Hypersim's axes; labels are NYU40's.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt16

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.data.edges import edge_map
from hydra_mono.training.readers.files import (
    fitting,
    known_depth,
    nyu40_labels,
    read_image,
    read_lines,
)
from hydra_mono.training.readers.hypersim_camera import CAMERA, OURS_FROM_HYPERSIM
from hydra_mono.training.readers.normals import facing_camera
from hydra_mono.training.samples import Sample

DEPTH_PER_METRE = 1000
FOLDERS = {"train": "train", "validation": "valid", "test": "test"}


class NicrHypersim:
    """Samples by (folder of the part, id)."""

    def __init__(self, root: Path, ids: list[tuple[str, str]], name: str) -> None:
        self._root, self._ids, self._name = root, ids, name

    @property
    def name(self) -> str:
        return self._name

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Sample:
        folder, name = self._ids[index]
        rgb = read_image(self._path(index, "rgb"), "RGB")
        camera = CAMERA.resized(rgb.shape[1], rgb.shape[0])
        depth_m = known_depth(self._read(index, "depth", camera) / DEPTH_PER_METRE)
        labels = nyu40_labels(self._read(index, "semantic_40", camera))
        normals = self._read(index, "normal", camera, channels=3) / 127 - 1
        return Sample(
            name=f"{folder}/{name}",
            rgb=rgb,
            intrinsics=camera,
            depth_m=depth_m,
            labels=labels,
            normals=facing_camera(normals @ OURS_FROM_HYPERSIM, camera),
            edges=edge_map(labels, self._instances(index, camera), depth_m),
        )

    def _path(self, index: int, kind: str) -> Path:
        folder, name = self._ids[index]
        return self._root / folder / kind / f"{name}.png"

    def _read(self, index: int, kind: str, camera: Intrinsics, channels: int = 1) -> np.ndarray:
        path = self._path(index, kind)
        return fitting(read_image(path), camera, channels, path)

    def _instances(self, index: int, camera: Intrinsics) -> UInt16[np.ndarray, "h w"] | None:
        """The number of an object lies in the second (low byte) and third channel."""
        if not self._path(index, "instance").is_file():
            return None
        _, low, high = np.moveaxis(self._read(index, "instance", camera, channels=3), 2, 0)
        return np.asarray(low.astype(np.uint16) | (high.astype(np.uint16) << 8))


def open_nicr_hypersim(root: Path, part: str) -> NicrHypersim:
    """``part``: train, validation, test, or all that the folder lists.

    Raises:
        DataError: the list of the part is missing or empty.
    """
    folders = [FOLDERS[part]] if part != "all" else list(FOLDERS.values())
    fix = "the package writes it beside the folders of images"
    ids = [
        (folder, name)
        for folder in folders
        if part != "all" or (root / f"{folder}.txt").is_file()
        for name in read_lines(root / f"{folder}.txt", fix)
    ]
    if not ids:
        raise DataError(f"{root}: no image is listed for part '{part}'")
    return NicrHypersim(root, ids, f"hypersim/{part}")
