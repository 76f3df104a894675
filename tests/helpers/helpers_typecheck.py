"""The checker that the whole suite runs under: beartype, with jaxtyping's shapes.

``jaxtyping.jaxtyped`` binds the arguments of every call anew and compiles and runs two checkers a
function; that was half of the suite's time. Here one checker runs, with a scope for the names of
dimensions where an annotation has a shape, and not at each of the thousands of calls that a whole
run makes. Functions within functions are left to mypy: they would be compiled again at every call
of the outer one.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import partial, wraps
from types import SimpleNamespace
from typing import Annotated, Any, ForwardRef, Literal, get_args, get_origin

import jaxtyping
from beartype import BeartypeConf, beartype

_SHAPED = re.compile(r"\b(Float|Int|UInt|Bool|Shaped|Num|Inexact|Complex)\d*\[")
_STATE = SimpleNamespace(test=0)
_jaxtyped, _CONFIG = jaxtyping.jaxtyped, jaxtyping.config

MANY = 100  # calls of a function in one test: whole runs make thousands that are alike
EVERY = 16  # of the calls after that, one is checked

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand for a float


def jaxtyped(fn: Any = None, *, typechecker: Any = None) -> Any:
    """In place of ``jaxtyping.jaxtyped``, which the import hook puts before all that is defined."""
    if fn is None:
        return lambda function: jaxtyped(function, typechecker=typechecker)
    if inspect.isclass(fn):
        return _with_checked_init(fn)
    if is_text_among(fn):
        return _now_and_then(fn, partial(_jaxtyped, typechecker=checked))
    if has_shapes(fn):
        return _now_and_then(fn, _with_scope)
    return fn if "<locals>" in fn.__qualname__ else _now_and_then(fn, checked)


def _with_checked_init(kind: type) -> type:
    """A dataclass that checks its fields when it is made; other classes stay as they are."""
    if is_dataclass(kind) and "__init__" in vars(kind):
        make_checker = partial(_jaxtyped, typechecker=checked)
        kind.__init__ = _now_and_then(kind.__init__, make_checker)  # type: ignore[misc]
    return kind


def has_shapes(fn: Callable[..., Any]) -> bool:
    return any(_SHAPED.search(repr(hint)) for hint in fn.__annotations__.values())


def is_text_among(fn: Callable[..., Any]) -> bool:
    """Whether a hint is a text or holds one, which jaxtyping resolves."""
    return any(_holds_text(hint) for hint in fn.__annotations__.values())


def _holds_text(hint: Any) -> bool:
    if isinstance(hint, str | ForwardRef):
        return True
    if isinstance(hint, list):  # the arguments of a Callable
        return any(map(_holds_text, hint))
    parts = () if get_origin(hint) is Literal else get_args(hint)
    return any(map(_holds_text, parts[:1] if get_origin(hint) is Annotated else parts))


def _with_scope(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Names of dimensions mean the same in all arguments of a call and in its result."""
    checker = checked(fn)

    def scoped(*arguments: Any, **named: Any) -> Any:
        with _jaxtyped("context"):
            return checker(*arguments, **named)

    return scoped


def _now_and_then(
    fn: Callable[..., Any], make_checker: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Callable[..., Any]:
    """Checks a test's first calls of a function, and then one in ``EVERY``."""
    test, calls = -1, 0
    checker: Callable[..., Any] | None = None  # made when it is called: many never are

    @wraps(fn)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal test, calls, checker
        if test != _STATE.test:
            test, calls = _STATE.test, 0
        calls += 1
        if (calls > MANY and calls % EVERY) or _CONFIG.jaxtyping_disable:
            return fn(*arguments, **named)
        checker = checker or make_checker(fn)
        return checker(*arguments, **named)

    return wrapped


def new_test() -> None:
    """All calls count anew."""
    _STATE.test += 1


def install() -> None:
    """To be called before anything of the project is imported."""
    jaxtyping.jaxtyped = jaxtyped
