"""A label space that lies beside a sequence: in our form or in Hydra's."""

import colorsys
import logging
import re
from pathlib import Path
from typing import Any

import yaml

from hydra_mono.core.errors import DataError
from hydra_mono.core.labels import UNKNOWN, Kind, Label, LabelSpace, Role, load_label_space
from hydra_mono.datasets.files import read_text
from hydra_mono.datasets.labels import LabelTable, identity_table

logger = logging.getLogger(__name__)

FILE_NAME = "label_space.yaml"

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
    try:
        document = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise DataError(f"{path}: not YAML ({error})") from error
    if isinstance(document, dict) and "label_names" in document:
        return _hydra_table(document, path)
    return identity_table(load_label_space(path))


def _hydra_table(document: dict[str, Any], path: Path) -> LabelTable:
    """Hydra numbers from 0; where its 0 is a class of its own, that gets the last id, 255."""
    try:
        names = {int(entry["label"]): str(entry["name"]) for entry in document["label_names"]}
        total = int(document.get("total_semantic_labels", max(names, default=-1) + 1))
        groups = {
            group: {int(number) for number in document.get(f"{group}_labels") or ()}
            for group in ("dynamic", "invalid", "object", "surface_places")
        }
        labels = [_label(raw, names.get(raw, f"label {raw}"), groups) for raw in range(total)]
        return _table_of(labels, path)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not a label space of Hydra's form ({error!r})") from error


def _table_of(labels: list[Label], path: Path) -> LabelTable:
    known = [label for label in labels if label.id != UNKNOWN or label.kind != "ignored"]
    ids = {label.id: label.id or 255 for label in known}
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
