"""A label space that lies beside a sequence: in our form or in Hydra's."""

import colorsys
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.documents import MOST_YAML_BYTES, first_fault, parse_yaml, read_text
from hydra_mono.core.labels import UNKNOWN, Kind, Label, LabelSpace, Role, label_space_of
from hydra_mono.datasets.labels import MOST_RAW, LabelTable, identity_table

FILE_NAME = "label_space.yaml"
_MOST_LABELS = 255  # ids are bytes, and 0 is unknown

_ROLES: tuple[tuple[str, Role], ...] = (
    ("stairs?|stairway|staircase|steps?|escalator", "stairs"),
    ("walls?", "wall"),
    ("floors?|rugs?|carpets?|floor mat", "floor"),
    ("ceilings?", "ceiling"),
    ("doors?|screen door", "door"),
    ("windows?|windowpane", "window"),
)


def find_label_table(folder: Path) -> LabelTable | None:
    """The table of ``label_space.yaml`` in a folder; None without one.

    Raises:
        DataError: the file is neither of the two forms.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    text = read_text(path, MOST_YAML_BYTES)
    try:
        document = parse_yaml(text)
        if isinstance(document, dict) and "label_names" in document:
            return _hydra_table(_HydraDocument.model_validate(document), path)
        return identity_table(label_space_of(document))
    except ValidationError as error:
        fault = first_fault(error)
        raise DataError(f"{path}: not a label space of Hydra's form ({fault})") from error
    except (ValueError, DataError) as error:
        raise DataError(f"{path}: not a label space ({error})") from error


_RawId = Annotated[int, Field(ge=0, le=MOST_RAW)]
_Group = list[_RawId] | None


class _HydraName(BaseModel):
    label: _RawId
    name: Annotated[str, Field(min_length=1, max_length=200)]


class _HydraDocument(BaseModel):
    """The keys of Hydra's label spaces that are used here; it knows more."""

    label_names: Annotated[list[_HydraName], Field(max_length=MOST_RAW + 1)]
    total_semantic_labels: Annotated[int, Field(ge=0, le=MOST_RAW + 1)] | None = None
    dynamic_labels: _Group = None
    invalid_labels: _Group = None
    object_labels: _Group = None
    surface_places_labels: _Group = None


def _hydra_table(document: _HydraDocument, path: Path) -> LabelTable:
    names = {entry.label: entry.name for entry in document.label_names}
    if len(names) < len(document.label_names):
        raise ValueError("a label has two names")
    groups = {
        "dynamic": {*(document.dynamic_labels or ())},
        "invalid": {*(document.invalid_labels or ())},
        "object": {*(document.object_labels or ())},
        "surface_places": {*(document.surface_places_labels or ())},
    }
    total = document.total_semantic_labels
    count = max(names, default=-1) + 1 if total is None else total
    raws = sorted({*names, *range(min(count, _MOST_LABELS + 1))})
    return _table_of([_label(raw, names.get(raw, f"label {raw}"), groups) for raw in raws], path)


def _table_of(labels: list[Label], path: Path) -> LabelTable:
    """Hydra numbers from 0 and past 255; numbers that are no ids here get the last free ones."""
    known = [label for label in labels if label.id != UNKNOWN or label.kind != "ignored"]
    if len(known) > _MOST_LABELS:
        raise ValueError(f"{len(known)} labels; at most {_MOST_LABELS} are told apart")
    kept = {label.id for label in known if 0 < label.id <= _MOST_LABELS}
    free = iter(sorted({*range(1, _MOST_LABELS + 1)} - kept, reverse=True))
    ids = {label.id: label.id if label.id in kept else next(free) for label in known}
    moved = [
        Label(ids[label.id], label.name, label.color, label.kind, label.role) for label in known
    ]
    space = LabelSpace(name=path.resolve().parent.name, labels=tuple(moved))
    return LabelTable({UNKNOWN: UNKNOWN} | ids, space)


def _label(raw: int, name: str, groups: dict[str, set[int]]) -> Label:
    role = _role(raw, name, groups)
    return Label(raw, name, _color(raw), _kind(raw, name, groups, role), role)


def _kind(raw: int, name: str, groups: dict[str, set[int]], role: Role) -> Kind:
    if raw in groups["dynamic"]:
        return "agent"
    if raw in groups["invalid"] or re.fullmatch("unknown|void|unlabell?ed|ignore", name.lower()):
        return "ignored"
    if raw in groups["object"] and not role:
        return "object"
    return "structure"


def _role(raw: int, name: str, groups: dict[str, set[int]]) -> Role:
    if raw in groups["dynamic"] | groups["invalid"]:
        return ""
    plain = name.lower().replace("_", " ").strip()
    found: Role = next((role for words, role in _ROLES if re.fullmatch(words, plain)), "")
    return "floor" if not found and raw in groups["surface_places"] else found


def _color(raw: int) -> tuple[int, int, int]:
    """Colours far apart for neighbouring numbers: hue by the golden ratio."""
    red, green, blue = colorsys.hsv_to_rgb(raw * 0.618034 % 1, 0.55 + 0.15 * (raw % 4), 0.9)
    return round(255 * red), round(255 * green), round(255 * blue)
