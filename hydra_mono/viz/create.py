"""From settings to a rerun viewer."""

import os
from pathlib import Path

import rerun as rr

from hydra_mono.core.config import ViewerConfig
from hydra_mono.core.labels import LabelSpace
from hydra_mono.viz.rerun_process import ViewerProcess, quiet_environment
from hydra_mono.viz.rerun_sinks import FileSink, ProcessSink, Sink
from hydra_mono.viz.rerun_viewer import RerunViewer

APP = "hydra-mono"
# A recording's index, kept in memory until its end, takes kilobytes for every chunk: few large ones
FILE_TICK_S = 10.0  # also what a killed run loses of its recording
FILE_BYTES = 8 << 20


def create_rerun_viewer(
    config: ViewerConfig, recording: Path, labels: LabelSpace, sequence: str
) -> RerunViewer:
    """A viewer into a file, a window or a local server, as ``viewer.mode`` says.

    Raises:
        HydraMonoError: a window without a display, or a port or address that cannot be had.
    """
    with quiet_environment(analytics=config.analytics):
        sink = _create_sink(config, recording, sequence)
    return RerunViewer(
        sink,
        labels,
        image_interval_s=config.image_interval,
        color_by=config.mesh_colors,
    )


def _create_sink(config: ViewerConfig, path: Path, sequence: str) -> Sink:
    name = f"{sequence}-{os.getpid()}"
    if config.mode == "save":
        batches = rr.ChunkBatcherConfig(flush_tick=FILE_TICK_S, flush_num_bytes=FILE_BYTES)
        return FileSink(rr.RecordingStream(APP, recording_id=name, batcher_config=batches), path)
    process = ViewerProcess(
        window=config.mode == "spawn",
        address=config.address,
        port=config.port,
        web_port=config.web_port,
        analytics=config.analytics,
    )
    return ProcessSink(rr.RecordingStream(APP, recording_id=name), process)
