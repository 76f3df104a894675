"""The safetensors format: a length, a JSON header, raw tensors. Reading it runs no code.

Eight bytes give the header's length (little-endian); the header maps names to ``dtype``, ``shape``
and ``data_offsets`` into what follows it, and ``__metadata__`` to strings.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hydra_mono.core.files.atomic import write_with

MAX_HEADER_BYTES = 100_000_000  # the format's own limit
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class TensorFile:
    """Named tensors and the strings beside them."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def is_safetensors(path: Path) -> bool:
    """Whether the file begins as the format does."""
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and _length(start) <= path.stat().st_size - 8


def read_safetensors(path: Path) -> TensorFile:
    """All tensors of the file.

    Raises:
        ValueError: the file is not whole or its header contradicts itself.
    """
    content = bytearray(path.read_bytes())
    if len(content) < 8 or _length(content) > min(MAX_HEADER_BYTES, len(content) - 8):
        raise ValueError("the file ends within its header")
    start = 8 + _length(content)
    try:
        header = json.loads(content[8:start])
        metadata = header.pop("__metadata__", {})
        entries = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("the header is not that of a safetensors file") from error
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("the header's __metadata__ is not a table of strings")
    tensors, end = {}, 0
    for name, entry in entries:
        tensors[name], end = _tensor(content, start, end, (name, entry))
    if start + end != len(content):
        raise ValueError(f"{len(content) - start} bytes of tensors, the header tells of {end}")
    return TensorFile(tensors, metadata)


def write_safetensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes the file whole or not at all; the same tensors give the same bytes."""
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in names:
        tensor = tensors[name]
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pieces = (_bytes(tensors[name]) for name in names)
    write_with(path, lambda file: file.writelines((struct.pack("<Q", len(text)), text, *pieces)))


def _length(content: bytes | bytearray) -> int:
    length: int = struct.unpack_from("<Q", content)[0]
    return length


def _tensor(
    content: bytearray, start: int, previous_end: int, item: tuple[str, Any]
) -> tuple[Tensor, int]:
    """One tensor, and where it ends; it has to begin where the last one ended."""
    name, entry = item
    try:
        dtype, shape = DTYPES[entry["dtype"]], [int(extent) for extent in entry["shape"]]
        begin, end = (int(offset) for offset in entry["data_offsets"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name}: unknown type or unreadable shape {entry}") from error
    size = math.prod(shape) * dtype.itemsize
    if begin != previous_end or end - begin != size or min(shape, default=0) < 0:
        raise ValueError(f"{name}: offsets {begin}..{end} do not fit {dtype} {shape}")
    if start + end > len(content):
        raise ValueError(f"{name}: the file ends at {len(content)}, its data at {start + end}")
    if size == 0:
        return torch.empty(shape, dtype=dtype), end
    flat = torch.frombuffer(content, dtype=torch.uint8, count=size, offset=start + begin)
    return flat.clone().view(dtype).view(shape), end  # the clone is aligned


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
