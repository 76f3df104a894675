"""A rerun viewer's process, which listens on this machine alone and sends no analytics."""

import ctypes
import importlib.util
import ipaddress
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from hydra_mono.core.errors import ConfigError, HydraMonoError

logger = logging.getLogger(__name__)

GRPC_PORT, WEB_PORT = 9876, 9090  # rerun's own; another one where they are taken
WINDOW_MEMORY = "25%"  # of the machine; a viewer then drops its oldest data
SERVER_MEMORY = "1GiB"  # kept for browsers that connect late
START_S = 15.0  # a window takes two seconds on a laptop
POLL_S = 0.05
SETTLE_S = 1.0  # a window that cannot open its display has ended by then
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def analytics_off(environment: dict[str, str]) -> dict[str, str]:
    """The environment in which rerun sends no usage analytics and leaves the user's choice alone.

    Rerun looks for ``rerun/analytics.json`` where settings lie, and writes one that says yes where
    there is none; here it finds ours, which says no. Where settings lie elsewhere (not Linux) it
    is told that it runs in continuous integration, which it does not report either.
    """
    settings = resources.files("hydra_mono.configs")
    return environment | {"XDG_CONFIG_HOME": str(settings), "CI": "true"}


@contextmanager
def quiet_environment(*, analytics: bool) -> Iterator[None]:
    """``analytics_off`` for what rerun does in this process within the block."""
    before = dict(os.environ)
    if not analytics:
        os.environ.update(analytics_off(before))
    try:
        yield
    finally:
        for name in ("XDG_CONFIG_HOME", "CI"):
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


class ViewerProcess:
    """A rerun viewer in a window, or one that serves browsers; ended with the run if it serves."""

    def __init__(
        self, *, window: bool, address: str, port: int | None, web_port: int | None, analytics: bool
    ) -> None:
        host = _checked_address(address)
        if window and not _has_display():
            raise HydraMonoError(
                "--viewer spawn needs a display; use --viewer serve, or save and 'hydra-mono view'"
            )
        chosen = free_port(address, port, GRPC_PORT, "viewer.port")
        self._chosen = (host, chosen)
        self.url = f"rerun+http://{_bracketed(host)}:{chosen}/proxy"
        command = [*rerun_command(), "--bind", address, "--port", str(chosen)]
        if window:
            command += ["--memory-limit", WINDOW_MEMORY, "--expect-data-soon"]
            self.page = ""
        else:
            web = free_port(address, web_port, WEB_PORT, "viewer.web_port", besides=chosen)
            command += ["--serve-web", "--web-viewer-port", str(web)]
            self.page = f"http://{_bracketed(host)}:{web}?url={quote(self.url, safe='')}"
        command += ["--server-memory-limit", SERVER_MEMORY]
        self._is_window = window
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 closed with the process
        environment = os.environ | {"RERUN_APP_ONLY": "true"}
        self._process = subprocess.Popen(
            command,
            env=environment if analytics else analytics_off(environment),
            stdin=subprocess.DEVNULL,
            stdout=self._messages,
            stderr=self._messages,
            start_new_session=True,  # Ctrl-C is for the run alone
            preexec_fn=None if window else _end_with_parent,
        )

    def wait_until_ready(self) -> None:
        """Waits until the viewer listens.

        Raises:
            HydraMonoError: it ended or does not answer; the message quotes its last words.
        """
        deadline_s = time.monotonic() + START_S
        while self._process.poll() is None and time.monotonic() < deadline_s:
            with socket.socket(_family(self._chosen[0])) as probe:
                probe.settimeout(POLL_S)
                if probe.connect_ex(self._chosen) == 0:
                    break
            time.sleep(POLL_S)
        else:
            raise HydraMonoError(f"the viewer did not start: {self._last_words()}")
        if self._is_window:
            time.sleep(SETTLE_S)
            if self._process.poll() is not None:
                raise HydraMonoError(f"the viewer ended at once: {self._last_words()}")

    def close(self) -> None:
        """Ends a server; a window stays open, for whoever looks at it."""
        if not self._is_window and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._messages.close()

    def check(self) -> None:
        """Raises HydraMonoError once the viewer is closed."""
        if self._process.poll() is not None:
            raise HydraMonoError("it was closed")

    @property
    def pid(self) -> int:
        return self._process.pid

    def _last_words(self) -> str:
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")


def rerun_command() -> list[str]:
    """The viewer's program, as it comes with the package or lies on the path.

    Raises:
        HydraMonoError: there is none.
    """
    package = importlib.util.find_spec("rerun_cli")
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / ("rerun.exe" if os.name == "nt" else "rerun")
        return [str(program)] if program.exists() else [sys.executable, "-m", "rerun_cli"]
    found = shutil.which("rerun")
    if found is None:
        raise HydraMonoError("no viewer: the 'rerun' command is missing (pip install rerun-sdk)")
    return [found]


def free_port(
    address: str, wanted: int | None, usual: int, setting: str, besides: int | None = None
) -> int:
    """The wanted port, or the usual one, or any that is free.

    Raises:
        ConfigError: the wanted one is taken, or the address is not this machine's.
    """
    why = f"{setting}: {wanted} is the other port"
    for port in (wanted,) if wanted else (usual, 0):
        try:
            with socket.socket(_family(address)) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
                found = int(probe.getsockname()[1])
        except OSError as error:
            why = f"{setting}: cannot listen on {address}, port {port}: {error.strerror}"
            continue
        if found != besides:
            return found
    raise ConfigError(why)


def _checked_address(address: str) -> str:
    """Where to connect to a viewer that listens on ``address``."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError as error:
        raise ConfigError(f"viewer.address: '{address}' is no address such as 127.0.0.1") from error
    if not parsed.is_loopback:
        logger.warning("whoever reaches %s can see the images and the map", address)
    if parsed.is_unspecified:
        return "127.0.0.1" if parsed.version == 4 else "::1"
    return address


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _has_display() -> bool:
    return sys.platform != "linux" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ))


def _end_with_parent() -> None:
    """In the child: a server must not outlive a run that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
