"""What both ScanNet layouts have beside the images: labels, axis alignment, the scene's text.

Dai et al., "ScanNet: richly-annotated 3D reconstructions of indoor scenes", CVPR 2017.
"""

import csv
import logging
import zipfile
import zlib
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.labels import load_label_space
from hydra_mono.datasets.camera import Resampling, same_ray
from hydra_mono.datasets.files import read_integers, read_text, require_size
from hydra_mono.datasets.labels import LabelTable

logger = logging.getLogger(__name__)

TSV = "scannetv2-labels.combined.tsv"
UNITS_PER_M = 1000.0
_MAX_PARENTS = 4  # levels above the scene in which the tsv is looked for


class ScanNetLabels:
    """The filtered 2-D labels of a scene, from a folder or the zip as it is downloaded."""

    def __init__(self, images: Path, table: LabelTable, camera: Intrinsics, wanted: Intrinsics):
        self._images = images
        self.table = table
        self._camera = camera
        self._wanted = wanted
        self._resampling: Resampling | None = None

    def read(self, number: int, frame: str) -> UInt8[np.ndarray, "h w"] | None:
        """NYU40 labels as the depth camera sees them; None where a frame has none.

        Raises:
            BadFrameError: the image cannot be decoded or has another size than the first one.
        """
        image, where = self._encoded(number)
        if image is None:
            return None
        raw = read_integers(image, frame, where)
        if self._resampling is None:
            camera = self._camera.resized(raw.shape[1], raw.shape[0])
            self._camera, self._resampling = camera, same_ray(camera, self._wanted)
        require_size(raw, self._camera.width, self._camera.height, frame, where)
        return self._resampling.nearest(self.table(raw, frame))

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self._images)

    def _encoded(self, number: int) -> tuple[bytes | None, str]:
        where = f"{self._images}/{number}.png"
        try:
            if self._images.is_dir():
                return (self._images / f"{number}.png").read_bytes(), where
            return self._archive.read(f"label-filt/{number}.png"), where
        except (FileNotFoundError, KeyError):
            return None, where
        except (OSError, zipfile.BadZipFile, zlib.error) as error:
            raise BadFrameError(str(number), "unreadable-image", f"{where}: {error}") from error


def open_labels(
    name: str, places: tuple[Path, ...], color: Intrinsics, depth: Intrinsics
) -> ScanNetLabels | None:
    """The labels of a scene; None, with a word in the log, where images or the tsv are missing.

    ``places`` are the folders that may hold ``label-filt``, the scene's own last; label images
    show what ``color`` sees, at any resolution.
    """
    images = _find_images(name, places)
    if images is None:
        logger.info("%s: no label-filt images; the run goes without labels", name)
        return None
    tsv = find_tsv(places[-1])
    if tsv is None:
        logger.warning(
            "%s holds labels, but %s is in none of the %d folders above; "
            "the run goes without labels",
            images,
            TSV,
            _MAX_PARENTS,
        )
        return None
    return ScanNetLabels(images, read_label_table(tsv), color, depth)


def table_of(labels: ScanNetLabels | None) -> LabelTable | None:
    return labels.table if labels else None


def find_tsv(scene: Path) -> Path | None:
    """The label list, in the scene's folder or one of its parents."""
    folder = scene.resolve()
    candidates = [parent / TSV for parent in (folder, *folder.parents[:_MAX_PARENTS])]
    return next((path for path in candidates if path.is_file()), None)


def read_label_table(tsv: Path) -> LabelTable:
    """Raw ScanNet ids to NYU40.

    Raises:
        DataError: the columns ``id`` and ``nyu40id`` are not there.
    """
    rows = list(csv.DictReader(read_text(tsv).splitlines(), delimiter="\t"))
    try:
        ids = {int(row["id"]): int(row["nyu40id"] or 0) for row in rows}
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{tsv}: needs the columns 'id' and 'nyu40id' ({error!r}); take ScanNet v2's file"
        ) from error
    if not ids or not 0 < min(ids) <= max(ids) < 2**16:
        raise DataError(f"{tsv}: needs rows with ids within 1..65535")
    return LabelTable(ids, load_label_space("nyu40"))


def read_scene_text(scene: Path, name: str) -> dict[str, str]:
    """Keys and values of ``<scene>.txt``; empty where there is none."""
    path = scene / f"{name}.txt"
    if not path.is_file():
        return {}
    pairs = (line.partition("=") for line in read_text(path).splitlines())
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def axis_alignment(scene: Path, name: str) -> Float64[np.ndarray, "4 4"]:
    """The rotation that ScanNet gives to square a scene with x and y; identity without one.

    Raises:
        DataError: it is not 16 finite numbers.
    """
    text = read_scene_text(scene, name).get("axisAlignment")
    if text is None:
        return np.eye(4)
    try:
        matrix = np.array([float(word) for word in text.split()]).reshape(4, 4)
    except ValueError as error:
        raise DataError(f"{scene}/{name}.txt: axisAlignment needs 16 numbers ({error})") from error
    if not np.isfinite(matrix).all():
        raise DataError(f"{scene}/{name}.txt: axisAlignment is not finite")
    return matrix


def _find_images(name: str, places: tuple[Path, ...]) -> Path | None:
    unpacked = f"{name}_2d-label-filt"
    folders = [
        folder
        for place in places
        for folder in (place / "label-filt", place / unpacked / "label-filt")
    ]
    archives = [place / f"{unpacked}.zip" for place in places]
    found = [path for path in folders if path.is_dir()] + [p for p in archives if p.is_file()]
    return found[0] if found else None
