"""``hydra-mono run``: open, map, save, score, report."""

import argparse
import logging
import os
import sys
import time
import traceback
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from hydra_mono.cli.continuation import find_continuation, keep_state, take_up
from hydra_mono.cli.progress import create_progress, show_report
from hydra_mono.cli.saved.merge import align_finished
from hydra_mono.cli.sources import config_of, given_of, open_source
from hydra_mono.core.config import Config, dump_config
from hydra_mono.core.errors import DataError, ExportError, HydraMonoError, one_line
from hydra_mono.core.gate.frame_gate import create_gate
from hydra_mono.core.prediction import Predictor, needs_depth, needs_of
from hydra_mono.core.source import Source, narrow
from hydra_mono.core.stop import StopRequest, stop_request
from hydra_mono.core.truth import GroundTruth, save_truth
from hydra_mono.datasets.first_frames.pairs import read_first_frames
from hydra_mono.datasets.first_frames.suspect import judge
from hydra_mono.datasets.prepare import PreparedSource
from hydra_mono.graph.model.symbols import Layer
from hydra_mono.outputs import Part, RunFolder, RunRecord, find_run
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.pipeline import Mapper
from hydra_mono.report import write_report
from hydra_mono.session import Session
from hydra_mono.simulation.source import SimulatedSource
from hydra_mono.viz import create_viewer

logger = logging.getLogger(__name__)

RECORDING = "recording.rrd"
ESSENTIAL_PARTS: tuple[Part, ...] = ("config", "metrics", "trajectory", "mesh", "graph")


def run(options: argparse.Namespace) -> int:
    """Maps the sequence and leaves a complete run folder behind, whatever ends the mapping."""
    continuation = find_continuation(options)
    neighbour = find_run(Path(options.align_to)) if options.align_to else None
    config = config_of(options)
    source = open_source(options.sequence, options.reader, config, given_of(options))
    if continuation is not None:
        config = going_on(config, continuation.next_index(source, config))
    if ":" in config.predictor.name:  # a user's module may lie where the command is given
        sys.path.append(str(Path.cwd()))
    predictor = create_predictor(config.predictor, source.label_space)
    narrow(source, needs_of(predictor))
    folder = RunFolder(Path(config.output.folder), source.name, datetime.now())
    with stop_request() as stop:
        keeps_state = options.keep_state or continuation is not None
        session = create_session(
            config, source, predictor, folder, quiet=options.quiet, keeps_state=keeps_state
        )
        if continuation is not None:
            take_up(session, continuation)
        failure = map_sequence(session, source, config, stop)
        with stop.shielded():
            record = write_map(session, config, source, folder)
            keep_state(session, folder.path, next_index(session, config))
        with suppress(KeyboardInterrupt):  # a second signal: the map is written, the rest may go
            finish_run(session, source, folder, record, stop)
            if not (options.no_report or stop.is_hurried):
                report_on(folder)
            if neighbour is not None and not stop.is_hurried:
                align_finished(folder.path, neighbour)
            if not options.quiet:
                show_report(record.metrics, folder.path)
    if failure is not None:
        raise stopped(failure, session, source, folder) from failure
    require_map(session, source, folder.path)
    return stop.exit_code


def going_on(config: Config, start: int) -> Config:
    """The settings with another first frame."""
    return config.model_copy(update={"data": config.data.model_copy(update={"start": start})})


def next_index(session: Session, config: Config) -> int:
    """The frame of the source that comes after the last one read."""
    return config.data.start + session.log.taken * config.data.stride


def map_sequence(
    session: Session, source: Source, config: Config, stop: StopRequest
) -> BaseException | None:
    """Maps until the sequence ends; returns what ended it before, where something was mapped."""
    try:
        session.run(source, config.data, stop)
    except BaseException as error:
        if not session.log.frames:
            session.mapper.close()
            raise
        traceback.clear_frames(error.__traceback__)  # lets go of the arrays in hand
        return None if isinstance(error, KeyboardInterrupt) and stop.is_set() else error
    return None


def stopped(
    failure: BaseException, session: Session, source: Source, folder: RunFolder
) -> HydraMonoError:
    """The error that ended a run, with where it happened and where the map is."""
    frames, stage = session.log.frames, session.log.failed_stage
    return HydraMonoError(
        f"{source.name}: ended after {frames} mapped frames, in '{stage}': {one_line(failure)} "
        f"(the map so far is in {folder.path})"
    )


def require_map(session: Session, source: Source, folder: Path) -> None:
    """Returns when the run mapped something and went on to its end; what there is, is written.

    Raises:
        DataError: the predictor failed, or no surface was mapped.
    """
    if session.log.failure is not None:
        written = f"what was mapped before is in {folder}"
        raise DataError(f"{source.name}: {session.log.failure}; {written}")
    if session.mapper.mesh.vertex_count or session.log.interrupted:
        return
    verdict = judge(read_first_frames(source), source.world_up)
    cause = (
        verdict.line if verdict.is_alarm else "is depth in metres, and within mapping.max_depth?"
    )
    frames = f"{session.log.frames} frames were used but no surface was mapped"
    raise DataError(f"{source.name}: {frames}: {cause}")


def create_session(
    config: Config,
    source: Source,
    predictor: Predictor,
    folder: RunFolder,
    *,
    quiet: bool,
    keeps_state: bool = False,
) -> Session:
    """A mapper and everything round it, for one source."""
    viewer = create_viewer(
        config.viewer, folder.path / RECORDING, predictor.label_space, source.name
    )
    return Session(
        Mapper(config, predictor, viewer),
        create_gate(config.data, needs_depth=needs_depth(predictor)),
        save=partial(save_checkpoint, config=config, source=source, folder=folder),
        on_frame=create_progress(source, config.data, quiet=quiet),
        checkpoint_interval_s=config.output.checkpoint_interval,
        keeps_state=keeps_state,
    )


def save_checkpoint(session: Session, *, config: Config, source: Source, folder: RunFolder) -> None:
    """What is mapped so far."""
    folder.write(record_of(session, config, source))


def record_of(session: Session, config: Config, source: Source) -> RunRecord:
    """Everything there is to write about a run, as of now."""
    return RunRecord(
        graph=session.mapper.graph,
        mesh=session.mapper.mesh.whole_mesh(),
        labels=session.mapper.label_space,
        stamps_ns=session.log.stamps_ns,
        world_from_camera=session.log.world_from_camera,
        config_text=dump_config(config),
        images=session.mapper.images.of(session.mapper.graph.symbols(Layer.OBJECTS)),
        metrics=session.metrics() | source_metrics(source) | camera_metrics(session),
    )


def source_metrics(source: Source) -> dict[str, Any]:
    """Which sequence it was, what was up before it was turned upright, odd labels in it."""
    up = source.source_up if isinstance(source, PreparedSource) else source.world_up
    return {
        "sequence": source.name,
        "source_up": list(up or (0.0, 0.0, 1.0)),
        "labels": {"unknown_pixels": source.unknown_label_pixels},
    }


def camera_metrics(session: Session) -> dict[str, Any]:
    """The camera, as scoring needs it later."""
    camera = session.log.intrinsics
    if camera is None:
        return {}
    names = ("fx", "fy", "cx", "cy", "width", "height")
    numbers = {name: getattr(camera, name) for name in names}
    return {"camera": numbers | {"max_depth_m": session.mapper.max_depth_m}}


def write_map(session: Session, config: Config, source: Source, folder: RunFolder) -> RunRecord:
    """Writes everything but scores; on a full disk the recording makes room for it.

    Raises:
        ExportError: there is no room even so; the last save under way stays.
    """
    started_s = time.perf_counter()
    record = record_of(session, config, source)
    try:
        folder.write(record)
    except ExportError as error:
        if not give_up_recording(folder.path / RECORDING):
            raise
        logger.warning("%s; the recording is given up to make room", error)
        folder.write(record)
    except Exception:
        logger.exception("a part of the outputs cannot be made; the others are written")
        folder.write(record, parts=ESSENTIAL_PARTS)
    record.metrics["write_s"] = round(time.perf_counter() - started_s, 3)
    return record


def give_up_recording(path: Path) -> bool:
    """Frees the space that a recording takes; false where there is none."""
    try:
        os.truncate(path, 0)  # the viewer may hold it open, so that removing alone frees nothing
        path.unlink()
    except OSError:
        return False
    return True


def finish_run(
    session: Session, source: Source, folder: RunFolder, record: RunRecord, stop: StopRequest
) -> None:
    """What comes after the map: the viewer's end, and scores where truth is known."""
    if stop.is_hurried:
        return
    session.mapper.close()
    truth = find_truth(source)
    if truth is None:
        return
    try:
        save_truth(truth, folder.path / "truth")
        record.metrics.update(scores_of(folder, truth))
        folder.write(record, parts=("metrics",))
    except ExportError as error:
        logger.warning("the scores are not saved: %s", error)


def scores_of(folder: RunFolder, truth: GroundTruth) -> dict[str, Any]:
    """The run's scores; none where its labels cannot be compared with the truth's."""
    from hydra_mono.evaluation import evaluate, inputs_of_run

    try:
        return {"scores": evaluate(inputs_of_run(folder.path), truth).as_dict()}
    except DataError as error:
        logger.warning("the run is not scored: %s", error)
        return {}


def report_on(folder: RunFolder) -> None:
    """The page about the run; without it the run is whole all the same."""
    try:
        write_report(folder.path)
    except HydraMonoError as error:
        logger.warning("no report is written: %s", error)


def find_truth(source: Source) -> Any:
    """Truth of a simulated source; None where nobody knows."""
    return source.truth() if isinstance(source, SimulatedSource) else None
