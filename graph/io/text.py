"""JSON as this package writes and reads it: compact, finite numbers only, one family of errors."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json as parsed

from hydra_mono.core.errors import ExportError

LONGEST_INT = 21  # digits of 2^64 and a sign
_DIGITS_ALIKE = bytes.maketrans(b"0123456789E", b"0000000000e")
# digits taken off every fraction, in bytes: what floats write after the point (up to 25, with the
# blanks of a small one) is then shorter than the 20 that are looked for before it
_FRACTION, _SHORTER = b"." + b"0" * 10, b"."
_MAY_NOT_FIT = (b"0" * 20, b"0e000", b"0e+000")


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
        if not _may_not_fit(text):
            return parsed(text, allow_inf_nan=False)
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise ExportError(f"not the text of a graph: {error}") from error


def _may_not_fit(text: str) -> bool:
    """Whether a number may be beyond 64 bits or any float.

    Such a number has 20 digits before the point, or an exponent of three. Without one of them,
    none needs to be looked at by itself, which takes seconds for a large graph.
    """
    alike = text.encode().translate(_DIGITS_ALIKE).replace(_FRACTION, _SHORTER)
    return any(digits in alike for digits in _MAY_NOT_FIT)


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
