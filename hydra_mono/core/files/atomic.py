"""Writing so that a reader sees the old file or the new one, never half of one."""

import contextlib
import errno
import os
import secrets
import shutil
import stat
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
    """A temporary path that takes the place of ``path`` when the block succeeds.

    A symbolic link stays one: the file it leads to is replaced. An old file's mode is kept.

    Raises:
        ExportError: the disk is full, the folder cannot be written, or there is something other
            than a plain file (a folder, device or pipe); ``path`` is untouched.
    """
    target = _plain_target(path)
    aside = _beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        _flush(aside)
        _copy_mode(target, aside)
        aside.replace(target)
        flush_folder(target.parent)
    except OSError as error:
        raise ExportError(reason(path, error)) from error
    except ExportError as error:  # a writer inside names the temporary file
        raise ExportError(str(error).replace(str(aside), str(path))) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _plain_target(path: Path) -> Path:
    """The file behind links; it need not exist yet."""
    try:
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return target
    except (OSError, ValueError) as error:
        raise ExportError(f"cannot write {path}: {getattr(error, 'strerror', error)}") from error
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a plain file"
        raise ExportError(f"cannot write {path}: it is {kind}")
    return target


def _copy_mode(old: Path, new: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        new.chmod(stat.S_IMODE(old.stat().st_mode))


def _beside(path: Path) -> Path:
    return path.with_name(f"{ASIDE}{secrets.token_hex(4)}-{path.name}")


def clear_leftovers(folder: Path) -> None:
    """Removes temporary files and folders of killed writers; those of living ones are younger."""
    with contextlib.suppress(OSError):
        for aside in folder.glob(f"{ASIDE}*"):
            if time.time() - aside.lstat().st_mtime > STALE_S:
                _remove(aside)


def _remove(aside: Path) -> None:
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)


def reason(path: Path, error: OSError) -> str:
    """Why a path cannot be written, in one line."""
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


def flush_folder(folder: Path) -> None:
    """Makes renaming itself survive a power cut, where the system lets folders be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
