"""Files of one moment: a writer killed at any point leaves the older or the newer ones, whole."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hydra_mono.core.errors import DataError, ExportError
from hydra_mono.core.files import generation
from hydra_mono.core.files.generation import MANIFEST, locate, read_generation, write_generation

NAMES = ("a", "b", "c")


class Killed(BaseException):
    """The process is gone: no clean-up runs."""


def writers(text: str) -> dict[str, Callable[[Path], object]]:
    return {name: lambda path: path.write_text(text) for name in NAMES}


def read(folder: Path) -> list[str]:
    return read_generation(
        folder, NAMES, lambda: [locate(folder, name).read_text() for name in NAMES]
    )


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dies before the ``step``-th renaming, moving or removing, and cleans nothing up."""
    count = 0

    def dying(plain: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **settings: object) -> object:
            nonlocal count
            count += 1
            if count == step:
                raise Killed
            return plain(*arguments, **settings)

        return call

    for name in ("rename", "replace", "rmdir"):
        monkeypatch.setattr(Path, name, dying(getattr(Path, name)))
    monkeypatch.setattr(generation.shutil, "rmtree", lambda *arguments, **settings: None)


@pytest.mark.parametrize("step", range(1, 8))
def test_a_kill_between_any_two_steps_leaves_one_generation(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_generation(tmp_path, writers("old"))
    with monkeypatch.context() as patch:
        kill_at(step, patch)
        with contextlib.suppress(Killed):
            write_generation(tmp_path, writers("new"))
    assert read(tmp_path) in (["old"] * 3, ["new"] * 3)
    write_generation(tmp_path, writers("newest"))  # the next writer is not in its way
    assert read(tmp_path) == ["newest"] * 3 and not (tmp_path / generation.PENDING).exists()


def test_both_outcomes_of_a_kill_are_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = set()
    for step in range(1, 8):
        folder = tmp_path / str(step)
        folder.mkdir()
        write_generation(folder, writers("old"))
        with monkeypatch.context() as patch:
            kill_at(step, patch)
            with contextlib.suppress(Killed):
                write_generation(folder, writers("new"))
        outcomes.add(read(folder)[0])
    assert outcomes == {"old", "new"}


@pytest.mark.parametrize("change", ["other", ""])
def test_a_file_of_another_moment_is_told(tmp_path: Path, change: str) -> None:
    write_generation(tmp_path, writers("first"))
    (tmp_path / "b").write_text(change)
    with pytest.raises(DataError, match=r"b is missing, changed or of another moment"):
        read(tmp_path)
    (tmp_path / MANIFEST).unlink()
    assert read(tmp_path) == ["first", change, "first"]


def test_a_file_that_is_left_out_stays_part_of_the_generation(tmp_path: Path) -> None:
    write_generation(tmp_path, writers("first"))
    write_generation(tmp_path, {"b": lambda path: path.write_text("second")})
    assert read(tmp_path) == ["first", "second", "first"]
    write_generation(tmp_path, {"a": lambda path: path.write_text("third")}, without=("b",))
    assert not (tmp_path / "b").exists()


def test_a_writer_that_fails_leaves_the_older_files_and_is_named(tmp_path: Path) -> None:
    write_generation(tmp_path, writers("old"))

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ExportError, match=r"/c: No space left"):
        write_generation(tmp_path, writers("new") | {"c": full})
    assert read(tmp_path) == ["old"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [*NAMES, MANIFEST]


def test_what_is_replaced_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    write_generation(tmp_path, writers("old"))
    reads = 0

    def slow() -> list[str]:
        nonlocal reads
        reads += 1
        texts = [locate(tmp_path, "a").read_text()]
        if reads == 1:
            write_generation(tmp_path, writers("new"))
        return [*texts, *(locate(tmp_path, name).read_text() for name in ("b", "c"))]

    assert read_generation(tmp_path, NAMES, slow) == ["new"] * 3 and reads == 2


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', "\x80", "[" * 100000])
def test_a_damaged_manifest_compares_nothing(tmp_path: Path, text: str) -> None:
    write_generation(tmp_path, writers("old"))
    (tmp_path / MANIFEST).write_text(text, encoding="latin-1")
    assert read(tmp_path) == ["old"] * 3
