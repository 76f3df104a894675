"""Rendered frames kept on disk, one file each, complete or absent."""

import hashlib
import logging
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np

from hydra_mono.core.errors import ExportError
from hydra_mono.core.files import atomic
from hydra_mono.simulation.render.images import Rendered

VERSION = "1"  # raise it when equal settings come to give other images

log = logging.getLogger(__name__)


class FrameCache:
    """Perfect images by frame number; ``key`` says which world, walk and camera they are of."""

    def __init__(self, folder: Path, key: str) -> None:
        digest = hashlib.sha256(f"{VERSION} {key}".encode()).hexdigest()[:16]
        self._folder = folder / digest

    def get(self, index: int, render: Callable[[], Rendered]) -> Rendered:
        """The stored images; renders and stores them where there are none or they are damaged."""
        path = self._folder / f"{index:06d}.npz"
        if path.exists():
            try:
                with np.load(path, allow_pickle=False) as file:
                    return Rendered(**dict(file))
            except (
                OSError,
                ValueError,
                KeyError,
                TypeError,
                EOFError,
                zipfile.BadZipFile,
            ) as error:
                log.warning("cached frame %s is damaged (%s); rendering it again", path, error)
        images = render()
        arrays = {f.name: getattr(images, f.name) for f in fields(Rendered)}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        try:
            atomic.write_with(path, lambda file: np.savez_compressed(file, **arrays))
        except ExportError as error:
            log.warning("%s; going on without caching this frame", error)
        return images
