"""Damaged inputs are refused with one line or read as something sensible, never a traceback."""

import logging
from pathlib import Path

import pytest
from fuzzing.targets import TARGETS
from fuzzing.verdicts import ACCEPTED, REFUSED, Fuzzer
from fuzzing.weights import WEIGHTS

MUTATIONS = 200

EVERY = TARGETS | WEIGHTS


@pytest.mark.parametrize("name", EVERY)
def test_damage_is_refused_or_harmless(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    fuzzer = Fuzzer(name, EVERY[name], tmp_path)
    verdicts = list(fuzzer.verdicts(MUTATIONS))
    faults = [verdict for verdict in verdicts if verdict[1] not in (REFUSED, ACCEPTED)]
    assert not faults, f"{len(faults)} of {MUTATIONS}"
    assert sum(verdict[1] == REFUSED for verdict in verdicts) > MUTATIONS // 10
