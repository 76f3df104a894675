"""Settings from YAML files, ``--set`` overrides and flags; unknown keys name the nearest."""

import difflib
import json
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from hydra_mono.core.config.fixed import FIXED, fixed_key
from hydra_mono.core.config.tree import Config
from hydra_mono.core.errors import ConfigError, DataError
from hydra_mono.core.files.documents import MOST_YAML_BYTES, parse_yaml, read_text, shortened


def load_config(
    path: Path | None = None,
    overrides: tuple[str, ...] = (),
    flags: Mapping[str, object] | None = None,
) -> Config:
    """The defaults, under a YAML file, under ``section.key=value`` overrides, under flags.

    ``path`` may be the bare name of a preset (``large_building``). The values of overrides are
    YAML; ``flags`` (by dotted name) are taken as they are.

    Raises:
        ConfigError: a key is unknown or a value is out of range; the message says which.
    """
    document: dict[str, Any] = _read_yaml(path) if path else {}
    for override in overrides:
        _apply_override(document, override)
    for key, value in (flags or {}).items():
        _put(document, key, value, f"{key}={value}")
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError(_explain(error, str(path) if path else "--set")) from error


def presets() -> dict[str, str]:
    """The settings files that the package ships: name → text."""
    files = resources.files("hydra_mono.configs").iterdir()
    found = [file for file in files if file.name.endswith(".yaml")]
    return {file.name.removesuffix(".yaml"): file.read_text("utf-8") for file in found}


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
        text = yaml.safe_dump(plain, sort_keys=False, width=1000).rstrip("\n")
        if isinstance(value, str) and "\n" in text:
            text = f"{name}: {json.dumps(value)}"  # one line, so that the sentence fits beside it
        first, *rest = text.split("\n")
        yield f"{indent}{first}" + (f"  # {field.description}" if field.description else "")
        yield from (indent + line for line in rest)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = parse_yaml(_preset_or_file(path))
    except (DataError, ValueError) as error:
        hint = "" if path.exists() else f" (presets: {', '.join(sorted(presets()))})"
        raise ConfigError(f"cannot read config {path}: {error}{hint}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(
            f"config {path}: expected sections such as 'mapping:', "
            f"found {shortened(repr(document))}"
        )
    return document


def _preset_or_file(path: Path) -> str:
    """A file wins over the preset of the same name."""
    if not path.exists() and path.name == str(path) and str(path) in presets():
        return presets()[str(path)]
    return read_text(path, MOST_YAML_BYTES)


def _apply_override(document: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    where = f"--set {shortened(override)}"
    if not equals or not key.strip().rpartition(".")[2]:
        raise ConfigError(f"{where}: write it as section.key=value")
    try:
        value = parse_yaml(text)
    except ValueError as error:
        raise ConfigError(f"{where}: the value is not YAML ({error})") from error
    _put(document, key.strip(), value, where)


def _put(document: dict[str, Any], key: str, value: object, where: str) -> None:
    *sections, leaf = key.split(".")
    for section in sections:
        document = document.setdefault(section, {})
        if not isinstance(document, dict):
            raise ConfigError(f"{where}: '{section}' is not a section")
    document[leaf] = value


def _explain(error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        found = shortened(repr(first["input"]))
        return f"{where}: {shortened('.'.join(path))}: {first['msg']} (got {found})"
    if (fixed := fixed_key(path, first["input"])) is not None:
        return f"{where}: '{fixed}' is no setting any more: it is fixed, {FIXED[fixed]}"
    key = shortened(".".join(path))
    nearest = _nearest(path)
    hint = f"; did you mean '{nearest}'?" if nearest else ""
    return f"{where}: unknown key '{key}'{hint} ('hydra-mono config dump' lists all)"


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
