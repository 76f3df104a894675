"""Label spaces: what the integers in a label image mean."""

import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float64, UInt8
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.documents import MOST_YAML_BYTES, first_fault, parse_yaml, read_text

Kind = Literal["structure", "object", "movable", "agent", "ignored"]
Role = Literal["", "wall", "floor", "ceiling", "door", "window", "stairs"]

UNKNOWN = 0


@dataclass(frozen=True, slots=True)
class Label:
    """One class. ``role`` marks the structure that rooms are found from.

    ``least_width_m``: hardly one is narrower in any level direction; 0 where that is not known.
    """

    id: int
    name: str
    color: tuple[int, int, int]
    kind: Kind
    role: Role = ""
    least_width_m: float = 0.0


@dataclass(frozen=True)
class LabelSpace:
    """Named labels with ids 1..255; id 0 is always unknown and never fused.

    Labels of kind ``movable`` are objects too: they become object nodes and may be found moved.
    """

    name: str
    labels: tuple[Label, ...]

    def __post_init__(self) -> None:
        ids = [label.id for label in self.labels]
        if len(set(ids)) != len(ids) or not all(0 < i < 256 for i in ids):
            raise DataError(f"label space '{self.name}': ids must be unique and within 1..255")

    @cached_property
    def _by_id(self) -> dict[int, Label]:
        return {label.id: label for label in self.labels}

    def find(self, label_id: int) -> Label | None:
        return self._by_id.get(label_id)

    def name_of(self, label_id: int) -> str:
        label = self.find(label_id)
        return label.name if label else "unknown"

    def color_of(self, label_id: int) -> tuple[int, int, int]:
        label = self.find(label_id)
        return label.color if label else (128, 128, 128)

    @cached_property
    def least_widths_m(self) -> Float64[np.ndarray, "256"]:
        """``Label.least_width_m`` of every possible id."""
        widths_m = np.zeros(256)
        for label in self.labels:
            widths_m[label.id] = label.least_width_m
        return widths_m

    def ids(self, *kinds: Kind) -> tuple[int, ...]:
        return tuple(label.id for label in self.labels if label.kind in kinds)

    def ids_with_role(self, *roles: Role) -> tuple[int, ...]:
        return tuple(label.id for label in self.labels if label.role in roles)

    @cached_property
    def object_ids(self) -> tuple[int, ...]:
        return self.ids("object", "movable")

    @cached_property
    def palette(self) -> UInt8[np.ndarray, "256 3"]:
        """Colour of every possible id; index a label image with it."""
        colors = np.full((256, 3), 128, dtype=np.uint8)
        for label in self.labels:
            colors[label.id] = label.color
        return colors

    def mask(self, ids: tuple[int, ...]) -> Bool[np.ndarray, "256"]:
        """Look-up table that is true at ``ids``; index a label image with it."""
        table = np.zeros(256, dtype=bool)
        table[list(ids)] = True
        return table


NO_LABELS = LabelSpace(name="none", labels=())


def load_label_space(name_or_path: str | Path) -> LabelSpace:
    """A label space of the package by name (``nyu40``), or any YAML file of the same form.

    Raises:
        DataError: there is no such file, or it is not a label space.
    """
    shipped = _find_shipped(str(name_or_path))
    if shipped is not None:
        return shipped
    path = Path(name_or_path)
    if not path.is_file():
        raise DataError(f"no label space '{name_or_path}': neither shipped nor a file")
    return _space_of_text(read_text(path, MOST_YAML_BYTES), str(path))


@cache
def _find_shipped(name: str) -> LabelSpace | None:
    """A label space of the package, read once."""
    if not re.fullmatch(r"\w+", name):
        return None
    file = resources.files("hydra_mono.configs").joinpath("labels", f"{name}.yaml")
    return _space_of_text(file.read_text(encoding="utf-8"), name) if file.is_file() else None


def _space_of_text(text: str, where: str) -> LabelSpace:
    try:
        return label_space_of(parse_yaml(text))
    except (ValueError, DataError) as error:
        raise DataError(f"{where}: not a label space ({error})") from error


def label_space_of(document: object) -> LabelSpace:
    """The label space that a document of YAML or JSON describes.

    Raises:
        ValueError: it describes none; says the first fault.
        DataError: its ids are not unique.
    """
    try:
        read = _Document.model_validate(document)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from error
    labels = (
        Label(entry.id, entry.name, entry.color, entry.kind, entry.role, entry.least_width)
        for entry in read.labels
    )
    return LabelSpace(name=read.name, labels=tuple(labels))


_Byte = Annotated[int, Field(ge=0, le=255)]
_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Entry(BaseModel):
    """A label as files write it."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[int, Field(ge=1, le=255)]
    name: _Name
    color: tuple[_Byte, _Byte, _Byte]
    kind: Kind
    role: Role = ""
    least_width: Annotated[  # m; the widest furniture is narrower
        float, Field(ge=0, le=100, validation_alias=AliasChoices("least_width", "least_width_m"))
    ] = 0.0


class _Document(BaseModel):
    """A label space as files write it."""

    model_config = ConfigDict(extra="forbid")

    name: _Name
    labels: Annotated[list[_Entry], Field(max_length=255)]
