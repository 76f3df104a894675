"""Files are written whole or not at all, whatever goes wrong."""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from hydra_mono.core.errors import ExportError
from hydra_mono.core.files.atomic import (
    STALE_S,
    clear_leftovers,
    point_link,
    replacing,
    write_pieces,
    write_text,
    write_with,
)


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def full_disk(file: IO[bytes]) -> None:
    file.write(b"half of it")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_text_takes_the_place_of_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder" / "graph.json"
    write_text(path, "old")
    write_text(path, "grün")
    assert path.read_text(encoding="utf-8") == "grün"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    write_text(path, "old")
    with pytest.raises(ExportError, match=r"cannot write .*graph\.json: No space left on device"):
        write_with(path, full_disk)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_whatever_stops_the_writing_leaves_the_old_file(
    fault: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "graph.json"
    write_text(path, "old")

    def pieces() -> Iterator[str]:
        yield "new"
        raise fault

    with pytest.raises(fault):
        write_pieces(path, pieces())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_pieces_become_one_file(tmp_path: Path) -> None:
    write_pieces(tmp_path / "text", (str(number) for number in range(5)))
    assert (tmp_path / "text").read_text() == "01234"


def test_the_old_file_is_whole_until_the_new_one_is(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    write_text(path, "old")
    with replacing(path) as aside:
        aside.write_text("new")
        assert path.read_text() == "old"
        assert (aside.parent, aside.suffix) == (tmp_path, ".json")
    assert path.read_text() == "new"


def test_the_umask_decides_who_may_read(umask: None, tmp_path: Path) -> None:
    write_text(tmp_path / "graph.json", "text")
    assert stat.S_IMODE((tmp_path / "graph.json").stat().st_mode) == 0o640


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match=r"cannot write .*graph\.json"):
        write_text(tmp_path / "file" / "graph.json", "text")


def test_a_folder_in_place_of_the_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "graph.json" / "inside").mkdir(parents=True)
    with pytest.raises(ExportError, match=r"cannot write .*graph\.json"):
        write_text(tmp_path / "graph.json", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["graph.json"]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ExportError, match=r"cannot write .*graph\.json"),
        replacing(tmp_path / "graph.json"),
    ):
        pass


def test_a_link_moves_on(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        point_link(tmp_path / "latest", name)
    assert (tmp_path / "latest").resolve() == tmp_path / "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "latest", "second"]


def test_a_broken_link_is_mended(tmp_path: Path) -> None:
    point_link(tmp_path / "latest", "gone")
    (tmp_path / "new").mkdir()
    point_link(tmp_path / "latest", "new")
    assert (tmp_path / "latest").is_dir()


def test_a_real_folder_is_not_replaced_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(ExportError, match=r"latest.*not a link"):
        point_link(tmp_path / "latest", "new")
    assert not (tmp_path / "latest").is_symlink()


def test_a_writer_that_names_the_temporary_file_is_quoted_with_the_real_one(tmp_path: Path) -> None:
    file = tmp_path / "mesh.ply"
    with pytest.raises(ExportError, match=rf"cannot write {file}: full"), replacing(file) as aside:
        raise ExportError(f"cannot write {aside}: full")


def test_what_a_killed_writer_left_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    bystanders = [tmp_path / name for name in ("graph.json", ".graph-0123abcd.json")]
    with contextlib.ExitStack() as stack:
        killed = stack.enter_context(replacing(tmp_path / "old.json"))
        alive = stack.enter_context(replacing(tmp_path / "new.json"))
        for file in (*bystanders, killed, alive):
            file.write_text("text")
        for file in (*bystanders, killed):
            os.utime(file, (0, time.time() - STALE_S - 1))
        clear_leftovers(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted([*bystanders, alive])
        killed.write_text("so that the block ends well")


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path: Path) -> None:
    clear_leftovers(tmp_path / "nowhere")


def test_a_link_stays_one_and_its_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "graph.json"
    link.symlink_to(tmp_path / "far" / "real.json")
    for text in ("first", "second"):  # a link to nothing yet, and to a file
        write_text(link, text)
        assert link.is_symlink() and (tmp_path / "far" / "real.json").read_text() == text
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["real.json"]


def test_an_old_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    write_text(path, "old")
    path.chmod(0o640)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 and path.read_text() == "new"


def test_what_is_no_plain_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    to_pipe = tmp_path / "to_pipe"
    to_pipe.symlink_to(pipe)
    for path in (pipe, to_pipe, loop, Path("/dev/null")):
        with pytest.raises(ExportError, match=rf"cannot write {path}"):
            write_text(path, "text")
    assert stat.S_ISFIFO(pipe.lstat().st_mode) and stat.S_ISCHR(Path("/dev/null").lstat().st_mode)
