"""Pieces of real images by class, to texture simulated surfaces of that class with."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from scipy import ndimage
from torch import Tensor

from hydra_mono.core.errors import DataError
from hydra_mono.core.files import atomic
from hydra_mono.training.samples import Sample

logger = logging.getLogger(__name__)

SIDE = 64  # texels of a stored patch
LEAST_PX = 32  # of the image along a side of a patch
MOST_PX = 192
DARKEST = 12  # mean of a patch; a darker one shows no more than the sensor's noise
PER_LABEL = 4  # patches at most, of one class and image


@dataclass(frozen=True)
class TextureBank:
    """Patches sorted by label; ``labels`` are ids of NYU40."""

    tiles: UInt8[Tensor, "n s s 3"]
    labels: UInt8[Tensor, " n"]


def cut_patches(samples: Iterable[Sample], seed: int) -> TextureBank:
    """Squares that lie wholly within one label, scaled to one size.

    Give it samples of the training part only.

    Raises:
        DataError: no sample has room for a patch.
    """
    rng = np.random.default_rng(seed)
    tiles: list[UInt8[np.ndarray, "s s 3"]] = []
    labels: list[int] = []
    for sample in samples:
        for label in np.unique(sample.labels[sample.labels > 0]):
            squares = _squares(rng, sample.labels == label)
            pieces = [_scaled(sample.rgb, square) for square in squares]
            pieces = [piece for piece in pieces if piece.mean() >= DARKEST]
            tiles += pieces
            labels += [int(label)] * len(pieces)
    if not tiles:
        raise DataError(f"no image has a patch of {LEAST_PX} pixels within one label")
    order = np.argsort(labels, kind="stable")
    logger.info("cut %d patches of %d classes", len(tiles), len(set(labels)))
    return TextureBank(
        torch.from_numpy(np.stack(tiles)[order]),
        torch.from_numpy(np.array(labels, np.uint8)[order]),
    )


def save_bank(path: Path, bank: TextureBank) -> None:
    """Writes the bank as an npz file."""
    tiles, labels = bank.tiles.numpy(), bank.labels.numpy()
    atomic.write_with(path, lambda file: np.savez_compressed(file, tiles=tiles, labels=labels))


def load_bank(path: Path) -> TextureBank:
    """The bank that ``save_bank`` wrote.

    Raises:
        DataError: there is none, or it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return TextureBank(torch.from_numpy(file["tiles"]), torch.from_numpy(file["labels"]))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: not a bank of textures: {error}") from error


def _squares(rng: np.random.Generator, mask: np.ndarray) -> list[tuple[int, int, int]]:
    """(row, column, side) of squares of set pixels, none over another, large ones preferred."""
    free = np.pad(mask, 1)
    squares: list[tuple[int, int, int]] = []
    while len(squares) < PER_LABEL:
        reach = ndimage.distance_transform_cdt(free, metric="chessboard")
        largest = int(reach.max())
        if 2 * largest - 1 < LEAST_PX:
            break
        rows, columns = np.nonzero(reach >= max(0.7 * largest, (LEAST_PX + 1) / 2))
        pick = int(rng.integers(len(rows)))
        row, column = int(rows[pick]), int(columns[pick])
        half = min(int(reach[row, column]) - 1, MOST_PX // 2)
        free[row - half : row + half + 1, column - half : column + half + 1] = False
        squares.append((row - half - 1, column - half - 1, 2 * half + 1))
    return squares


def _scaled(
    rgb: UInt8[np.ndarray, "h w 3"], square: tuple[int, int, int]
) -> UInt8[np.ndarray, "s s 3"]:
    row, column, side = square
    piece = Image.fromarray(np.ascontiguousarray(rgb[row : row + side, column : column + side]))
    return np.asarray(piece.resize((SIDE, SIDE), Image.Resampling.BOX))
