"""The command line: parses, calls, and turns known errors into one line and exit status 1."""

import argparse
import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from hydra_mono import __version__
from hydra_mono.cli.compare_options import COMPARING, add_evaluate_perception
from hydra_mono.cli.console import flush_output, open_standard_streams, say
from hydra_mono.cli.saved import options as saved
from hydra_mono.core.errors import HydraMonoError, one_line

logger = logging.getLogger("hydra_mono")

DEBUG = "HYDRA_MONO_DEBUG"  # environment variable: show where an error comes from


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status (table in the README)."""
    open_standard_streams()
    _share_cores()
    options = build_parser().parse_args(arguments)
    logging.basicConfig(
        level=_log_level(options), format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    try:
        status = _dispatch(options)
        flush_output()
        return status
    except BrokenPipeError:  # whoever read it has seen enough
        status = 0
    except HydraMonoError as error:
        status = _fail(str(error), options)
    except KeyboardInterrupt:
        say("hydra-mono: interrupted")
        status = 130
    except Exception as error:  # a fault of ours or of a plug-in
        status = _fail(f"{one_line(error)}; {DEBUG}=1 shows where", options)
    with contextlib.suppress(OSError):
        flush_output()
    return status


def _fail(message: str, options: argparse.Namespace) -> int:
    if getattr(options, "verbose", False) or os.environ.get(DEBUG):
        logger.exception("failed")
    say(f"hydra-mono: error: {message}")
    return 1


def _share_cores() -> None:
    """Lets threads that wait for one another sleep soon.

    Where another program has a core, GNU OpenMP's waiting in a loop makes an image take seconds;
    sleeping at once makes it half as slow again where none has. It reads this when torch or Open3D
    is imported, which no command has done yet.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")


_COMMANDS = {
    "run": "hydra_mono.cli.run:run",
    "batch": "hydra_mono.cli.saved.batch:batch",
    "info": "hydra_mono.cli.commands:info",
    "evaluate": "hydra_mono.cli.commands:evaluate_run",
    "export": "hydra_mono.cli.commands:export",
    "history": "hydra_mono.cli.saved.history:history",
    "align": "hydra_mono.cli.saved.merge:align_runs",
    "merge": "hydra_mono.cli.saved.merge:merge",
    "query": "hydra_mono.cli.saved.query:query",
    "mcp": "hydra_mono.cli.saved.mcp_server:mcp",
    "report": "hydra_mono.cli.commands:report",
    "view": "hydra_mono.cli.commands:view",
    "doctor": "hydra_mono.cli.commands:doctor",
    "config": "hydra_mono.cli.commands:config",
    "weights": "hydra_mono.cli.commands:weights",
    "train": "hydra_mono.cli.train:train",
    "evaluate-perception": "hydra_mono.cli.perception:evaluate_perception",
    "compare": "hydra_mono.cli.compare:compare",
    "search": "hydra_mono.cli.compare:search",
}


def _dispatch(options: argparse.Namespace) -> int:
    """Loads the one command that was given: others may need what is not installed."""
    module, name = _COMMANDS[options.command].split(":")
    return int(getattr(importlib.import_module(module), name)(options))


def _log_level(options: argparse.Namespace) -> int:
    if getattr(options, "verbose", False):
        return logging.INFO
    return logging.ERROR if getattr(options, "quiet", False) else logging.WARNING


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hydra-mono", description="Dynamic 3D scene graphs from posed images."
    )
    parser.add_argument("--version", action="version", version=f"hydra-mono {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="map a sequence into a scene graph"))
    saved.add_batch(commands.add_parser("batch", help="map many sequences, one process each"))
    _add_info(commands.add_parser("info", help="what a sequence holds"))
    _add_evaluate(commands.add_parser("evaluate", help="score a run against known truth"))
    saved.add_export(commands.add_parser("export", help="write a run's graph in another format"))
    saved.add_history(commands.add_parser("history", help="who and what came and went"))
    saved.add_align(commands.add_parser("align", help="find how a run's map lies in another's"))
    saved.add_merge(commands.add_parser("merge", help="join the maps of several runs"))
    saved.add_query(commands.add_parser("query", help="query a run's graph"))
    saved.add_mcp(commands.add_parser("mcp", help="serve a run's graph to language models (MCP)"))
    saved.add_report(commands.add_parser("report", help="write a page about a run"))
    saved.add_view(commands.add_parser("view", help="open a run's recording in the viewer"))
    _add_doctor(commands.add_parser("doctor", help="check the installation"))
    _add_config(commands.add_parser("config", help="show the settings"))
    _add_weights(commands.add_parser("weights", help="inspect and convert weights"))
    _add_train(commands.add_parser("train", help="train the compact network"))
    for name, help_text, add_options in COMPARING:
        comparing = commands.add_parser(name, help=help_text)
        add_options(comparing)
        _add_config_options(comparing)
        _add_loudness(comparing)
    add_evaluate_perception(
        commands.add_parser("evaluate-perception", help="score a network on images with truth")
    )
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sequence",
        default="apartment",
        metavar="NAME|PATH",
        help="apartment (default), simulated/SEED, simulated/dynamic-SEED, or a folder or file",
    )
    parser.add_argument(
        "--predictor",
        metavar="NAME",
        help="who says depth and labels: m2h (default), sensor, onnx, or package.module:factory",
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="the network's weights; m2h has its own, onnx needs them"
    )
    parser.add_argument("--max-frames", type=int, metavar="N", help="stop after N frames")
    parser.add_argument("--start", type=int, metavar="N", help="first frame")
    parser.add_argument("--stride", type=int, metavar="N", help="use every N-th frame")
    parser.add_argument("--output", metavar="DIR", help="where run folders go (results)")
    parser.add_argument(
        "--viewer",
        choices=("none", "save", "spawn", "serve"),
        help="save a recording (default), open a window, serve this machine's browser, or none",
    )
    parser.add_argument(
        "--keep-state", action="store_true", help="keep what --continue needs beside the map"
    )
    parser.add_argument(
        "--continue",
        dest="continue_run",
        metavar="RUN",
        help="go on with a saved map, in its frame and with its settings, in a folder of its own",
    )
    parser.add_argument(
        "--align-to", metavar="RUN", help="tell at the end how this map lies in that of a saved run"
    )
    parser.add_argument("--no-report", action="store_true", help="write no report.html at the end")
    _add_source_options(parser)
    _add_config_options(parser)
    _add_loudness(parser)


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reader", metavar="NAME", help="the reader, where guessing fails")
    parser.add_argument(
        "--poses",
        metavar="FILE",
        help="poses of images, a video or a bag: TUM, KITTI, 4×4 a line, a folder of 4×4 files, "
        "COLMAP's folder or transforms.json",
    )
    parser.add_argument(
        "--intrinsics",
        metavar="NUMBERS|FILE",
        help="the camera of the images as stored: fx,fy,cx,cy[,k1,k2,p1,p2[,k3]] in pixels, or a "
        "file",
    )
    parser.add_argument(
        "--up", metavar="X,Y,Z", help="up in the sequence's world (write --up=0,-1,0)"
    )
    parser.add_argument(
        "--pose-convention",
        choices=("auto", "opencv", "opengl", "inverse", "inverse-opengl"),
        help="what the poses are: world_from_camera in opencv (default) or opengl axes, their "
        "inverse, or auto: as the first frames agree best",
    )
    parser.add_argument(
        "--depth-scale",
        type=float,
        metavar="FACTOR",
        help="multiplies depth (0.001 where millimetres were read as metres)",
    )


def _add_loudness(parser: argparse.ArgumentParser) -> None:
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("--quiet", action="store_true", help="print nothing but errors")
    loudness.add_argument("--verbose", action="store_true", help="log what happens")


def _add_config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE|PRESET", help="YAML settings over the defaults")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting, such as mapping.voxel_size=0.05 (repeatable)",
    )


def _add_info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sequence", metavar="SEQUENCE")
    _add_source_options(parser)
    _add_config_options(parser)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, or results/latest")
    parser.add_argument("--truth", metavar="DIR", help="folder with truth.json (the run's own)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="print only what is wrong")


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("dump",), help="print every setting as YAML")
    _add_config_options(parser)


def _add_weights(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    info = actions.add_parser("info", help="what a weights file holds")
    info.add_argument("file", metavar="FILE")
    convert = actions.add_parser("convert", help="write weights under the names used here")
    convert.add_argument("source", metavar="SOURCE")
    convert.add_argument("target", metavar="TARGET", help="ends in .safetensors, .pt or .pth")
    average = actions.add_parser("average", help="write the average of two networks' weights")
    average.add_argument("first", metavar="FIRST")
    average.add_argument("second", metavar="SECOND", help="trained on from the first, or with it")
    average.add_argument("target", metavar="TARGET", help="ends in .safetensors")
    average.add_argument(
        "--share", type=float, default=0.5, help="of the second, 0 to 1 (default: %(default)s)"
    )
    calibrate = actions.add_parser("calibrate", help="make the labels' probabilities honest")
    calibrate.add_argument("source", metavar="SOURCE")
    calibrate.add_argument("target", metavar="TARGET", help="ends in .safetensors")
    calibrate.add_argument("--data", required=True, metavar="KIND:PATH", help="nyuv2:DIR:train")
    calibrate.add_argument("--max-images", type=int, metavar="N", help="N of them, evenly spread")
    for action in (convert, average, calibrate):
        action.add_argument("--half", action="store_true", help="in half precision")


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output",
        default="training",
        metavar="DIR",
        help="the run's folder; the same command goes on where it stopped (training)",
    )
    parser.add_argument(
        "--cache",
        default="training/worlds",
        metavar="DIR",
        help="drawn worlds, 20 MB each (training/worlds)",
    )
    parser.add_argument(
        "--nyuv2", metavar="DIR", help="NYU Depth v2 in any known layout; its train part is used"
    )
    parser.add_argument(
        "--start-from", metavar="FILE", help="weights to begin with, in place of random numbers"
    )
    parser.add_argument(
        "--live", action="store_true", help="draw worlds while training, with random looks (GPUs)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--no-recording", action="store_true", help="write no rerun recording")
    _add_config_options(parser)
    _add_loudness(parser)
