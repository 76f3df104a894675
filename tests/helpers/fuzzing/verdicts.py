"""One damaged input: made from a seed, read, and judged."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fuzzing.mutations import Files, damaged, files_of, write_files
from fuzzing.targets import Refused, Target
from hydra_mono.core.errors import HydraMonoError

REFUSED, ACCEPTED, DOUBTFUL, TRACEBACK = "refused", "accepted", "doubtful", "traceback"


class Fuzzer:
    """Damages a target's input in ``folder``; the same name and number give the same damage."""

    def __init__(self, name: str, target: Target, folder: Path) -> None:
        self._name, self._target, self._folder = name, target, folder
        target.write(folder)
        self._whole: Files = files_of(folder)
        doubts = list(target.read(folder))
        assert not doubts, f"the undamaged input is doubtful: {doubts}"

    def judge(self, number: int) -> tuple[str, str]:
        """The verdict on a damaged input, and its reason."""
        rng = np.random.default_rng([zlib.crc32(self._name.encode()), number])
        files = damaged(self._whole, rng)
        write_files(files, self._whole, self._folder)
        try:
            return self._verdict()
        finally:
            write_files(self._whole, files, self._folder)

    def verdicts(self, count: int) -> Iterator[tuple[int, str, str]]:
        for number in range(count):
            yield number, *self.judge(number)

    def _verdict(self) -> tuple[str, str]:
        try:
            doubts = sorted(set(self._target.read(self._folder)))
        except HydraMonoError as error:
            text = str(error)
            if len(text) > 1000 or "\n" in text:
                return DOUBTFUL, f"a message of {len(text)} characters or several lines: {text!r}"
            return REFUSED, text
        except Refused:
            return REFUSED, "no usable frame"
        except Exception as error:
            place = error.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
            return TRACEBACK, f"{type(error).__name__}: {str(error)[:200]} at {where}"
        return (DOUBTFUL, "; ".join(doubts)) if doubts else (ACCEPTED, "")
