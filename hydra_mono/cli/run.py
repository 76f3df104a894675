"""``hydra-mono run``: open, map, save, score, report."""

import argparse
import logging
import sys
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from hydra_mono.cli.progress import create_progress, print_report
from hydra_mono.cli.sources import open_source, options_to_overrides
from hydra_mono.core.checks import create_gate
from hydra_mono.core.config import Config, dump_config, load_config
from hydra_mono.core.errors import DataError
from hydra_mono.core.prediction import Predictor, needs_of
from hydra_mono.core.source import Source, narrow
from hydra_mono.core.truth import GroundTruth, save_truth
from hydra_mono.datasets.up import UprightSource
from hydra_mono.outputs import Part, RunFolder, RunRecord
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.pipeline import Mapper
from hydra_mono.session import Session
from hydra_mono.simulation.source import SimulatedSource
from hydra_mono.viz import create_viewer

logger = logging.getLogger(__name__)

CHECKPOINT_PARTS: tuple[Part, ...] = ("config", "metrics", "trajectory", "mesh", "graph")


def run(options: argparse.Namespace) -> int:
    """Maps the sequence and leaves a complete run folder behind."""
    config = load_config(
        Path(options.config) if options.config else None, options_to_overrides(options)
    )
    source = open_source(options.sequence, options.reader, config)
    if ":" in config.predictor.name:  # a user's module may lie where the command is given
        sys.path.append(str(Path.cwd()))
    predictor = create_predictor(config.predictor, source.label_space)
    narrow(source, needs_of(predictor))
    folder = RunFolder(Path(config.output.folder), source.name, datetime.now())
    session = create_session(config, source, predictor, folder, quiet=options.quiet)
    session.run(source, config.data)
    metrics = write_results(session, config, source, folder)
    if not options.quiet:
        print_report(metrics, folder.path)
    return 130 if session.log.interrupted else 0


def create_session(
    config: Config, source: Source, predictor: Predictor, folder: RunFolder, *, quiet: bool
) -> Session:
    """A mapper and everything round it, for one source."""
    viewer = create_viewer(
        config.viewer, folder.path / "recording.rrd", predictor.label_space, source.name
    )
    return Session(
        Mapper(config, predictor, viewer),
        create_gate(config.data),
        save=partial(save_checkpoint, config=config, source=source, folder=folder),
        on_frame=create_progress(source, config.data, quiet=quiet),
        checkpoint_interval_s=config.output.checkpoint_interval,
    )


def save_checkpoint(session: Session, *, config: Config, source: Source, folder: RunFolder) -> None:
    """What is mapped so far, without the slower exports."""
    folder.write(record_of(session, config, source), parts=CHECKPOINT_PARTS)


def record_of(session: Session, config: Config, source: Source) -> RunRecord:
    """Everything there is to write about a run, as of now."""
    return RunRecord(
        graph=session.mapper.graph,
        mesh=session.mapper.mesh.whole_mesh(),
        labels=session.mapper.label_space,
        stamps_ns=session.log.stamps_ns,
        world_from_camera=session.log.world_from_camera,
        config_text=dump_config(config),
        metrics=session.metrics() | source_metrics(source) | camera_metrics(session, config),
    )


def source_metrics(source: Source) -> dict[str, Any]:
    """Which sequence it was, which way was up before it was turned upright, odd labels in it."""
    up = source.source_up if isinstance(source, UprightSource) else source.world_up
    return {
        "sequence": source.name,
        "source_up": list(up or (0.0, 0.0, 1.0)),
        "labels": {"unknown_pixels": source.unknown_label_pixels},
    }


def camera_metrics(session: Session, config: Config) -> dict[str, Any]:
    """The camera, as scoring needs it later."""
    camera = session.log.intrinsics
    if camera is None:
        return {}
    names = ("fx", "fy", "cx", "cy", "width", "height")
    numbers = {name: getattr(camera, name) for name in names}
    return {"camera": numbers | {"max_depth_m": config.mapping.max_depth}}


def write_results(
    session: Session, config: Config, source: Source, folder: RunFolder
) -> dict[str, Any]:
    """Writes the run folder; where truth is known, scores the run against it."""
    started = time.perf_counter()
    session.mapper.close()
    record = record_of(session, config, source)
    folder.write(record)
    truth = find_truth(source)
    if truth is not None:
        save_truth(truth, folder.path / "truth")
        record.metrics.update(scores_of(folder, truth))
    record.metrics["write_s"] = round(time.perf_counter() - started, 3)
    folder.write(record, parts=("metrics",))
    return record.metrics


def scores_of(folder: RunFolder, truth: GroundTruth) -> dict[str, Any]:
    """The run's scores; none where its labels cannot be compared with the truth's."""
    from hydra_mono.evaluation import evaluate, inputs_of_run

    try:
        return {"scores": evaluate(inputs_of_run(folder.path), truth).as_dict()}
    except DataError as error:
        logger.warning("the run is not scored: %s", error)
        return {}


def find_truth(source: Source) -> Any:
    """Truth of a simulated source; None where nobody knows."""
    return source.truth() if isinstance(source, SimulatedSource) else None
