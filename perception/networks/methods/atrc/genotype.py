"""Genotypes: which context each task takes from each, as files and as rows of codes.

A file is ``{"data": {target: {source: code}}, "step": n}``, with the codes of ``CONTEXTS``. The
published three come with the package (Brüggemann et al., ICCV 2021).
"""

import json
from importlib import resources
from pathlib import Path
from typing import Annotated

from annotated_types import Interval
from pydantic import TypeAdapter, ValidationError

from hydra_mono.core.errors import ConfigError
from hydra_mono.core.files.atomic import write_text

CONTEXTS = ("none", "global", "local", "target label", "source label")
PUBLISHED = ("nyud_hrnet18", "nyud_hrnet48", "pascal_hrnet18")
THEIR_WORDS = {"semseg": "semantics", "edge": "edges", "human_parts": "parts", "sal": "saliency"}
LARGEST_FILE = 1_000_000  # bytes; a genotype has hundreds

Code = Annotated[int, Interval(ge=0, le=len(CONTEXTS) - 1)]
Row = tuple[Code, ...]  # a code per source, in the order of the tasks
_DATA: TypeAdapter[dict[str, dict[str, Code]]] = TypeAdapter(dict[str, dict[str, Code]])


def read_genotype(path: Path, tasks: tuple[str, ...]) -> tuple[Row, ...]:
    """The codes of a file by target and source, both in the order of ``tasks``.

    Raises:
        ConfigError: it cannot be read, is no genotype, or is of other tasks.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ConfigError(f"{path}: too large to be a genotype")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({type(error).__name__})") from error
    return _rows(text, tasks, str(path))


def published_genotype(name: str, tasks: tuple[str, ...]) -> tuple[Row, ...]:
    """One of ``PUBLISHED``.

    Raises:
        ConfigError: it is of other tasks.
    """
    file = resources.files(__package__ or "") / "genotypes" / f"{name}.json"
    return _rows(file.read_text(encoding="utf-8"), tasks, name)


def genotype_for(tasks: tuple[str, ...]) -> tuple[Row, ...] | None:
    """The published genotype of these tasks; None where there is none."""
    for name in PUBLISHED:
        try:
            return published_genotype(name, tasks)
        except ConfigError:
            continue
    return None


def write_genotype(path: Path, rows: tuple[Row, ...], tasks: tuple[str, ...], step: int) -> None:
    """Raises ``OSError`` where it cannot be written; then nothing is there."""
    data = {
        target: dict(zip(tasks, row, strict=True)) for target, row in zip(tasks, rows, strict=True)
    }
    write_text(path, json.dumps({"data": data, "step": step}, indent=1) + "\n")


def needed_labels(rows: tuple[Row, ...]) -> frozenset[int]:
    """The tasks, by number, whose label distributions some context uses: a target's own where it
    takes a target label from anybody, a source's where anybody takes a source label from it."""
    needed = {target for target, row in enumerate(rows) if 3 in row}
    return frozenset(needed | {s for row in rows for s, code in enumerate(row) if code == 4})


def _rows(text: str, tasks: tuple[str, ...], name: str) -> tuple[Row, ...]:
    try:
        content = json.loads(text)
        data = _DATA.validate_python(content["data"] if isinstance(content, dict) else None)
    except (ValueError, KeyError, RecursionError, ValidationError) as error:
        raise ConfigError(
            f"{name}: no genotype; expected target, source and a code 0 to 4 under 'data'"
        ) from error
    table = {
        THEIR_WORDS.get(target, target): {THEIR_WORDS.get(s, s): c for s, c in row.items()}
        for target, row in data.items()
    }
    found = set(table) | {source for row in table.values() for source in row}
    if found != set(tasks) or any(row.keys() != set(tasks) for row in table.values()):
        detail = f"{', '.join(sorted(found))}, not of {', '.join(sorted(tasks))}"
        raise ConfigError(f"{name}: a genotype of {detail}")
    return tuple(tuple(table[target][source] for source in tasks) for target in tasks)
