"""Which pose belongs to which image: by name, by place in the list, or by stamp."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.stamps import to_ns, unit_of
from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.datasets.readers.posed.pose_files import PoseTable
from hydra_mono.datasets.readers.tum_lists import interpolated_pose

logger = logging.getLogger(__name__)

_STAMP = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Shown:
    """An image: its name, the number in it, and its stamp by frame rate or video."""

    name: str
    key: str
    stamp_ns: int


@dataclass(frozen=True, slots=True)
class Match:
    """``pose`` is None where there is none; ``name`` is what the pose file calls the image."""

    pose: Float64[np.ndarray, "..."] | None
    stamp_ns: int
    name: str = ""


def match_poses(table: PoseTable, shown: list[Shown]) -> Iterator[tuple[int, Match]]:
    """The images that are frames, by place, with their poses.

    Raises:
        DataError: poses without stamps or names are fewer than the images.
    """
    if table.by_name:
        return _by_name(table, shown)
    if len(table.poses) == len(shown):
        return _by_place(table, shown)
    if table.stamps:
        return _by_stamp(table, shown)
    raise DataError(
        f"{table.where} holds {len(table.poses)} poses for {len(shown)} images; poses without "
        "stamps need one a frame"
    )


def _by_name(table: PoseTable, shown: list[Shown]) -> Iterator[tuple[int, Match]]:
    """By file name, by the name without its end, or by the number in it."""
    names = {PurePosixPath(name).name: name for name in table.by_name}
    stems = {PurePosixPath(name).stem: name for name in table.by_name}
    numbers = {_number(name): name for name in table.by_name}
    for index, image in enumerate(shown):
        stem = PurePosixPath(image.name).stem
        name = names.get(image.name) or stems.get(stem) or numbers.get(image.key)
        if name is not None:
            yield index, Match(table.by_name[name], image.stamp_ns, name)


def _number(name: str) -> str:
    found = re.findall(r"\d+", PurePosixPath(name).stem)
    return (found[-1].lstrip("0") or "0") if found else name


def _by_place(table: PoseTable, shown: list[Shown]) -> Iterator[tuple[int, Match]]:
    stamps_ns = _nanoseconds(table) or [image.stamp_ns for image in shown]
    for index, (pose, stamp_ns) in enumerate(zip(table.poses, stamps_ns, strict=True)):
        yield index, Match(pose, stamp_ns)


def _by_stamp(table: PoseTable, shown: list[Shown]) -> Iterator[tuple[int, Match]]:
    """Between the two poses round the image's stamp, which its name tells, or the video."""
    stamps_ns = _nanoseconds(table)
    trajectory = Trajectory(np.array(stamps_ns, np.int64), np.array(table.poses))
    images_ns = _image_stamps(shown)
    if images_ns[-1] < stamps_ns[0] or images_ns[0] > stamps_ns[-1]:
        logger.warning(
            "%s: its stamps and the images' do not meet; the first pose is taken for the first "
            "image's",
            table.where,
        )
        images_ns = [stamp - images_ns[0] + stamps_ns[0] for stamp in images_ns]
    for index, stamp_ns in enumerate(images_ns):
        try:
            pose = interpolated_pose(trajectory, stamp_ns, shown[index].name)
        except BadFrameError as error:
            if error.reason != "no-pose":
                pose = np.full((4, 4), np.nan)
            else:
                yield index, Match(None, stamp_ns)
                continue
        yield index, Match(pose, stamp_ns)


def _nanoseconds(table: PoseTable) -> list[int]:
    if not table.stamps:
        return []
    unit_ns = unit_of(table.stamps)
    try:
        return [to_ns(stamp, unit_ns) for stamp in table.stamps]
    except ValueError as error:
        raise DataError(f"{table.where}: {error}") from error


def _image_stamps(shown: list[Shown]) -> list[int]:
    """Stamps in the images' names where these are such, else those of a frame rate or video."""
    words = [
        found[-1] if (found := _STAMP.findall(image.name.rpartition(".")[0])) else ""
        for image in shown
    ]
    if not all("." in word or len(word) > 8 for word in words):
        return [image.stamp_ns for image in shown]
    stamps = [Decimal(word) for word in words]
    unit_ns = unit_of(stamps)
    return [to_ns(stamp, unit_ns) for stamp in stamps]
