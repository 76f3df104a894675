"""Cityscapes as downloaded (Cordts et al., CVPR 2016): 19 classes, and disparity of a stereo pair.

``leftImg8bit/SPLIT/CITY/*_leftImg8bit.png``, ``gtFine/…_gtFine_labelIds.png``,
``disparity/…_disparity.png`` (16 bits: 256 d + 1, 0 where there is none).
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.readers.files import fitting, read_image
from hydra_mono.training.samples import NO_EDGE_KNOWN, Sample

CAMERA = Intrinsics(2262.52, 2265.30, 1096.98, 513.137, 2048, 1024)  # of most of its recordings
VALIDATION_EVERY = 6  # of the training cities, one is set aside; "val" is what the field reports
STEPS_PER_PX = 256.0  # of stored disparity
# Label ids that are scored, in the order of the train ids (which begin at 0, ours at 1)
SCORED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
SKY = SCORED.index(23) + 1  # infinitely far: its disparity is 0, whatever was matched
IMAGES, LABELS, DISPARITY = "leftImg8bit", "gtFine", "disparity"


class Cityscapes:
    """Samples by (split/city, name)."""

    def __init__(self, root: Path, shots: list[tuple[str, str]], name: str) -> None:
        self._root, self._shots, self._name = root, shots, name

    @property
    def name(self) -> str:
        return self._name

    def __len__(self) -> int:
        return len(self._shots)

    def __getitem__(self, index: int) -> Sample:
        folder, name = self._shots[index]
        rgb = read_image(self._root / IMAGES / folder / f"{name}_{IMAGES}.png", "RGB")
        height, width = rgb.shape[:2]
        camera = CAMERA.resized(width, height)
        labels = train_labels(self._pixels(LABELS, index, "gtFine_labelIds", camera))
        stored = self._pixels(DISPARITY, index, "disparity", camera)
        return Sample(
            name=name,
            rgb=rgb,
            intrinsics=camera,
            depth_m=np.zeros((height, width), np.float32),
            labels=labels,
            normals=np.zeros((height, width, 3), np.float32),
            edges=np.full((height, width), NO_EDGE_KNOWN, np.uint8),
            others={"disparity": np.where(labels == SKY, np.float32(0), disparity_px(stored))},
        )

    def _pixels(self, kind: str, index: int, suffix: str, camera: Intrinsics) -> np.ndarray:
        folder, name = self._shots[index]
        path = self._root / kind / folder / f"{name}_{suffix}.png"
        return fitting(read_image(path), camera, 1, path)


def train_labels(ids: np.ndarray) -> UInt8[np.ndarray, "h w"]:
    """1 to 19 of the classes that are scored; 0, unknown, of all others."""
    table = np.zeros(256, np.uint8)
    table[list(SCORED)] = np.arange(1, len(SCORED) + 1)
    return np.asarray(table[ids.astype(np.uint8)])


def disparity_px(stored: np.ndarray) -> Float32[np.ndarray, "h w"]:
    """Of the full-size image; −1 where there is none."""
    return np.where(stored > 0, (stored.astype(np.float32) - 1) / STEPS_PER_PX, np.float32(-1))


def open_cityscapes(root: Path, part: str) -> Cityscapes:
    """``part``: train and validation share the cities of train, all is those, test is val.

    The official test split has no labels.

    Raises:
        DataError: the folder is not of this layout, or lacks the part.
    """
    split = "val" if part == "test" else "train"
    cities = sorted(path.name for path in (root / IMAGES / split).glob("*") if path.is_dir())
    held_back = cities[VALIDATION_EVERY - 1 :: VALIDATION_EVERY]
    if part == "validation":
        cities = held_back
    elif part == "train":
        cities = [city for city in cities if city not in held_back]
    shots = [
        (f"{split}/{city}", path.name.removesuffix(f"_{IMAGES}.png"))
        for city in cities
        for path in sorted((root / IMAGES / split / city).glob(f"*_{IMAGES}.png"))
    ]
    if not shots:
        raise DataError(
            f"{root}: no image for part '{part}'; expected {IMAGES}/{split}/CITY/*_{IMAGES}.png, "
            f"{LABELS} and {DISPARITY}; every sixth city of train is validation's"
        )
    return Cityscapes(root, shots, f"cityscapes/{part}")
