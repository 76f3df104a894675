"""Whatever ends a run, what was mapped is on disk as one generation, and one line says why."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers_runs import WallSource

from hydra_mono.cli import run as cli_run
from hydra_mono.cli.main import main
from hydra_mono.core.errors import ExportError
from hydra_mono.core.stop import StopRequest, stop_request
from hydra_mono.outputs import RunFolder, RunRecord, load_run
from hydra_mono.outputs import write as writing

SENSOR = ["--predictor", "sensor", "--viewer", "none"]
THREE_FRAMES = """
import sys
from helpers_runs import WallSource
from hydra_mono.cli import main, run
run.open_source = lambda *arguments: WallSource(count=3)
sys.exit(main())
"""
PLUG_IN = """
    from hydra_mono.perception.predictors.create import SensorPredictor

    class Failing:
        depth_is_measured = True
        needs_depth = True

        def __init__(self, labels):
            self.inner, self.label_space, self.count = SensorPredictor(labels), labels, 0

        def __call__(self, frame):
            self.count += 1
            if self.count > 5:
                {action}
            return self.inner(frame)

    def create(config, source_labels):
        return Failing(source_labels)
"""


@pytest.fixture(autouse=True)
def wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine frames along a wall, whatever sequence is named."""
    monkeypatch.setattr(cli_run, "open_source", lambda *arguments: WallSource(count=9))


def run_with_plug_in(action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    module = f"failing_{abs(hash(action))}"
    (tmp_path / f"{module}.py").write_text(textwrap.dedent(PLUG_IN).format(action=action))
    monkeypatch.syspath_prepend(str(tmp_path))
    predictor = ["--predictor", f"{module}:create", "--viewer", "none", "--quiet"]
    return main(["run", *predictor, "--output", str(tmp_path / "results")])


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("raise MemoryError", "MemoryError"),
        ("raise SystemExit('enough')", "SystemExit: enough"),
    ],
)
def test_a_predictor_that_ends_the_run_costs_one_line_and_no_map(
    action: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_with_plug_in(action, tmp_path, monkeypatch) == 1
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("hydra-mono: error:") and words in lines[0]
    assert "Traceback" not in printed.out + printed.err
    run = load_run(tmp_path / "results")
    assert len(run.trajectory.stamps_ns) == run.metrics["frames"] == 5
    assert len(run.mesh) > 0 and (run.path / "dsg.json").is_file()


@pytest.mark.parametrize(
    ("action", "reason"),
    [("raise KeyError('sigma')", "predictor-error"), ("return None", "bad-prediction")],
)
def test_a_predictor_that_fails_on_some_frames_costs_those_alone(
    action: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_with_plug_in(action, tmp_path, monkeypatch) == 0
    run = load_run(tmp_path / "results")
    assert run.metrics["frames"] == 5
    assert run.metrics["skipped"]["reasons"] == {reason: 4}


@contextmanager
def heeded(number: signal.Signals) -> Iterator[None]:
    """The signal as a terminal sends it, also where the tests were started under nohup."""
    before = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize(
    ("signals", "frames"), [(["SIGINT"], 6), (["SIGTERM"], 6), (["SIGHUP"], 6), (["SIGINT"] * 2, 5)]
)
def test_signals_save_the_map_and_tell_by_the_status(
    signals: list[str], frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first lets the frame in hand be finished, the second does not."""
    kills = "; ".join(f"os.kill(os.getpid(), {getattr(signal, s)})" for s in signals)
    before = signal.getsignal(signal.SIGTERM)
    with heeded(signal.SIGHUP):
        status = run_with_plug_in(f"import os; {kills}", tmp_path, monkeypatch)
    assert status == 128 + getattr(signal, signals[0])
    run = load_run(tmp_path / "results")
    assert len(run.trajectory.stamps_ns) == frames and run.metrics["interrupted"]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("count", [1, 2])
def test_signals_while_results_are_written_do_not_lose_them(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = writing._WRITERS["dsg"]

    def interrupted(record: RunRecord, path: Path) -> None:
        plain(record, path)
        if len(record.stamps_ns) == 9:  # the last writing, not one under way
            for _ in range(count):
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setitem(writing._WRITERS, "dsg", interrupted)
    arguments = ["run", *SENSOR, "--quiet", "--output", str(tmp_path)]
    assert main([*arguments, "--set", "output.checkpoint_interval=86400"]) == 130
    assert len(load_run(tmp_path).trajectory.stamps_ns) == 9


def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with stop_request() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_third_signal_ends_even_what_is_shielded() -> None:
    stop = StopRequest()
    with stop.shielded():
        for _ in range(2):
            stop.on_signal(signal.SIGTERM, None)
        with pytest.raises(KeyboardInterrupt):
            stop.on_signal(signal.SIGINT, None)
    assert stop.exit_code == 128 + signal.SIGTERM


@pytest.mark.parametrize("redirect", ["2>&1 | head -1", "2>&-", ">/dev/full 2>&1"])
def test_what_cannot_be_shown_does_not_end_a_run(redirect: str, tmp_path: Path) -> None:
    arguments = " ".join(["run", *SENSOR, "--output", str(tmp_path)])
    command = f"set -o pipefail; {sys.executable} -c '{THREE_FRAMES}' {arguments} {redirect}"
    helpers = {"PYTHONPATH": f"{Path(__file__).parents[1] / 'helpers'}:{Path.cwd()}"}
    done = subprocess.run(["bash", "-c", command], check=False, env=os.environ | helpers)
    assert done.returncode == 0
    assert len(load_run(tmp_path).trajectory.stamps_ns) == 3


def test_a_full_disk_costs_the_recording_before_the_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = tmp_path / "recording.rrd"
    recording.write_bytes(b"x" * 1000)
    tried: list[bool] = []

    class Full(RunFolder):
        def __init__(self) -> None:
            self.path = tmp_path

        def write(self, record: object, parts: object = ()) -> None:
            tried.append(recording.exists())
            if recording.exists():
                raise ExportError("cannot write mesh.ply: No space left on device")

    class Record:
        metrics: dict[str, float] = {}  # noqa: RUF012

    monkeypatch.setattr(cli_run, "record_of", lambda *arguments: Record())
    write_map: Callable[..., object] = getattr(cli_run.write_map, "__wrapped__", cli_run.write_map)
    write_map(None, None, None, Full())
    assert tried == [True, False]


def test_a_part_that_cannot_be_made_does_not_cost_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(record: RunRecord, path: Path) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(writing._WRITERS, "dsg", broken)
    assert main(["run", *SENSOR, "--quiet", "--output", str(tmp_path)]) == 0
    run = load_run(tmp_path)
    assert len(run.trajectory.stamps_ns) == 9 and not (run.path / "dsg.json").exists()
