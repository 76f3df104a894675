"""What both ScanNet layouts have beside the images: labels, axis alignment, the scene's text.

Dai et al., "ScanNet: richly-annotated 3D reconstructions of indoor scenes", CVPR 2017.
"""

import logging
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.arrays import ZIP_ERRORS, read_member
from hydra_mono.core.files.documents import number, read_text, whole
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.labels import load_label_space
from hydra_mono.datasets.camera import Resampling, same_ray
from hydra_mono.datasets.files import IMAGE, checked_pose, numbered_if_there, numbers_of_names
from hydra_mono.datasets.images import read_integers
from hydra_mono.datasets.labels import MOST_RAW, LabelTable, identity_table

logger = logging.getLogger(__name__)

TSV = "scannetv2-labels.combined.tsv"
UNITS_PER_M = 1000.0
_NYU40_FOLDER = "label"  # of the 25,000 frames; elsewhere labels are raw ids
_IMAGE_NAME = rf"(\d+){IMAGE}"
_MOST_IMAGE_BYTES = 1 << 26  # of a label image; 4096 × 4096 pixels of 16 bits have half
_MOST_NYU40 = 40
_MAX_PARENTS = 4  # levels above the scene in which the tsv is looked for


class ScanNetLabels:
    """The 2-D labels of a scene, from a folder or the zip as it is downloaded.

    They show what ``camera`` sees, at any resolution, and are resampled to ``wanted``.
    """

    def __init__(
        self, images: "LabelImages", table: LabelTable, cameras: tuple[Intrinsics, Intrinsics]
    ) -> None:
        self._images = images
        self.table = table
        self._camera, self._wanted = cameras
        self._resampling: Resampling | None = None

    def read(self, number: int, frame: str) -> UInt8[np.ndarray, "h w"] | None:
        """NYU40 labels as the depth camera sees them; None where a frame has none.

        Raises:
            BadFrameError: the image cannot be decoded or has another size than the first one.
        """
        where = self._images.where(number)
        if where is None:
            return None
        size = (self._camera.width, self._camera.height) if self._resampling else None
        raw = read_integers(self._images.content(number, frame), frame, where, size)
        if self._resampling is None:
            camera = self._camera.resized(raw.shape[1], raw.shape[0])
            self._camera, self._resampling = camera, same_ray(camera, self._wanted)
        return self._resampling.nearest(self.table(raw, frame))


class LabelImages:
    """Numbered images in a folder or within a zip.

    Raises:
        DataError: the zip is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: zipfile.ZipFile | None = None
        if path.is_dir():
            self._names = {
                number: str(file) for number, file in numbered_if_there(path, _IMAGE_NAME).items()
            }
            return
        try:
            self._archive = zipfile.ZipFile(path)
        except ZIP_ERRORS as error:
            raise DataError(f"cannot read {path}: {error}") from error
        names = self._archive.namelist()
        self._names = numbers_of_names(names, rf"(?:[^/]*label[^/]*/)?{_IMAGE_NAME}")

    @property
    def numbers(self) -> set[int]:
        return set(self._names)

    def where(self, number: int) -> str | None:
        """The image's name in messages; None where there is none."""
        name = self._names.get(number)
        return name if name is None or self._archive is None else f"{self._path}/{name}"

    def content(self, number: int, frame: str) -> bytes | Path:
        """The image's file, or its bytes.

        Raises:
            BadFrameError: the zip is damaged there, encrypted or declares an absurd size.
        """
        if self._archive is None:
            return Path(self._names[number])
        try:
            return read_member(self._archive, self._names[number], _MOST_IMAGE_BYTES)
        except ZIP_ERRORS as error:
            detail = f"{self.where(number)}: {error}"
            raise BadFrameError(frame, "unreadable-image", detail) from error


def open_labels(
    name: str,
    places: tuple[Path, ...],
    cameras: tuple[Intrinsics, Intrinsics],
    frames: Collection[int],
) -> ScanNetLabels | None:
    """The labels of a scene; None, with a word in the log, where images or the tsv are missing.

    ``places`` are the folders that may hold ``label-filt`` (raw ids) or ``label`` (NYU40), the
    scene's own last; label images show what the first of ``cameras``, that of colour, sees.
    ``frames`` are the numbers of the scene's frames.

    Raises:
        DataError: the label list or the zip is damaged.
    """
    path = _find_images(name, places)
    if path is None:
        logger.info("%s: no label-filt images; the run goes without labels", name)
        return None
    images = LabelImages(path)
    if not images.numbers & set(frames):
        logger.warning("%s: no label image has the number of a frame, so none is used", path)
        return None
    if path.name == _NYU40_FOLDER:
        return ScanNetLabels(images, identity_table(load_label_space("nyu40")), cameras)
    tsv = find_tsv(places[-1])
    if tsv is None:
        logger.warning(
            "%s holds labels, but %s is in none of the %d folders above; "
            "the run goes without labels",
            path,
            TSV,
            _MAX_PARENTS,
        )
        return None
    return ScanNetLabels(images, read_label_table(tsv), cameras)


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
    head, *lines = [line.split("\t") for line in read_text(tsv).splitlines()] or [[]]
    columns = [name.strip() for name in head]
    try:
        raw, nyu40 = columns.index("id"), columns.index("nyu40id")
        rows = [cells for cells in lines if any(cell.strip() for cell in cells)]
        ids = {whole(cells[raw].strip()): whole(cells[nyu40].strip() or 0) for cells in rows}
    except (IndexError, ValueError) as error:
        raise DataError(
            f"{tsv}: needs the columns 'id' and 'nyu40id' ({error}); take ScanNet v2's file"
        ) from error
    if not ids or not 0 < min(ids) <= max(ids) <= MOST_RAW:
        raise DataError(f"{tsv}: needs rows with ids within 1..{MOST_RAW}")
    if len(ids) < len(rows):
        raise DataError(f"{tsv}: {len(rows)} rows have only {len(ids)} ids")
    if not all(0 <= label <= _MOST_NYU40 for label in ids.values()):
        raise DataError(f"{tsv}: nyu40id must lie within 0..{_MOST_NYU40}")
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
    where = f"{scene}/{name}.txt: axisAlignment"
    try:
        matrix = checked_pose(np.array([number(word) for word in text.split()]), name, where)
    except (ValueError, BadFrameError) as error:
        raise DataError(f"{where} needs the 16 numbers of a rigid motion ({error})") from error
    return matrix


def _find_images(name: str, places: tuple[Path, ...]) -> Path | None:
    unpacked = f"{name}_2d-label-filt"
    inner = ("label-filt", f"{unpacked}/label-filt", _NYU40_FOLDER)
    folders = [place / folder for place in places for folder in inner]
    archives = [place / f"{unpacked}.zip" for place in places]
    found = [path for path in folders if path.is_dir()] + [p for p in archives if p.is_file()]
    return found[0] if found else None
