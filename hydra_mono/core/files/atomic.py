"""Writing so that a reader sees the old file or the new one, never half of one."""

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hydra_mono.core.errors import ExportError

ASIDE = ".hydra-mono-"  # how the names of temporary files begin
STALE_S = 600.0  # nobody writes one file for so long without adding to it


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block succeeds.

    Raises:
        ExportError: the disk is full or the folder cannot be written; ``path`` is untouched.
    """
    aside = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        _flush(aside)
        aside.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise ExportError(_why(path, error)) from error
    except ExportError as error:  # a writer inside names the temporary file
        raise ExportError(str(error).replace(str(aside), str(path))) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f"{ASIDE}{secrets.token_hex(4)}-{path.name}")


def clear_leftovers(folder: Path) -> None:
    """Removes temporary files of writers that were killed; those of living ones are younger."""
    with contextlib.suppress(OSError):
        for aside in folder.glob(f"{ASIDE}*"):
            if time.time() - aside.lstat().st_mtime > STALE_S:
                aside.unlink(missing_ok=True)


def _why(path: Path, error: OSError) -> str:
    hint = "; free some space there, or write elsewhere" if error.errno == errno.ENOSPC else ""
    return f"cannot write {path}: {error.strerror or error}{hint}"


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text whole or not at all."""
    write_with(path, lambda file: file.write(text.encode()))


def write_with(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Calls ``write`` with a binary file that becomes ``path`` once it is complete."""
    with replacing(path) as aside, aside.open("wb") as file:
        write(file)


def write_pieces(path: Path, pieces: Iterable[str]) -> None:
    """Writes UTF-8 text that comes in pieces; when a piece cannot be made, ``path`` stays as is."""
    write_with(path, lambda file: file.writelines(piece.encode() for piece in pieces))


def point_link(link: Path, target: str) -> None:
    """Makes ``link`` a symbolic link to ``target``, in place of the link that was there.

    Raises:
        ExportError: the file system has no links, or something else bears the name.
    """
    if link.exists() and not link.is_symlink():
        raise ExportError(f"cannot link {link}: it exists and is not a link")
    aside = _beside(link)
    try:
        aside.symlink_to(target)
        aside.replace(link)
    except OSError as error:
        raise ExportError(f"cannot link {link}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _flush(file: Path) -> None:
    with file.open("rb+") as handle:
        os.fsync(handle.fileno())


def _flush_folder(folder: Path) -> None:
    """Makes the renaming itself survive a power cut, where the system lets folders be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
