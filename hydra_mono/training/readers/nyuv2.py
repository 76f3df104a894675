"""NYU Depth v2 for training: images, depth and labels of 40 classes."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32
from scipy import ndimage

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.readers.files import fitting, nyu40_labels, read_image, read_lines
from hydra_mono.training.readers.targets import closed_gaps, label_edges, normals_from_depth
from hydra_mono.training.samples import Sample

CAMERA = Intrinsics(518.858, 519.470, 325.582, 253.736, 640, 480)
DEPTH_PER_METRE = 25.5  # of the eight-bit depth images
FRAME_PX = 10  # of the white frame round the images, which no camera saw; it is cut off
INNER = CAMERA.cropped(FRAME_PX, FRAME_PX, 640 - 2 * FRAME_PX, 480 - 2 * FRAME_PX)
VALIDATION_EVERY = 6  # of the runs of consecutive ids, one is set aside


class FlatNyu:
    """``images/NNNN.jpg``, ``depth/NNNN.png`` (eight bits, 10 m), ``segmentation/NNNN.png``."""

    def __init__(self, root: Path, ids: list[str], name: str) -> None:
        self._root, self._ids, self._name = root, ids, name

    @property
    def name(self) -> str:
        return self._name

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Sample:
        number = self._ids[index]
        path = self._root / "images" / f"{number}.jpg"
        rgb = _inside(fitting(read_image(path, "RGB"), CAMERA, 3, path))
        depth = self._channel("depth", number).astype(np.float32)
        depth_m = _inside(depth / np.float32(DEPTH_PER_METRE))
        labels = _inside(nyu40_labels(self._channel("segmentation", number)))
        return Sample(
            name=number,
            rgb=rgb,
            intrinsics=INNER,
            depth_m=depth_m,
            labels=labels,
            normals=normals_from_depth(_smooth(depth_m), INNER, window=21),
            edges=label_edges(closed_gaps(labels)),
        )

    def _channel(self, kind: str, number: str) -> np.ndarray:
        path = self._root / kind / f"{number}.png"
        return fitting(read_image(path, "L"), CAMERA, 1, path)


def open_flat_nyu(root: Path, part: str) -> FlatNyu:
    """``part``: train, validation or all, of the ids in ``train.txt``.

    Ids are in order of the recordings, and a recording lies whole in the official training or
    test split: a run of consecutive training ids shares no scene with another one. Validation is
    every sixth run.

    Raises:
        DataError: the folder is not of this layout, or ``part`` is test.
    """
    if part == "test":
        raise DataError(f"{root}: this layout has no test part; take train, validation or all")
    ids = read_lines(root / "train.txt", "expected images/, depth/, segmentation/ beside it")
    if part != "all":
        ids = split_by_scene(ids, part)
    return FlatNyu(root, ids, f"nyuv2/{part}")


def split_by_scene(ids: list[str], part: str) -> list[str]:
    """The ids of ``train`` or ``validation``.

    Raises:
        DataError: an id is no number, so that nothing tells where a scene ends.
    """
    strange = [number for number in ids if not number.isdecimal()]
    if strange:
        raise DataError(f"image id '{strange[0]}' is no number; scenes are told apart by numbers")
    numbers = np.array([int(number) for number in ids])
    run = np.cumsum(np.diff(numbers, prepend=numbers[:1] - 1) != 1)
    held_out = run % VALIDATION_EVERY == VALIDATION_EVERY - 1
    chosen = held_out if part == "validation" else ~held_out
    return [number for number, wanted in zip(ids, chosen, strict=True) if wanted]


def _inside(image: np.ndarray) -> np.ndarray:
    """The image without its frame."""
    return image[FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX]


def _smooth(depth_m: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """Depth with its eight-bit steps evened out, steps between surfaces kept."""
    mean = ndimage.uniform_filter(depth_m, 7)
    return np.where(np.abs(mean - depth_m) < 0.06, mean, depth_m).astype(np.float32)
