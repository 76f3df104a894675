"""What a map remembers (``core.map.state``) as two files: arrays in one, all else in JSON."""

import json
from pathlib import Path
from typing import IO, Any

import numpy as np

from hydra_mono.core.errors import DataError
from hydra_mono.core.files import atomic
from hydra_mono.core.map.state import State

FORMAT = "hydra-mono/state/1"
ARRAYS, PLAIN = "state.npz", "state.json"


def state_writers(state: State) -> dict[str, Any]:
    """By name of file, what writes it."""
    arrays: dict[str, np.ndarray] = {}
    document = {"format": FORMAT, "state": _plain(state, arrays)}
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))

    def write_arrays(file: IO[bytes]) -> None:
        np.savez_compressed(file, allow_pickle=False, **arrays)

    return {
        ARRAYS: lambda path: atomic.write_with(path, write_arrays),
        PLAIN: lambda path: atomic.write_text(path, text),
    }


def read_state(folder: Path) -> State:
    """The state in a folder.

    Raises:
        DataError: there is none, or it is damaged or of another version.
    """
    if not (folder / PLAIN).is_file():
        raise DataError(f"{folder} cannot be continued: it was made without --keep-state")
    try:
        document = json.loads((folder / PLAIN).read_text(encoding="utf-8"))
        if document.get("format") != FORMAT:
            raise ValueError(f"format {str(document.get('format'))[:80]!r}, expected '{FORMAT}'")
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            state: State = _filled(document["state"], {name: arrays[name] for name in arrays.files})
    except Exception as error:  # whatever a damaged archive raises
        raise DataError(f"{folder}: its state is damaged: {error}") from error
    return state


def _plain(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Arrays become their number in the archive; dicts are marked, to be told from those."""
    if isinstance(value, np.ndarray):
        arrays[f"a{len(arrays)}"] = value
        return {"array": f"a{len(arrays) - 1}"}
    if isinstance(value, dict):
        return {"dict": {str(key): _plain(item, arrays) for key, item in value.items()}}
    if isinstance(value, list):
        return [_plain(item, arrays) for item in value]
    return value


def _filled(plain: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(plain, list):
        return [_filled(value, arrays) for value in plain]
    if not isinstance(plain, dict):
        return plain
    if "array" in plain:
        return arrays[plain["array"]]
    return {key: _filled(value, arrays) for key, value in plain["dict"].items()}
