"""Text, numbers, YAML and JSON from files that anyone may have written: strict and bounded.

Functions that parse raise ``ValueError`` with what was found; callers add the file's name.
"""

import json
import math
import re
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from hydra_mono.core.errors import DataError

MOST_TEXT_BYTES = 1 << 26  # an hour of poses at 100 Hz has 30 MB
MOST_YAML_BYTES = 1 << 19  # the largest label space that is shipped has 15 kB
MOST_JSON_BYTES = 1 << 29  # the graph of 1,000 rooms has some 100 MB
_MOST_NODES = 50_000  # of a YAML document with its aliases written out
_DEEPEST = 30  # nested sections; the settings have 2
_LARGEST = 1e300  # float() of a much larger int would overflow
_SHOWN = 60  # characters of a faulty word in a message

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.ASCII | re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def number(word: str) -> float:
    """A number as text files write it; ``nan`` and ``inf`` are numbers, 1e400 is not.

    Raises:
        ValueError: the word is none, or lies beyond what a float holds.
    """
    if _NOT_FINITE.fullmatch(word):
        return float(word)
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"expected a number, found {shortened(word)!r}")
    value = float(word)
    if math.isinf(value):
        raise ValueError(f"{shortened(word)} is larger than any float")
    return value


def finite(value: object) -> float:
    """A number of a YAML or JSON document that is neither infinite nor NaN.

    Raises:
        ValueError: it is no number, or is not finite.
    """
    if isinstance(value, str):
        value = number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number, found {shortened(repr(value))}")
    if not abs(value) <= _LARGEST:
        raise ValueError(f"expected a finite number, found {shortened(str(value))}")
    return float(value)


def whole(value: object) -> int:
    """A whole number of a document; words of decimal digits count as one.

    Raises:
        ValueError: it is anything else, or has more than 18 digits.
    """
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,18}", value, re.ASCII):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 10**18:
        raise ValueError(f"expected a whole number, found {shortened(repr(value))}")
    return value


def shortened(text: str) -> str:
    """The text, or its beginning where it is long."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def read_content(path: Path, most_bytes: int = MOST_TEXT_BYTES) -> bytes:
    """The bytes of a plain file.

    Raises:
        DataError: it is missing, no plain file, larger than ``most_bytes`` or unreadable.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path} is no plain file")
        if found.st_size > most_bytes:
            raise DataError(f"{path} has {found.st_size} bytes; at most {most_bytes} are read")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from error


def read_text(path: Path, most_bytes: int = MOST_TEXT_BYTES) -> str:
    """Text in UTF-8, UTF-16 or, where it is neither, Latin-1.

    Raises:
        DataError: it cannot be read, or is not text.
    """
    try:
        return decoded(read_content(path, most_bytes))
    except ValueError as error:
        raise DataError(f"{path} is no text ({error})") from error


def decoded(content: bytes) -> str:
    """The text that bytes encode; byte-order marks decide, then what the bytes can be.

    Raises:
        ValueError: they hold control characters, so they are not text.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    head = content[:1024]
    if b"\0" in head and len(content) % 2 == 0:  # Latin text in UTF-16: every other byte is 0
        for zeros, encoding in ((head[1::2], "utf-16-le"), (head[::2], "utf-16-be")):
            if zeros.count(0) > 0.9 * len(zeros):
                return content.decode(encoding)
    control = _CONTROL.search(content)
    if control:
        raise ValueError(f"byte {content[control.start()]:#04x} at {control.start()}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML whose numbers are JSON's: no dates, no numbers to the base 60, no key twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        _refuse_twins([key.value for key, _ in pairs if isinstance(key.value, str)])
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def _float(loader: Any, node: Any) -> float:
    word = loader.construct_scalar(node)
    return number(word.replace(".inf", "inf").replace(".nan", "nan").lower())


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    replaced = {f"tag:yaml.org,2002:{kind}" for kind in ("timestamp", "int", "float")}
    kept = {
        first: [(tag, words) for tag, words in rules if tag not in replaced]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    number_rules = [
        ("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")),
        (
            "tag:yaml.org,2002:float",
            re.compile(
                r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"
                r"|[-+]?[0-9]+[eE][-+]?[0-9]+$"
                r"|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$"
            ),
        ),
    ]
    for first in "-+.0123456789":
        kept[first] = kept.get(first, []) + number_rules
    return kept


_Loader.yaml_implicit_resolvers = _resolvers()
_Loader.add_constructor("tag:yaml.org,2002:float", _float)


def parse_yaml(text: str) -> Any:
    """The one document of a YAML text.

    Raises:
        ValueError: it is not YAML, has a key twice or an endless number, or is larger, deeper
            or, its aliases written out, longer than any file this project reads.
    """
    if len(text) > MOST_YAML_BYTES:
        raise ValueError(f"{len(text)} characters of YAML; at most {MOST_YAML_BYTES} are read")
    try:
        _check_extent(text)
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except (RecursionError, OverflowError, TypeError) as error:
        raise ValueError(f"not YAML that can be read ({error})") from error


def _check_extent(text: str) -> None:
    """Counts the nodes with aliases written out, before any of them is made."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, Loader=_Loader):
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            if anchor not in sizes:
                raise ValueError(f"the alias *{anchor} stands within or before what it names")
            _add(open_nodes, sizes[str(anchor)])
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((anchor, 1))
            if len(open_nodes) > _DEEPEST:
                raise ValueError(f"nested more than {_DEEPEST} deep")
        elif isinstance(event, yaml.CollectionEndEvent | yaml.ScalarEvent):
            is_end = isinstance(event, yaml.CollectionEndEvent)
            anchor, size = open_nodes.pop() if is_end else (anchor, 1)
            _add(open_nodes, size)
            if anchor is not None:
                sizes[anchor] = size


def _add(open_nodes: list[tuple[str | None, int]], size: int) -> None:
    anchor, before = open_nodes[-1]
    if before + size > _MOST_NODES:
        raise ValueError(f"more than {_MOST_NODES} values, aliases written out")
    open_nodes[-1] = (anchor, before + size)


def parse_json(text: str) -> Any:
    """The value of a JSON text in which every number is finite and no key stands twice.

    Raises:
        ValueError: it is anything else, or is nested deeper than can be read.
    """
    try:
        return json.loads(
            text, parse_constant=_refuse, parse_float=number, object_pairs_hook=_without_twins
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_twins([key for key, _ in pairs])
    return dict(pairs)


def _refuse_twins(keys: list[str]) -> None:
    if len(set(keys)) < len(keys):
        twice = next(key for key, count in Counter(keys).items() if count > 1)
        raise ValueError(f"the key '{shortened(twice)}' stands twice")


def first_fault(error: ValidationError) -> str:
    """The first fault of a checked document: where it is, what is expected, what was found."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    found = shortened(repr(fault["input"]))
    return f"{where}: {fault['msg']} (found {found})" if where else f"{fault['msg']} ({found})"
