"""From what the user typed to an upright source and settings."""

import argparse
import os
import re
from pathlib import Path

from hydra_mono.core.config import Config, load_config
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.source import Source
from hydra_mono.datasets.registry import open_sequence
from hydra_mono.datasets.up import upright
from hydra_mono.simulation.source import open_simulated

SIMULATED = re.compile(r"apartment|(simulated|training)/\d+")

_OPTION_KEYS = {
    "predictor": "predictor.name",
    "weights": "predictor.weights",
    "max_frames": "data.max_frames",
    "start": "data.start",
    "stride": "data.stride",
    "output": "output.folder",
    "viewer": "viewer.mode",
}


def config_of(options: argparse.Namespace) -> Config:
    """The settings a command was given: ``--config``, then ``--set``, then its other flags.

    Raises:
        ConfigError: a file cannot be read, a key is unknown or a value out of range.
    """
    flags: dict[str, object] = {
        key: getattr(options, name)
        for name, key in _OPTION_KEYS.items()
        if getattr(options, name, None) is not None
    }
    if getattr(options, "up", None):
        flags["data.up"] = _direction(options.up)
    path = None if options.config is None else Path(options.config)
    return load_config(path, tuple(options.set), flags)


def _direction(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not 0 < sum(number**2 for number in numbers) < float("inf"):
        raise ConfigError(f"--up {text}: write a direction as X,Y,Z, such as --up=0,-1,0")
    return numbers


def open_source(sequence: str, reader: str | None, config: Config) -> Source:
    """The source the user named, in a z-up world."""
    if reader is None and SIMULATED.fullmatch(sequence):
        return open_simulated(sequence, config.simulation)
    root = Path(os.environ.get("HYDRA_MONO_DATA", config.data.root))
    return upright(open_sequence(sequence, root, reader), config.data.up)
