"""NYU Depth v2 as multi-task networks are trained on it: the three published packages.

All have ``images edge segmentation normals depth`` and ``gt_sets/{train,val}.txt``; they differ in
the files' forms, and each folder is read by the form it holds:

- astmt (Maninis et al., CVPR 2019): ``.mat`` depth and segmentation, ``.jpg`` normals;
- Vandenhende et al. (PAMI 2021) and today's ATRC: ``.npy`` edges, normals and depth;
- InvPT (Ye and Xu, ECCV 2022), MTMamba, SAK: ``.png`` edges and normals, ``.npy`` depth.

Normals in images are (n + 1) · 127.5. Segmentation is NYU40 with 0 for void, as ours.
"""

from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.readers.files import (
    fitting,
    known_depth,
    nyu40_labels,
    read_array,
    read_image,
    read_lines,
)
from hydra_mono.training.readers.normals import axis_signs, facing_camera
from hydra_mono.training.readers.nyuv2 import CAMERA, open_flat_nyu, split_by_scene
from hydra_mono.training.readers.targets import normals_from_depth
from hydra_mono.training.samples import Sample, SampleSource

# The border that some packages cut off, 45 rows above and 40 columns at the left (Gupta et al.).
CROPPED = CAMERA.cropped(40, 45, 560, 425)
FORMS = {
    "images": (".jpg", ".png"),
    "edge": (".npy", ".png"),
    "segmentation": (".png", ".mat"),
    "normals": (".npy", ".png", ".jpg"),
    "depth": (".npy", ".mat"),
}
COMPARED = 12  # samples whose depth tells where the axes of the normals point


class PublishedNyu:
    """Samples of one of the published packages, at the size of its images."""

    def __init__(self, root: Path, ids: list[str], compared: list[str], name: str) -> None:
        self._root, self._ids, self._name = root, ids, name
        self._compared = compared
        self._suffixes = {kind: _suffix(root / kind, compared[0]) for kind in FORMS}

    @property
    def name(self) -> str:
        return self._name

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Sample:
        number = self._ids[index]
        path = self._path("images", number)
        rgb = read_image(path, "RGB")
        camera = nyu_camera(rgb.shape[1], rgb.shape[0], path)
        return Sample(
            name=number,
            rgb=rgb,
            intrinsics=camera,
            depth_m=self._depth(number, camera),
            labels=nyu40_labels(self._array("segmentation", number, camera)),
            normals=facing_camera(self._normals(number, camera) * self._signs, camera),
            edges=self._edges(number, camera),
        )

    def _path(self, kind: str, number: str) -> Path:
        return self._root / kind / (number + self._suffixes[kind])

    def _array(self, kind: str, number: str, camera: Intrinsics, channels: int = 1) -> np.ndarray:
        path = self._path(kind, number)
        return fitting(read_array(path, kind), camera, channels, path)

    def _depth(self, number: str, camera: Intrinsics) -> Float32[np.ndarray, "h w"]:
        return known_depth(self._array("depth", number, camera))

    def _edges(self, number: str, camera: Intrinsics) -> UInt8[np.ndarray, "h w"]:
        edges = self._array("edge", number, camera)
        full = 255 if self._suffixes["edge"] == ".png" else 1
        return np.asarray(edges > full / 2, np.uint8)

    def _normals(self, number: str, camera: Intrinsics) -> Float32[np.ndarray, "h w 3"]:
        """As stored: in axes of which nothing is known but their order."""
        normals = self._array("normals", number, camera, channels=3).astype(np.float32)
        return normals if self._suffixes["normals"] == ".npy" else normals / 127.5 - 1

    @cached_property
    def _signs(self) -> Float32[np.ndarray, "3"]:
        def pair(number: str) -> tuple[np.ndarray, np.ndarray]:
            path = self._path("images", number)
            height, width, _ = read_image(path, "RGB").shape
            camera = nyu_camera(width, height, path)
            window = (camera.width // 32 + 1) | 1
            ours = normals_from_depth(self._depth(number, camera), camera, window)
            return ours, self._normals(number, camera)

        return axis_signs(map(pair, self._compared), str(self._root / "normals"))


def open_nyuv2(root: Path, part: str) -> SampleSource:
    """Any layout of NYU Depth v2; ``part`` is train, validation, all or test.

    Train and validation share the official training split by scene (``split_by_scene``), all is
    that split whole, and test the official test split, where the folder has it.

    Raises:
        DataError: the folder is of no layout, or lacks the part.
    """
    if not (root / "gt_sets").is_dir():
        return open_flat_nyu(root, part)
    fix = "the published packages list their images there"
    listed = read_lines(root / "gt_sets" / "train.txt", fix)
    ids = listed
    if part == "test":
        ids = read_lines(root / "gt_sets" / "val.txt", fix)
    elif part != "all":
        ids = split_by_scene(listed, part)
    if not ids:
        raise DataError(f"{root}/gt_sets: no image is listed for part '{part}'")
    return PublishedNyu(root, ids, listed[:: len(listed) // COMPARED + 1], f"nyuv2/{part}")


def nyu_camera(width: int, height: int, path: Path) -> Intrinsics:
    """The camera of images 640×480 or, with the border cut off, 560×425, at that scale or another.

    Raises:
        DataError: the images have another shape.
    """
    for whole in (CAMERA, CROPPED):
        if width * whole.height == height * whole.width:
            return whole.resized(width, height)
    raise DataError(
        f"{path} is {width}×{height}; NYU's images are 640×480, or 560×425 without their border"
    )


def _suffix(folder: Path, number: str) -> str:
    for suffix in FORMS[folder.name]:
        if (folder / (number + suffix)).is_file():
            return suffix
    expected = " or ".join(number + suffix for suffix in FORMS[folder.name])
    raise DataError(f"{folder} holds no {expected}; gt_sets/train.txt lists it")
