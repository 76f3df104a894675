"""From what the user typed to an upright source and settings."""

import argparse
import os
import re
from pathlib import Path

from hydra_mono.core.config import Config
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.source import Source
from hydra_mono.datasets.registry import open_sequence
from hydra_mono.datasets.up import upright
from hydra_mono.simulation.source import open_simulated

SIMULATED = re.compile(r"apartment|(simulated|training)/([a-z]+-)?\d+")

_OPTION_KEYS = {
    "predictor": "predictor.name",
    "weights": "predictor.weights",
    "max_frames": "data.max_frames",
    "start": "data.start",
    "stride": "data.stride",
    "output": "output.folder",
    "viewer": "viewer.mode",
}


def options_to_overrides(options: argparse.Namespace) -> tuple[str, ...]:
    """Flags as the settings they stand for; they win over ``--set`` and the file."""
    flags = [
        f"{key}={getattr(options, name)}"
        for name, key in _OPTION_KEYS.items()
        if getattr(options, name, None) is not None
    ]
    if getattr(options, "up", None):
        flags.append(f"data.up=[{_checked_direction(options.up)}]")
    return (*options.set, *flags)


def _checked_direction(text: str) -> str:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not 0 < sum(number**2 for number in numbers) < float("inf"):
        raise ConfigError(f"--up {text}: write a direction as X,Y,Z, such as --up=0,-1,0")
    return text


def open_source(sequence: str, reader: str | None, config: Config) -> Source:
    """The source the user named, in a z-up world."""
    if reader is None and SIMULATED.fullmatch(sequence):
        return open_simulated(sequence, config.simulation)
    root = Path(os.environ.get("HYDRA_MONO_DATA", config.data.root))
    return upright(open_sequence(sequence, root, reader), config.data.up)
