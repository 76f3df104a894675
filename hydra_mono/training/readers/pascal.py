"""PASCAL-Context as multi-task networks are trained on it (Maninis et al., CVPR 2019): five tasks.

``JPEGImages``; ``semseg/{VOC12,pascal-context}`` (21 classes, 255 void); ``human_parts`` (the
annotations of PASCAL-Part, Chen et al., CVPR 2014); ``pascal-context/trainval`` (``LabelMap``: its
borders are the edges); ``normals_distill`` and ``sal_distill``, which other networks predicted;
``ImageSets/Context/{train,val}.txt``. There is no depth, and no camera is known.
"""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.readers.files import (
    fitting,
    read_array,
    read_image,
    read_lines,
    read_struct,
)
from hydra_mono.training.readers.normals import LEAST_LENGTH, facing_camera
from hydra_mono.training.readers.targets import label_edges
from hydra_mono.training.samples import Sample

VALIDATION_EVERY = 10  # of the training ids, one is set aside; val.txt is what the field reports
SALIENT = 127  # of 255; what is above stands out, as the field reads these maps
VOID = 255  # of segmentation and parts
PERSON = 15  # class of VOC
COMPARED = 12  # images that tell whether z points at the viewer
PARTS = {  # six, each of these parts of PASCAL-Part; 0 is the background
    1: ("head", "hair", "mouth", "nose", "lear", "rear", "leye", "reye", "lebrow", "rebrow"),
    2: ("torso", "neck"),
    3: ("luarm", "ruarm"),
    4: ("llarm", "rlarm", "lhand", "rhand"),
    5: ("luleg", "ruleg"),
    6: ("llleg", "rlleg", "lfoot", "rfoot"),
}
PART_OF = {name: part for part, names in PARTS.items() for name in names}


class PascalContext:
    """Samples by id; labels are VOC's classes plus one, so that the background is a class."""

    def __init__(self, root: Path, ids: list[str], listed: list[str], name: str) -> None:
        self._root, self._ids, self._listed, self._name = root, ids, listed, name

    @property
    def name(self) -> str:
        return self._name

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Sample:
        number = self._ids[index]
        rgb = read_image(self._root / "JPEGImages" / f"{number}.jpg", "RGB")
        camera = assumed_camera(rgb.shape[1], rgb.shape[0])
        depth_m = np.zeros(rgb.shape[:2], np.float32)
        path = self._root / "pascal-context" / "trainval" / f"{number}.mat"
        regions = fitting(read_array(path, "LabelMap"), camera, 1, path)
        saliency = self._pixels(self._root / "sal_distill" / f"{number}.png", camera)
        return Sample(
            name=number,
            rgb=rgb,
            intrinsics=camera,
            depth_m=depth_m,
            labels=self._labels(number, camera),
            normals=facing_camera(self._normals(number, camera) * self._signs, camera),
            edges=region_edges(regions),
            others={
                "parts": self._parts(number, camera),
                "saliency": (saliency > SALIENT).astype(np.uint8),
            },
        )

    def _pixels(self, path: Path, camera: Intrinsics) -> np.ndarray:
        return fitting(read_image(path), camera, 1, path)

    def _labels(self, number: str, camera: Intrinsics) -> UInt8[np.ndarray, "h w"]:
        """VOC's own annotation, where the image has one; void becomes 0, unknown."""
        paths = [
            self._root / "semseg" / kind / f"{number}.png" for kind in ("VOC12", "pascal-context")
        ]
        path = next((path for path in paths if path.is_file()), paths[-1])
        classes = self._pixels(path, camera).astype(np.int64)
        return np.where(classes == VOID, 0, classes + 1).astype(np.uint8)

    def _normals(self, number: str, camera: Intrinsics) -> Float32[np.ndarray, "h w 3"]:
        path = self._root / "normals_distill" / f"{number}.png"
        stored = fitting(read_image(path, "RGB"), camera, 3, path)
        return stored.astype(np.float32) / 127.5 - 1

    @cached_property
    def _signs(self) -> Float32[np.ndarray, "3"]:
        """x and y as stored: nothing here tells them. z so that most surfaces face the camera."""
        towards = 0.0
        for number in self._listed[:: len(self._listed) // COMPARED + 1]:
            path = self._root / "normals_distill" / f"{number}.png"
            stored = read_image(path, "RGB").astype(np.float32) / 127.5 - 1
            known = np.linalg.norm(stored, axis=2) > LEAST_LENGTH
            towards += float(stored[known][:, 2].sum())
        return np.array([1, 1, -1 if towards > 0 else 1], np.float32)

    def _parts(self, number: str, camera: Intrinsics) -> UInt8[np.ndarray, "h w"]:
        path = self._root / "human_parts" / f"{number}.mat"
        if not path.is_file():
            return np.full((camera.height, camera.width), VOID, np.uint8)
        try:
            return person_parts(read_struct(path, "anno"), camera, path)
        except (KeyError, TypeError, IndexError) as error:
            raise DataError(f"{path}: not an annotation of PASCAL-Part ({error!r})") from error


def person_parts(
    annotation: dict[str, Any], camera: Intrinsics, path: Path
) -> UInt8[np.ndarray, "h w"]:
    """Six parts of all people, 0 elsewhere; an image without a person's parts is unknown.

    Raises:
        DataError: a part is unknown or its mask has another size.
        KeyError: it is no annotation of PASCAL-Part.
    """
    people = [entry for entry in listed(annotation["objects"]) if entry["class_ind"] == PERSON]
    parts = [part for person in people for part in listed(person["parts"])]
    if not parts:
        return np.full((camera.height, camera.width), VOID, np.uint8)
    found = np.zeros((camera.height, camera.width), np.uint8)
    for part in parts:
        if part["part_name"] not in PART_OF:
            raise DataError(f"{path}: PASCAL-Part has no part '{part['part_name']}' of a person")
        found[fitting(part["mask"], camera, 1, path) > 0] = PART_OF[part["part_name"]]
    return found


def listed(entries: Any) -> Iterable[Any]:
    """A list of structs, of which Matlab's files make one struct where there is but one."""
    return [entries] if isinstance(entries, dict) else list(entries)


def region_edges(regions: np.ndarray) -> UInt8[np.ndarray, "h w"]:
    """Borders between regions, whose numbers may exceed a byte; every pixel is known."""
    _, numbers = np.unique(regions, return_inverse=True)
    if numbers.max(initial=0) >= 255:
        raise DataError("more than 255 regions in one image")
    return label_edges((numbers.reshape(regions.shape) + 1).astype(np.uint8))


def assumed_camera(width: int, height: int) -> Intrinsics:
    """A camera as wide as ordinary ones: the focal length is the longer side (53°)."""
    focal = float(max(width, height))
    return Intrinsics(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def open_pascal(root: Path, part: str) -> PascalContext:
    """``part``: train and validation share train.txt, all is that whole, test is val.txt.

    Raises:
        DataError: the folder is not of this layout, or lacks the part.
    """
    sets = root / "ImageSets" / "Context"
    fix = "expected ImageSets/Context/{train,val}.txt beside JPEGImages, semseg, human_parts"
    ids = chosen = read_lines(sets / ("val.txt" if part == "test" else "train.txt"), fix)
    held_back = ids[VALIDATION_EVERY - 1 :: VALIDATION_EVERY]
    if part == "validation":
        chosen = held_back
    elif part == "train":
        chosen = [number for number in ids if number not in set(held_back)]
    if not chosen:
        raise DataError(f"{sets}: no image is listed for part '{part}'")
    return PascalContext(root, chosen, ids, f"pascal/{part}")
