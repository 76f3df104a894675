"""JSON as this package writes and reads it: compact, finite numbers only, one family of errors."""

import json
import re
from collections.abc import Iterator
from typing import Any

from hydra_mono.core.errors import ExportError

LONGEST_INT = 21  # digits of 2^64 and a sign
# the only numbers that may be beyond 64 bits or any float: 20 digits before the point, or an
# exponent of three; without one of them, none needs to be looked at by itself, which takes seconds
_MAY_NOT_FIT = re.compile(r"(?<![0-9.])[0-9]{20}|[eE]\+?[0-9]{3}")


def to_json(value: Any) -> str:
    """Compact JSON text.

    Raises:
        ExportError: a number is not finite, or the value nests too deeply; the message quotes it.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    except ValueError as error:
        raise ExportError(f"a number is not finite: {str(value)[:200]}") from error
    except RecursionError as error:
        raise ExportError("damaged graph document: nested too deeply") from error


def from_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ExportError: the text is no JSON, or holds a number that is not finite (``NaN``, 1e400).
    """
    try:
        if _MAY_NOT_FIT.search(text) is None:
            return json.loads(text, parse_constant=_refuse)
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise ExportError(f"not the text of a graph: {error}") from error


def lines(entries: list[Any]) -> Iterator[str]:
    """A list with an entry a line, in pieces."""
    separator = "[\n"
    for entry in entries:
        yield separator + to_json(entry)
        separator = ",\n"
    yield "\n]" if entries else "[]"


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_INT or abs(int(digits)) >= 1 << 64:
        raise ValueError(f"{digits[:20]} does not fit in 64 bits")
    return int(digits)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{digits[:20]} is beyond any number")
    return value
