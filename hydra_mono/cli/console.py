"""Standard streams that may be closed, full or gone: what cannot be shown ends nothing."""

import contextlib
import os
import sys


def open_standard_streams() -> None:
    """Opens the null device where a stream is closed (``2>&-``).

    Otherwise the next file opened would get its number, and messages would be written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def say(text: str) -> None:
    """A line on standard error, where there is one."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def flush_output() -> None:
    """Writes out what was printed.

    Raises:
        OSError: it cannot be; the streams lead to the null device from then on, so that Python's
            own flush at the end does not fail again.
    """
    failure: OSError | None = None
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            failure = failure or error
            _silence(stream.fileno())
        except ValueError:  # closed already
            continue
    if failure is not None:
        raise failure


def _silence(number: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)
