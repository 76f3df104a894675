"""Settings from YAML files and ``--set`` overrides; unknown keys name the nearest."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from hydra_mono.core.config.tree import Config
from hydra_mono.core.errors import ConfigError, DataError
from hydra_mono.core.files.documents import MOST_YAML_BYTES, parse_yaml, read_text, shortened


def load_config(path: Path | None = None, overrides: tuple[str, ...] = ()) -> Config:
    """The defaults, under a YAML file, under ``section.key=value`` overrides.

    Raises:
        ConfigError: a key is unknown or a value is out of range; the message says which.
    """
    document: dict[str, Any] = _read_yaml(path) if path else {}
    for override in overrides:
        _apply_override(document, override)
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError(_explain(error, str(path) if path else "--set")) from error


def dump_config(config: Config) -> str:
    """The whole tree as YAML, a sentence beside each setting; ``load_config`` reads it back."""
    return "\n".join(_dump_section(config, depth=0)) + "\n"


def _dump_section(section: BaseModel, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _dump_section(value, depth + 1)
            continue
        plain = section.model_dump(mode="json", include={name})
        first, *rest = yaml.safe_dump(plain, sort_keys=False, width=1000).rstrip("\n").split("\n")
        yield f"{indent}{first}" + (f"  # {field.description}" if field.description else "")
        yield from (indent + line for line in rest)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = parse_yaml(read_text(path, MOST_YAML_BYTES))
    except (DataError, ValueError) as error:
        raise ConfigError(f"cannot read config {path}: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(
            f"config {path}: expected sections such as 'mapping:', "
            f"found {shortened(repr(document))}"
        )
    return document


def _apply_override(document: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    *sections, leaf = key.strip().split(".")
    if not equals or not leaf:
        raise ConfigError(f"--set {override}: write it as section.key=value")
    for section in sections:
        document = document.setdefault(section, {})
        if not isinstance(document, dict):
            raise ConfigError(f"--set {override}: '{section}' is not a section")
    try:
        document[leaf] = parse_yaml(value)
    except ValueError as error:
        raise ConfigError(f"--set {override}: the value is not YAML ({error})") from error


def _explain(error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        found = shortened(repr(first["input"]))
        return f"{where}: {shortened('.'.join(path))}: {first['msg']} (got {found})"
    nearest = _nearest(path)
    hint = f"; did you mean '{nearest}'?" if nearest else ""
    return f"{where}: unknown key '{shortened('.'.join(path))}'{hint} ('hydra-mono config dump' lists all)"


def _nearest(path: list[str]) -> str | None:
    every = [key for key in _keys(Config) if key.count(".") == len(path) - 1]
    return next(iter(difflib.get_close_matches(".".join(path), every, n=1, cutoff=0.5)), None)


def _keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _keys(field.annotation, f"{prefix}{name}.")
    return keys
