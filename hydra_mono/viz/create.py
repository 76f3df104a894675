"""From settings to a rerun viewer."""

import os
from pathlib import Path

import rerun as rr

from hydra_mono.core.config import ViewerConfig
from hydra_mono.core.labels import LabelSpace
from hydra_mono.viz.rerun_process import ViewerProcess, quiet_environment
from hydra_mono.viz.rerun_sinks import FileSink, ProcessSink, Sink
from hydra_mono.viz.rerun_viewer import RerunViewer


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
        image_stride=config.image_stride,
        image_interval_s=config.image_interval,
        mesh_interval_s=config.mesh_interval,
        color_by=config.mesh_colors,
    )


def _create_sink(config: ViewerConfig, path: Path, sequence: str) -> Sink:
    stream = rr.RecordingStream("hydra-mono", recording_id=f"{sequence}-{os.getpid()}")
    if config.mode == "save":
        return FileSink(stream, path)
    process = ViewerProcess(
        window=config.mode == "spawn",
        address=config.address,
        port=config.port,
        web_port=config.web_port,
        analytics=config.analytics,
    )
    return ProcessSink(stream, process)
