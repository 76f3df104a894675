"""What a reader knows of its sequence once it is opened."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import NO_LABELS, LabelSpace
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.files import file_of, stamps_of_numbers
from hydra_mono.datasets.images import depth_from_raw, if_needed, read_integers, read_rgb
from hydra_mono.datasets.labels import LabelTable

_Found = TypeVar("_Found")

Direction = tuple[float, float, float]
Z_UP: Direction = (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class SequenceFacts:
    """``world_up`` is None where the layout promises no up, ``table`` where there are no labels.

    ``label_fault`` says why labels that are there cannot be used.
    """

    name: str
    length: int = 0
    world_up: Direction | None = Z_UP
    table: LabelTable | None = None
    has_depth: bool = True
    label_fault: str = ""
    details: tuple[tuple[str, str], ...] = ()  # what the reader chose, for people


class DescribedSource:
    """The part of ``Source`` that is the same for all readers: they set ``facts`` when opened."""

    facts: SequenceFacts
    needs: Needs = EVERYTHING
    took_camera = False  # whether the reader itself heeds a camera that the user gives

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def label_space(self) -> LabelSpace:
        return self.facts.table.space if self.facts.table else NO_LABELS

    @property
    def world_up(self) -> Direction | None:
        return self.facts.world_up

    @property
    def unknown_label_pixels(self) -> int:
        return self.facts.table.unknown_pixels if self.facts.table else 0

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        return self.facts.details

    def __len__(self) -> int:
        return self.facts.length

    def narrow(self, needs: Needs) -> None:
        """Says what is read of the frames from now on; their number may change with it.

        Raises:
            DataError: depth is required and the sequence has none; labels are, and cannot be used.
        """
        if needs.labels == "required" and self.facts.label_fault:
            raise DataError(self.facts.label_fault)
        if needs.depth == "required" and not self.facts.has_depth:
            raise DataError(
                f"{self.name} has no depth images, and this predictor reads the sensor's depth; "
                "one that estimates it, such as --predictor m2h, needs colour and poses alone"
            )
        self.needs = needs


@dataclass(frozen=True, slots=True)
class NumberedImages:
    """Images by number and kind; ``depths`` and ``labels`` may be empty."""

    colors: dict[int, Path]
    depths: dict[int, Path]
    labels: dict[int, Path]


def or_fault(find: Callable[[], _Found]) -> tuple[_Found | None, str]:
    """What is found, and the reason where it cannot be read."""
    try:
        return find(), ""
    except DataError as error:
        return None, str(error)


PoseOf = Callable[[int, str], Float64[np.ndarray, "4 4"]]


class NumberedSource(DescribedSource):
    """Frames that are numbered files: one camera, depth registered to colour, 30 Hz.

    Readers set ``images``, ``camera``, ``units_per_m`` and ``pose_of``, then call ``narrow``.
    Without ``numbers``, frames are those that have a colour image, and, where depth is
    required, those that have either.
    """

    images: NumberedImages
    camera: Intrinsics
    units_per_m: float
    pose_of: PoseOf
    numbers: list[int]
    stamps_ns: list[int]

    def narrow(self, needs: Needs) -> None:
        super().narrow(needs)
        depths = self.images.depths if needs.depth == "required" else {}
        self.numbers = sorted({*self.images.colors, *depths})
        self.stamps_ns = stamps_of_numbers(self.numbers)
        self.facts = replace(self.facts, length=len(self.numbers))

    def __getitem__(self, index: int) -> Frame:
        number = self.numbers[index]
        name = self.frame_name(number)
        return Frame(
            index=range(len(self))[index],
            name=name,
            stamp_ns=self.stamp_ns(index, name),
            world_from_camera=self.pose_of(number, name),
            intrinsics=self.camera,
            rgb=self.read_color(number, name),
            depth_m=if_needed(self.needs.depth, lambda: self.read_depth(number, name)),
            labels=if_needed(self.needs.labels, lambda: self.read_labels(number, name)),
        )

    def frame_name(self, number: int) -> str:
        return f"{number:06d}"

    def stamp_ns(self, index: int, name: str) -> int:
        return self.stamps_ns[index]

    def read_color(self, number: int, name: str) -> UInt8[np.ndarray, "h w 3"]:
        path = file_of(self.images.colors, number, name, "colour image")
        return read_rgb(path, name, size=(self.camera.width, self.camera.height))

    def read_depth(self, number: int, name: str) -> Float32[np.ndarray, "h w"]:
        path = file_of(self.images.depths, number, name, "depth image")
        size = self.camera.width, self.camera.height
        return depth_from_raw(read_integers(path, name, size=size), self.units_per_m, name)

    def read_labels(self, number: int, name: str) -> UInt8[np.ndarray, "h w"] | None:
        path = self.images.labels.get(number)
        if path is None or self.facts.table is None:
            return None
        size = self.camera.width, self.camera.height
        return self.facts.table(read_integers(path, name, size=size), name)


def no_pose(number: int, name: str) -> BadFrameError:
    """The error of a frame that a trajectory does not have."""
    return BadFrameError(name, "no-pose", f"the trajectory has no pose {number}")
