"""Ways a file gets damaged: bits, cuts, numbers of other sizes, structure, files exchanged."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

Rng = np.random.Generator
Files = dict[str, bytes]

NUMBER = re.compile(rb"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
NUMBERS = (
    *(b"0", b"-1", b"1e400", b"-1e400", b"1e308", b"1e-320", b"nan", b"-inf", b".nan", b".inf"),
    *(b"256", b"65536", b"2147483648", b"9223372036854775808", b"99999999999999999999999"),
    *(b"1_0", b"0x10", b"1e9", b"1e-9", b"9" * 5000, b"1e999999999", b"null", b"true", b"''"),
)
TOKENS = (
    *(b'"', b"'", b"{", b"}", b"[", b"]", b":", b",", b"\n", b"\t", b"#", b"&a [*a]", b"*a"),
    *(b"\x00", b"\xff\xfe", b"\xe9", b"!!python/object:os.system", b"2024-99-99", b"12:30:45"),
    *(b"[" * 3000, b"{a: " * 300, b"---\n", b"? ", b"<<: "),
)
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000, 0x7F800000)


def flip_bits(content: bytes, rng: Rng) -> bytes:
    if not content:
        return content
    out = bytearray(content)
    for at in rng.integers(0, len(out), rng.integers(1, 9)):
        out[at] ^= 1 << int(rng.integers(8))
    return bytes(out)


def truncate(content: bytes, rng: Rng) -> bytes:
    return content[: int(rng.integers(0, len(content) + 1))]


def cut_out(content: bytes, rng: Rng) -> bytes:
    first, last = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    return content[:first] + content[last:]


def repeat(content: bytes, rng: Rng) -> bytes:
    first, last = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    return content[:last] + content[first:last] * int(rng.integers(1, 4)) + content[last:]


def replace_number(content: bytes, rng: Rng) -> bytes:
    found = list(NUMBER.finditer(content))
    if not found:
        return overwrite(content, rng)
    match = found[int(rng.integers(len(found)))]
    return content[: match.start()] + _one(NUMBERS, rng) + content[match.end() :]


def overwrite(content: bytes, rng: Rng) -> bytes:
    """A binary number of an extreme value, mostly in the header."""
    width = int(rng.choice([1, 2, 4, 8]))
    if len(content) < width:
        return content
    end = len(content) if rng.random() < 0.3 else min(len(content), 600)
    at = int(rng.integers(0, max(1, end - width + 1)))
    value = int(_one(EXTREMES, rng)) & ((1 << 8 * width) - 1)
    order = "little" if rng.random() < 0.5 else "big"
    return content[:at] + value.to_bytes(width, order) + content[at + width :]


def insert_token(content: bytes, rng: Rng) -> bytes:
    at = int(rng.integers(0, len(content) + 1))
    return content[:at] + _one(TOKENS, rng) + content[at:]


def re_encode(content: bytes, rng: Rng) -> bytes:
    text = content.decode("latin-1")
    return text.encode(str(rng.choice(["utf-16", "utf-32", "utf-16-be", "utf-7"])))


def empty(content: bytes, rng: Rng) -> bytes:
    return b""


def noise(content: bytes, rng: Rng) -> bytes:
    return rng.bytes(int(rng.integers(1, 2000)))


MUTATIONS: tuple[Callable[[bytes, Rng], bytes], ...] = (
    *(flip_bits, truncate, cut_out, repeat, replace_number, replace_number, replace_number),
    *(overwrite, overwrite, insert_token, insert_token, re_encode, empty, noise),
)


def damaged(files: Files, rng: Rng) -> Files:
    """The files with one to three changes; now and then one has the content of another."""
    out = dict(files)
    names = sorted(out)
    for _ in range(int(rng.integers(1, 4))):
        name = names[int(rng.integers(len(names)))]
        if len(names) > 1 and rng.random() < 0.08:
            out[name] = files[names[int(rng.integers(len(names)))]]
        else:
            out[name] = MUTATIONS[int(rng.integers(len(MUTATIONS)))](out[name], rng)
    return out


def files_of(folder: Path) -> Files:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def write_files(files: Files, before: Files, folder: Path) -> None:
    """Writes what differs from ``before``."""
    for name, content in files.items():
        if before.get(name) != content:
            (folder / name).write_bytes(content)


def _one(choices: tuple, rng: Rng):  # type: ignore[no-untyped-def, type-arg]
    return choices[int(rng.integers(len(choices)))]
