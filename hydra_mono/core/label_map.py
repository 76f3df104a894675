"""Explicit maps from one label space to another; nothing is mapped by position."""

import re
from dataclasses import dataclass
from importlib import resources

import numpy as np
from jaxtyping import UInt8

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.documents import parse_yaml
from hydra_mono.core.labels import LabelSpace, load_label_space


@dataclass(frozen=True)
class LabelMap:
    """``table[i]`` is the target's id for the source's id i; 0 stays unknown."""

    source: LabelSpace
    target: LabelSpace
    table: UInt8[np.ndarray, "256"]


def load_label_map(source: str, target: str) -> LabelMap:
    """The shipped map between two shipped label spaces; the identity where they are the same.

    Raises:
        DataError: there is no such map, or it leaves out or invents a label.
    """
    spaces = load_label_space(source), load_label_space(target)
    if source == target:
        return LabelMap(*spaces, np.arange(256, dtype=np.uint8))
    is_name = all(re.fullmatch(r"\w+", name) for name in (source, target))
    maps = resources.files("hydra_mono.configs").joinpath("labels", "maps")
    if not is_name or not maps.joinpath(f"{source}_to_{target}.yaml").is_file():
        raise DataError(f"no label map from '{source}' to '{target}' in configs/labels/maps")
    text = maps.joinpath(f"{source}_to_{target}.yaml").read_text(encoding="utf-8")
    return label_map_of(text, *spaces)


def label_map_of(text: str, source: LabelSpace, target: LabelSpace) -> LabelMap:
    """The map that a YAML text gives, ``names: {label of the source: label of the target}``.

    Raises:
        DataError: it is no such text, or leaves out or invents a label.
    """
    try:
        document = parse_yaml(text)
        names = document["names"] if isinstance(document, dict) else None
    except (ValueError, KeyError) as error:
        raise DataError(f"label map {source.name} to {target.name}: {error}") from error
    if not isinstance(names, dict) or not all(
        isinstance(word, str) for pair in names.items() for word in pair
    ):
        raise DataError(f"label map {source.name} to {target.name}: needs 'names: {{from: to}}'")
    return LabelMap(source, target, _table(source, target, names))


def _table(
    source: LabelSpace, target: LabelSpace, names: dict[str, str]
) -> UInt8[np.ndarray, "256"]:
    known = {label.name: label.id for label in target.labels}
    missing = [label.name for label in source.labels if label.name not in names]
    invented = [name for name in names.values() if name not in known]
    if missing or invented:
        raise DataError(
            f"label map {source.name} to {target.name}: '{(missing + invented)[0]}' "
            f"{'has no line' if missing else 'is not in the target'}"
        )
    table = np.zeros(256, np.uint8)
    for label in source.labels:
        table[label.id] = known[names[label.name]]
    return table
