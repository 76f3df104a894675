"""A viewer that hangs, is closed or has no room never holds the mapper up or costs the map."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import rerun as rr
from helpers_runs import wall_frame

from hydra_mono.core.config import ViewerConfig
from hydra_mono.core.errors import ConfigError, HydraMonoError
from hydra_mono.core.labels import load_label_space
from hydra_mono.core.prediction import Prediction
from hydra_mono.viz import create_viewer
from hydra_mono.viz.mailbox import Mailbox
from hydra_mono.viz.rerun_process import (
    ViewerProcess,
    analytics_off,
    free_port,
    quiet_environment,
    rerun_command,
)
from hydra_mono.viz.rerun_sinks import FileSink
from hydra_mono.viz.rerun_viewer import RerunViewer

LABELS = load_label_space("apartment")
PLANE = np.ones((48, 64), np.float32)


class HangingSink:
    """A viewer that never answers."""

    patience_s = 0.2

    def __init__(self) -> None:
        self.recording = rr.RecordingStream("test")
        self.released = threading.Event()

    def open(self, layout: Any) -> None:
        self.released.wait()

    def check(self) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


def test_a_viewer_that_hangs_takes_its_patience_and_a_bounded_mailbox(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = HangingSink()
    viewer = RerunViewer(sink, LABELS, image_interval_s=0.0)
    frame = wall_frame(0)
    for _ in range(300):
        viewer.log_frame(frame, Prediction(PLANE))
        viewer.log_timings({"mesh": 1.0})
    assert len(viewer._jobs) < 100 and viewer._jobs.dropped > 500
    viewer.close()
    assert "the viewer does not answer" in caplog.text
    sink.released.set()


def test_a_crowded_mailbox_keeps_the_newest_of_each_key_in_order() -> None:
    box, done = Mailbox(crowded=2), []
    for number, key in enumerate("aabcbcb"):
        box.put(key, lambda number=number: done.append(number))  # type: ignore[misc]
    box.close()
    box.put("a", lambda: done.append(-1))
    while (job := box.take()) is not None:
        job()
    assert done == [0, 1, 5, 6] and box.dropped == 4


def test_a_recording_leaves_room_for_the_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(50 << 20))
    viewer = create_viewer(ViewerConfig(), tmp_path / "recording.rrd", LABELS, "x")
    viewer.log_timings({"mesh": 1.0})
    viewer.close()
    assert "kept for the map" in caplog.text and not (tmp_path / "recording.rrd").exists()


def test_the_room_kept_grows_with_the_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100 << 20))
    sink = FileSink(rr.RecordingStream("test"), tmp_path / "recording.rrd")
    sink.check()
    with (tmp_path / "mesh.ply").open("wb") as file:
        file.truncate(20 << 20)
    sink = FileSink(rr.RecordingStream("test"), tmp_path / "recording.rrd")
    with pytest.raises(HydraMonoError, match="kept for the map"):
        sink.check()


def test_a_server_listens_on_this_machine_alone_and_ends_with_the_run(tmp_path: Path) -> None:
    process = ViewerProcess(
        window=False, address="127.0.0.1", port=None, web_port=None, analytics=False
    )
    process.wait_until_ready()
    child = psutil.Process(process.pid)
    deadline_s = time.monotonic() + 60
    listening: set[str] = set()
    while len(listening) < 2 and time.monotonic() < deadline_s:
        connections = child.net_connections()
        listening = {f"{c.laddr.ip}:{c.laddr.port}" for c in connections if c.status == "LISTEN"}
    assert len(listening) == 2 and all(name.startswith("127.0.0.1:") for name in listening)
    assert child.environ()["XDG_CONFIG_HOME"].endswith("configs")
    process.close()
    assert not psutil.pid_exists(process.pid)


def test_a_taken_port_is_told_and_the_usual_one_gives_way() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"viewer\.port.* port {port}: Address already"):
            free_port("127.0.0.1", port, 9876, "viewer.port")
        assert free_port("127.0.0.1", None, port, "viewer.port") != port


@pytest.mark.skipif(sys.platform != "linux", reason="displays are named by the environment")
def test_a_window_on_a_broken_display_costs_a_line_and_no_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    viewer = create_viewer(ViewerConfig(mode="spawn"), tmp_path / "unused.rrd", LABELS, "x")
    viewer.log_timings({"mesh": 1.0})
    viewer._worker.join(60)
    viewer.close()
    assert "the viewer is given up: " in caplog.text


@pytest.mark.parametrize("address", ["everywhere", "300.0.0.1", ""])
def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(ConfigError, match=r"viewer\.address"):
        create_viewer(ViewerConfig(mode="serve", address=address), Path("unused"), LABELS, "x")


def test_rerun_is_told_to_send_no_analytics_and_leaves_the_users_settings_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = analytics_off(dict(os.environ) | {"HOME": str(tmp_path)})
    command = [*rerun_command(), "analytics", "config"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    settings = json.loads(done.stdout[done.stdout.index("{") :])
    assert settings["analytics_enabled"] is False
    assert list(tmp_path.iterdir()) == []


def test_the_environment_is_as_before_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/mine")
    monkeypatch.delenv("CI", raising=False)
    with quiet_environment(analytics=False):
        assert os.environ["XDG_CONFIG_HOME"] != "/mine"
    assert os.environ["XDG_CONFIG_HOME"] == "/mine" and "CI" not in os.environ
    with quiet_environment(analytics=True):
        assert os.environ["XDG_CONFIG_HOME"] == "/mine"
