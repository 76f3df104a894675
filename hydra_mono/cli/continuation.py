"""``--keep-state`` and ``--continue``: a map that goes on in another process."""

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hydra_mono.core.config import Config
from hydra_mono.core.errors import DataError
from hydra_mono.core.files.generation import locate, write_generation
from hydra_mono.core.files.state import read_state, state_writers
from hydra_mono.core.map.state import State
from hydra_mono.core.source import Source
from hydra_mono.graph.query.edits import take_edits_over
from hydra_mono.outputs import FILES, SavedGraph, find_run, load_graph, load_metrics
from hydra_mono.session import RunLog, Session


@dataclass(frozen=True)
class Continuation:
    """A saved run that is taken up again; it is read only."""

    folder: Path
    state: State
    saved: SavedGraph
    sequence: str

    def next_index(self, source: Source, config: Config) -> int:
        """The frame to go on with: after the last of the same sequence, else as set."""
        if source.name != self.sequence or config.data.start:
            return config.data.start
        return int(self.state["next_index"])


def find_continuation(options: argparse.Namespace) -> Continuation | None:
    """The run that ``--continue`` names; without ``--config`` its settings are taken.

    Raises:
        DataError: there is no such run, it kept no state, or that is damaged.
    """
    if options.continue_run is None:
        return None
    folder = find_run(Path(options.continue_run))
    if options.config is None:
        options.config = str(locate(folder, FILES["config"]))
        for name in ("max_frames", "start"):  # of the run before, not of this one
            if getattr(options, name) is None:
                options.set = [f"data.{name}={'null' if name == 'max_frames' else 0}", *options.set]
    metrics = load_metrics(folder)
    sequence = str(metrics.get("sequence", ""))
    return Continuation(folder, read_state(folder), load_graph(folder), sequence)


def take_up(session: Session, continuation: Continuation) -> None:
    """The session goes on where the saved run was, with what people said of it since.

    Raises:
        DataError: the state is of other settings or another version.
    """
    state, mapper = continuation.state, session.mapper
    labels = continuation.saved.labels
    if labels.labels and labels != mapper.label_space:
        raise DataError(
            f"{continuation.folder}: its labels are '{labels.name}', those of the predictor "
            f"'{mapper.label_space.name}'"
        )
    try:
        mapper.restore(state["mapper"])
        restore_log(session.log, state["log"])
        session.take_up(tuple(state["origin_m"]))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(
            f"{continuation.folder} cannot be continued with these settings: {error!r}"
        ) from error
    take_edits_over(continuation.saved.graph, mapper.graph)


def keep_state(session: Session, folder: Path, next_index: int) -> None:
    """Writes the state, as it was before the run's last refresh, into the run's folder.

    Raises:
        ExportError: the disk is full.
    """
    if session.kept is None:
        return
    state = {
        "mapper": session.kept,
        "log": log_state(session.log),
        "origin_m": list(session.origin_m),
        "next_index": next_index,
    }
    write_generation(folder, state_writers(state))


def log_state(log: RunLog) -> State:
    poses = np.array(log.world_from_camera, np.float64).reshape(-1, 4, 4)
    return {
        "stamps_ns": np.array(log.stamps_ns, np.int64),
        "world_from_camera": poses,
        "skipped": dict(log.skipped),
        "skipped_frames": list(log.skipped_frames),
    }


def restore_log(log: RunLog, state: State) -> None:
    log.stamps_ns = state["stamps_ns"].tolist()
    log.world_from_camera = list(state["world_from_camera"])
    log.skipped = Counter(state["skipped"])
    log.skipped_frames = list(state["skipped_frames"])
    log.restored_ns = max(log.stamps_ns, default=None)
