"""Frozen dataclasses to plain JSON values and back, by their type annotations."""

import dataclasses
import functools
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def to_plain(value: Any, hint: Any) -> Any:
    """``value``, annotated ``hint``, as what JSON knows; numbers lose their numpy types."""
    if _is_optional(hint):
        return None if value is None else to_plain(value, _inner(hint))
    if get_origin(hint) is tuple:
        return [to_plain(item, _item_hint(hint, i)) for i, item in enumerate(value)]
    if get_origin(hint) is Literal:
        return value
    if dataclasses.is_dataclass(hint):
        return {
            name: to_plain(getattr(value, name), kind)
            for name, kind in fields(_class(hint)).items()
        }
    return hint(value)


def from_plain(value: Any, hint: Any) -> Any:
    """The inverse of ``to_plain``; a field that is absent takes its default.

    Raises:
        ValueError: the value does not fit the annotation.
    """
    if _is_optional(hint):
        return None if value is None else from_plain(value, _inner(hint))
    if get_origin(hint) is tuple:
        return _tuple_from(value, hint)
    if dataclasses.is_dataclass(hint):
        return _dataclass_from(value, _class(hint))
    if get_origin(hint) is Literal:
        return _one_of(value, get_args(hint))
    accepted = (int, float) if hint is float else hint
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"expected {getattr(hint, '__name__', hint)}, found {value!r}")
    return hint(value)


@functools.cache
def fields(kind: type) -> dict[str, Any]:
    """Name and resolved annotation of every field of a dataclass, in order."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _dataclass_from(value: Any, kind: type) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"expected {kind.__name__}, found {value!r}")
    given = {}
    for name, hint in fields(kind).items():
        if name in value:
            try:
                given[name] = from_plain(value[name], hint)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
    try:
        return kind(**given)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _tuple_from(value: Any, hint: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list, found {value!r}")
    kinds = get_args(hint)
    if kinds[-1] is not Ellipsis and len(kinds) != len(value):
        raise ValueError(f"expected {len(kinds)} numbers, found {len(value)}")
    return tuple(from_plain(item, _item_hint(hint, i)) for i, item in enumerate(value))


def _class(hint: Any) -> type:
    kind: type = hint
    return kind


def _one_of(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        raise ValueError(f"expected one of {choices}, found {value!r}")
    return value


def _is_optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _inner(hint: Any) -> Any:
    return next(kind for kind in get_args(hint) if kind is not type(None))


def _item_hint(hint: Any, index: int) -> Any:
    kinds = get_args(hint)
    return kinds[0] if kinds[-1] is Ellipsis else kinds[index]
