"""The smaller commands: info, evaluate, export, view, doctor, config, weights."""

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path

from hydra_mono.core.errors import DataError, HydraMonoError

REQUIRED = (
    "numpy",
    "scipy",
    "torch",
    "safetensors",
    "networkx",
    "yaml",
    "pydantic",
    "PIL",
    "rerun",
)
DISTRIBUTIONS = {"yaml": "pyyaml", "PIL": "pillow", "rerun": "rerun-sdk"}
OPTIONAL = {
    "spark_dsg": "spark-dsg",
    "openvino": "openvino",
    "onnxruntime": "onnxruntime",
    "mcp": "mcp",
    "unified_planning": "unified-planning",
}
INFO_SAMPLES = 12


def info(options: argparse.Namespace) -> int:
    """Prints what a sequence holds, from a few frames spread over it."""
    from hydra_mono.cli.progress import print_table
    from hydra_mono.cli.sources import config_of, given_of, open_judged
    from hydra_mono.datasets.summary import summarise

    source, verdict = open_judged(
        options.sequence, options.reader, config_of(options), given_of(options)
    )
    print_table(summarise(source, samples=INFO_SAMPLES))
    subject = f"check the {verdict.suspect}: " if verdict.is_alarm else ""
    print(f"\n  first frames  {subject}{verdict.line}")
    return 0


def evaluate_run(options: argparse.Namespace) -> int:
    """Scores a run against truth; the scores also go into its metrics."""
    from hydra_mono.cli.progress import print_table, score_rows
    from hydra_mono.core.truth import load_truth
    from hydra_mono.evaluation import evaluate, inputs_of_run
    from hydra_mono.outputs import find_run, update_metrics

    folder = find_run(Path(options.run))
    truth = load_truth(Path(options.truth) if options.truth else folder / "truth")
    scores = evaluate(inputs_of_run(folder), truth).as_dict()
    update_metrics(folder, {"scores": scores})
    if options.json:
        print(json.dumps(scores, indent=1))
    else:
        print_table(score_rows(scores), header=("score", "value"))
    return 0


def export(options: argparse.Namespace) -> int:
    """Writes a run's graph in another format."""
    from hydra_mono.graph.exports import write_export
    from hydra_mono.outputs import load_run

    run = load_run(Path(options.run))
    output, goals = Path(options.output), options.goal
    write_export(options.format, run.graph, run.mesh, run.labels, output, goals)
    print(options.output)
    return 0


def report(options: argparse.Namespace) -> int:
    """Writes a run's page and prints where it is."""
    from hydra_mono.report import write_report

    print(write_report(Path(options.run)))
    return 0


def view(options: argparse.Namespace) -> int:
    """Opens a run's recording in the rerun viewer."""
    from hydra_mono.viz.rerun_process import analytics_off, rerun_command

    recording = Path(options.run) / "recording.rrd"
    if not recording.is_file():  # a folder of runs
        recording = Path(options.run) / "latest" / "recording.rrd"
    if not recording.is_file():
        raise DataError(f"{recording} does not exist; was the run made with --viewer none?")
    command = [*rerun_command(), "--bind", "127.0.0.1", str(recording)]
    return subprocess.run(command, check=False, env=analytics_off(dict(os.environ))).returncode


def doctor(options: argparse.Namespace) -> int:
    """Checks every package and library; exit status 1 when something needed is missing."""
    lines = [("ok", f"Python {platform.python_version()} on {platform.platform()}")]
    lines += [_check_package(name) for name in REQUIRED]
    lines.append(_check_open3d())
    lines += [_check_package(name, optional=True) for name in OPTIONAL]
    for status, text in lines:
        if not options.quiet or status == "missing":
            print(f"{status:8} {text}")
    return int(any(status == "missing" for status, _ in lines))


def _check_package(name: str, *, optional: bool = False) -> tuple[str, str]:
    distribution = {**DISTRIBUTIONS, **OPTIONAL}.get(name, name)
    try:
        importlib.import_module(name)
    except ImportError as error:
        status = "optional" if optional else "missing"
        return status, f"{distribution}: {error}; pip install {distribution}"
    return "ok", f"{distribution} {importlib.metadata.version(distribution)}"


def _check_open3d() -> tuple[str, str]:
    from hydra_mono.core.open3d_loader import open3d

    try:
        module = open3d()
    except HydraMonoError as error:
        return "missing", str(error)
    cuda = "with CUDA" if module.core.cuda.is_available() else "on the CPU"
    return "ok", f"open3d {module.__version__} {cuda}"


def config(options: argparse.Namespace) -> int:
    """Prints the settings a run with these options would use."""
    from hydra_mono.core.config import dump_config, load_config

    path = None if options.config is None else Path(options.config)
    print(dump_config(load_config(path, tuple(options.set))), end="")
    return 0


def weights(options: argparse.Namespace) -> int:
    """Prints what a weights file holds; writes it converted, calibrated, or averaged."""
    from hydra_mono.cli.progress import print_table
    from hydra_mono.perception.weights_io.average import average_weights
    from hydra_mono.perception.weights_io.checkpoint import convert_weights
    from hydra_mono.perception.weights_io.describe import describe_weights
    from hydra_mono.perception.weights_io.files import CheckpointError

    if options.action == "info":
        rows, problems = describe_weights(Path(options.file))
        print_table(rows)
        if problems:
            raise CheckpointError(f"{options.file}: {'; '.join(problems)}")
        return 0
    target, half = Path(options.target), options.half
    if options.action == "calibrate":
        from hydra_mono.cli.perception import calibrate

        calibrate(options)
    elif options.action == "average":
        first, second = Path(options.first), Path(options.second)
        average_weights(first, second, target, share=options.share, half=half)
    else:
        convert_weights(Path(options.source), target, half=half)
    print(target)
    return 0
