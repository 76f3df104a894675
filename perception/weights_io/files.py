"""Files of tensors: safetensors and torch's own, read without running code or trusting sizes.

What we write carries a SHA-256 of its tensors and metadata, which reading compares; foreign
safetensors come without. Of torch's archives the CRC of every record is compared.
"""

import hashlib
import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from hydra_mono.core.errors import HydraMonoError
from hydra_mono.core.files.atomic import write_with

CHECKSUM_KEY = "hydra_mono.sha256"  # of the metadata
MAX_FILE_BYTES = 16 * 2**30  # M2H with the largest DINOv2 has 5 GB; a sparse file may tell of more
MAX_HEADER_BYTES = 100_000_000  # the format's own limit
WRAPPERS = ("state_dict", "model")  # what training scripts put a state dict into
LFS_POINTER = b"version https://git-lfs"
ZIP_START = b"PK\x03\x04"


class CheckpointError(HydraMonoError):
    """A weights file cannot be read, or is not for this network."""


@dataclass(frozen=True)
class Weights:
    """What a file holds, under the names it came with but for a ``module.`` before them."""

    path: Path
    format: str
    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return shapes_of(self.tensors)


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def read_weights(path: Path) -> Weights:
    """Reads a safetensors file or a ``torch.save``, never running code from it.

    Raises:
        CheckpointError: there is no such file, it is damaged, or it holds more than tensors.
    """
    try:
        with path.open("rb") as file:
            start = file.read(32)
        if start.startswith(LFS_POINTER):
            raise CheckpointError(f"{path}: a Git LFS pointer; fetch the weights by 'git lfs pull'")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise CheckpointError(f"{path}: {size / 2**30:.0f} GiB, more than any network has")
        if path.suffix == ".safetensors" or start[8:9] == b"{":
            return _read_safetensors(path)
        return Weights(path, "torch", _read_torch(path, is_zip=start.startswith(ZIP_START)), {})
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error


def write_weights(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes a safetensors file whole or not at all; the same content gives the same bytes."""
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    notes = {k: v for k, v in (metadata or {}).items() if k != CHECKSUM_KEY}
    notes[CHECKSUM_KEY] = checksum(plain, notes)
    content = safetensors.torch.save(plain, notes)
    header = _header(content)
    header["__metadata__"] = dict(sorted(notes.items()))  # the library's order is by chance
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at multiples of eight
    data = memoryview(content)[8 + _header_length(content) :]
    write_with(path, lambda file: file.writelines((struct.pack("<Q", len(text)), text, data)))


def checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 of names, types, shapes, numbers and strings, in the order of the names."""
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read_safetensors(path: Path) -> Weights:
    content = path.read_bytes()
    if len(content) < 8 or _header_length(content) > min(MAX_HEADER_BYTES, len(content) - 8):
        raise CheckpointError(f"{path}: damaged safetensors file: it ends within its header")
    try:
        tensors = safetensors.torch.load(content)
        metadata = _header(content).get("__metadata__", {})
    except (SafetensorError, RuntimeError, ValueError, KeyError, RecursionError) as error:
        line = str(error).removeprefix("Error while deserializing: ").splitlines()[0]
        raise CheckpointError(f"{path}: damaged safetensors file: {line}") from error
    notes = {key: value for key, value in metadata.items() if key != CHECKSUM_KEY}
    if CHECKSUM_KEY in metadata and metadata[CHECKSUM_KEY] != checksum(tensors, notes):
        raise CheckpointError(f"{path}: damaged: its content differs from its checksum")
    return Weights(path, "safetensors", tensors, metadata)


def _header_length(content: bytes) -> int:
    length: int = struct.unpack_from("<Q", content)[0]
    return length


def _header(content: bytes) -> dict[str, dict[str, str]]:
    header: dict[str, dict[str, str]] = json.loads(content[8 : 8 + _header_length(content)])
    return header


def _read_torch(path: Path, *, is_zip: bool) -> dict[str, Tensor]:
    if is_zip:
        _check_archive(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # errors are reported in one line below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: refused, it holds more than tensors (or is no weights file)"
        ) from error
    except OSError:
        raise
    except Exception as error:  # of a damaged file torch raises whatever it stumbles over
        raise CheckpointError(f"{path}: not a whole torch or safetensors file") from error
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not content:
        raise CheckpointError(f"{path}: holds no table of tensors")
    if odd := [name for name, value in content.items() if not isinstance(value, Tensor)]:
        raise CheckpointError(f"{path}: '{odd[0]}' is no tensor; expected a state dict")
    _check_storage(path, content)
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _check_archive(path: Path) -> None:
    """No record is compressed, larger than the file, or differs from its CRC."""
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            stored = all(record.compress_type == zipfile.ZIP_STORED for record in records)
            if not stored or sum(r.file_size for r in records) > path.stat().st_size:
                raise CheckpointError(f"{path}: refused, its records declare more than the file")
            damaged = archive.testzip()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise CheckpointError(f"{path}: not a whole torch or safetensors file") from error
    if damaged:
        raise CheckpointError(f"{path}: damaged: '{damaged}' differs from its checksum")


def _check_storage(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Every tensor is plain, and its numbers are in the file."""
    seen: dict[int, int] = {}
    for name, value in tensors.items():
        plain = value.layout is torch.strided and not value.is_quantized and not value.is_meta
        if not plain or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise CheckpointError(f"{path}: refused, '{name}' declares numbers it does not hold")
        seen[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
    if sum(seen.values()) > path.stat().st_size:
        raise CheckpointError(f"{path}: refused, its tensors declare more than the file holds")
