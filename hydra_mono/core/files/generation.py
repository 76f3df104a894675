"""Several files of one moment: written aside, switched by one rename, checked when read.

A generation is staged in a folder of its own with ``manifest.json``, which lists the size and hash
of every file. Renaming that folder to ``.pending`` commits it; its files then move into place one
by one, the manifest last. A writer killed before the rename leaves the older generation; one killed
after it leaves the newer one, part of it still in ``.pending``, where readers look first.
"""

import contextlib
import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from hydra_mono.core.errors import DataError, ExportError
from hydra_mono.core.files import atomic

MANIFEST = "manifest.json"
PENDING = ".pending"
TRIES = 40  # of reading what is being replaced; with the pause, 2 s
PAUSE_S = 0.05

Writer = Callable[[Path], None]
Result = TypeVar("Result")


def write_generation(
    folder: Path,
    writers: Mapping[str, Writer],
    about: Mapping[str, Any] | None = None,
    without: Collection[str] = (),
) -> None:
    """Writes files by name, all or none of them; files of the folder not named stay part of it.

    ``about`` goes into the manifest beside the list of files. Files named in ``without`` are no
    longer part of the generation, and are removed.

    Raises:
        ExportError: the disk is full or a file cannot be written; the generation before stays.
    """
    stage = folder / f"{atomic.ASIDE}{secrets.token_hex(4)}"
    name = MANIFEST
    try:
        finish(folder)
        stage.mkdir()
        for name, write in writers.items():
            write(stage / name)
        manifest = _manifest(folder)
        files = manifest.get("files", {}) | {name: _entry(stage / name) for name in writers}
        files = {name: entry for name, entry in files.items() if name not in without}
        manifest = manifest | dict(about or {}) | {"files": files}
        atomic.write_text(stage / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        stage.rename(folder / PENDING)
        finish(folder)
        for name in without:
            (folder / name).unlink(missing_ok=True)
        atomic.flush_folder(folder)
    except OSError as error:
        raise ExportError(atomic.reason(folder / name, error)) from error
    except ExportError as error:  # a writer names the file by where it is staged
        raise ExportError(str(error).replace(f"{stage}", f"{folder}")) from error.__cause__
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def finish(folder: Path) -> None:
    """Moves a committed generation into place, where a writer was killed before it could."""
    pending = folder / PENDING
    if not pending.is_dir():
        return
    if (pending / MANIFEST).is_file():
        names = sorted(path.name for path in pending.iterdir() if path.name != MANIFEST)
        for name in (*names, MANIFEST):
            (pending / name).replace(folder / name)
    with contextlib.suppress(FileNotFoundError):
        pending.rmdir()


def locate(folder: Path, name: str) -> Path:
    """Where a file of the newest complete generation lies."""
    pending = folder / PENDING
    if (pending / MANIFEST).is_file() and (pending / name).is_file():
        return pending / name
    return folder / name


def read_generation(folder: Path, names: Collection[str], read: Callable[[], Result]) -> Result:
    """What ``read`` makes of the files, once all of them are of one generation.

    ``read`` finds them by ``locate``; it is called again where a writer replaced them meanwhile.
    A folder without a manifest is read as it is.

    Raises:
        DataError: a file is not the one that the manifest lists.
        And whatever ``read`` raises for files that are.
    """
    for _ in range(TRIES):
        before = _state(folder)
        try:
            result, failure = read(), None
        except (DataError, ExportError) as error:
            result, failure = None, error
        problem = _mismatch(folder, names)
        if before == _state(folder):
            break
        time.sleep(PAUSE_S)
    if problem is not None:
        raise DataError(problem) from failure
    if failure is not None:
        raise failure
    return result  # type: ignore[return-value]  # None only beside a failure


def _mismatch(folder: Path, names: Collection[str]) -> str | None:
    listed = _manifest(folder).get("files", {})
    for name in names:
        try:
            differs = name in listed and _entry(locate(folder, name)) != listed[name]
        except OSError:
            differs = True
        if differs:
            return (
                f"run {folder} is damaged: {name} is missing, changed or of another moment than "
                f"the rest ({MANIFEST} lists another size or hash; without it, files are not "
                "compared)"
            )
    return None


def _state(folder: Path) -> tuple[bool, bytes]:
    """Differs after a generation was switched, or while one is."""
    pending = (folder / PENDING / MANIFEST).is_file()
    try:
        return pending, locate(folder, MANIFEST).read_bytes()
    except OSError:
        return pending, b""


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest; empty where there is none that can be read."""
    try:
        manifest = json.loads(_state(folder)[1] or b"{}")
    except (ValueError, RecursionError):
        return {}
    files = manifest.get("files", {}) if isinstance(manifest, dict) else None
    return manifest if isinstance(files, dict) else {}


def _entry(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}
