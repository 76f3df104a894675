"""Text, numbers, YAML and JSON are read strictly, whoever wrote them."""

import math
import os
from pathlib import Path

import pytest

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.documents import (
    decoded,
    finite,
    number,
    parse_json,
    parse_yaml,
    read_text,
    whole,
)


@pytest.mark.parametrize("word", ["1", "-0.5", "+1.", ".5", "1.305e+09", "1E-400"])
def test_numbers_as_programs_write_them(word: str) -> None:
    assert number(word) == float(word)


@pytest.mark.parametrize("word", ["nan", "-inf", "Infinity", "NaN"])
def test_what_is_not_finite_is_a_number_of_poses_but_of_no_setting(word: str) -> None:
    assert not math.isfinite(number(word))
    with pytest.raises(ValueError, match="finite"):
        finite(word)


@pytest.mark.parametrize("word", ["", "1_0", "0x10", "1e400", "-1e400", "١", "1e", "--1", "1 2"])
def test_words_that_are_no_numbers(word: str) -> None:
    with pytest.raises(ValueError, match=r"expected a number|larger than any"):
        number(word)


@pytest.mark.parametrize("value", [True, 1.5, None, "1.5", "9" * 30, 10**18, [1]])
def test_values_that_are_no_whole_numbers(value: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        whole(value)


def test_whole_numbers_may_be_words() -> None:
    assert [whole("-12"), whole(7), finite("2.5"), finite(3)] == [-12, 7, 2.5, 3.0]
    with pytest.raises(ValueError, match="finite"):
        finite(10**400)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_of_any_encoding(encoding: str) -> None:
    assert decoded("1.0 rgb/Büro.png\n".encode(encoding)) == "1.0 rgb/Büro.png\n"


def test_latin_1_is_text_and_an_image_is_none() -> None:
    assert decoded("Büro".encode("latin-1")) == "Büro"
    with pytest.raises(ValueError, match="byte 0x1a at 6"):
        decoded(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")


def test_a_pipe_and_a_huge_file_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="no plain file"):
        read_text(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="at most"):
        read_text(tmp_path / "huge")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: 1, b: -2.5, c: 1e-5, d: 1.0e+3}", {"a": 1, "b": -2.5, "c": 1e-5, "d": 1000.0}),
        (
            "{a: 2024-99-99, b: 12:30, c: 1_000, d: 007}",
            {"a": "2024-99-99", "b": "12:30", "c": "1_000", "d": "007"},
        ),
        ("a: &x [1]\nb: *x\nc: yes", {"a": [1], "b": [1], "c": True}),
        ("", None),
    ],
)
def test_yaml_has_json_s_numbers_and_no_dates(text: str, value: object) -> None:
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\na: 2", "'a' stands twice"),
        ("a: 1e400", "larger than any float"),
        ("a: " + "9" * 5000, "digits"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: *b", "alias"),
        ("---\na: 1\n---\nb: 2", "single document"),
        ("? [a]\n: 1", "unhashable"),
        ("- " * 100 + "a", "nest"),
        ("x" * (1 << 20), "characters of YAML"),
    ],
)
def test_yaml_that_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as caught:
        parse_yaml(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("[1e400]", "larger than any float"),
        ("[NaN]", "NaN is no number"),
        ("[" * 100_000, "nested too deeply"),
        ("[" + "9" * 5000 + "]", "digits"),
        ("{", "Expecting"),
    ],
)
def test_json_that_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_json(text)
