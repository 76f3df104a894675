"""From what the user typed to an upright source and settings."""

import argparse
import logging
import os
import re
from pathlib import Path

from hydra_mono.core.config import Config, load_config
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.source import WHAT_THERE_IS, Source
from hydra_mono.datasets.first_frames.pairs import read_first_frames
from hydra_mono.datasets.first_frames.suspect import Verdict, judge
from hydra_mono.datasets.given import NOTHING, Given, given_by_flags
from hydra_mono.datasets.prepare import prepare
from hydra_mono.datasets.registry import open_sequence
from hydra_mono.simulation.source import open_simulated

logger = logging.getLogger(__name__)

SIMULATED = re.compile(r"apartment|(simulated|training)/([a-z]+-)*\d+")

_OPTION_KEYS = {
    "predictor": "predictor.name",
    "weights": "predictor.weights",
    "max_frames": "data.max_frames",
    "start": "data.start",
    "stride": "data.stride",
    "output": "output.folder",
    "viewer": "viewer.mode",
    "pose_convention": "data.pose_convention",
    "depth_scale": "data.depth_scale",
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


def given_of(options: argparse.Namespace) -> Given:
    """The poses and the camera that flags give beside the sequence."""
    return given_by_flags(options.poses, options.intrinsics)


def open_source(
    sequence: str, reader: str | None, config: Config, given: Given = NOTHING
) -> Source:
    """The source the user named, in a z-up world; warns of what its first frames contradict.

    It reads whatever there is, until ``narrow`` says what its consumer needs.
    """
    if reader is None and SIMULATED.fullmatch(sequence):
        return open_simulated(sequence, config.simulation)
    source, verdict = open_judged(sequence, reader, config, given)
    if verdict.is_alarm:
        logger.warning("%s: check the %s: %s", source.name, verdict.suspect, verdict.line)
    return source


def open_judged(
    sequence: str, reader: str | None, config: Config, given: Given = NOTHING
) -> tuple[Source, Verdict]:
    """The source the user named, in a z-up world, and what its first frames say."""
    if reader is None and SIMULATED.fullmatch(sequence):
        simulated = open_simulated(sequence, config.simulation)
        return simulated, judge(read_first_frames(simulated), simulated.world_up)
    root = Path(os.environ.get("HYDRA_MONO_DATA", config.data.root))
    source = open_sequence(sequence, root, reader, WHAT_THERE_IS, given)
    return prepare(source, config.data, given)
