"""``hydra-mono evaluate-perception``: scores a network on images with truth."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from hydra_mono.cli.progress import Row, print_table
from hydra_mono.core.errors import ConfigError

if TYPE_CHECKING:
    from hydra_mono.training.evaluate import PerceptionScores

UNITS = {"_m": " m", "_deg": "°"}  # by the end of a score's name


def evaluate_perception(options: argparse.Namespace) -> int:
    """Prints a network's scores on samples."""
    from hydra_mono.perception.predictors.create import shipped_weights
    from hydra_mono.perception.weights_io.checkpoint import load_network
    from hydra_mono.training.data_sets import data_set
    from hydra_mono.training.evaluate import evaluate_network
    from hydra_mono.training.readers.open_samples import open_samples

    if options.max_images is not None and options.max_images < 1:
        raise ConfigError(f"--max-images {options.max_images}: at least 1")
    if options.boundaries and options.boundaries < 2:
        raise ConfigError(f"--boundaries {options.boundaries}: at least 2 thresholds")
    network = load_network(Path(options.weights) if options.weights else shipped_weights())
    scores = evaluate_network(
        network,
        open_samples(options.data),
        network.config.input_spec(),
        thresholds=options.boundaries,
        max_images=options.max_images,
        progress=_bar,
        data_set=data_set(options.data),
    )
    if options.json:
        print(json.dumps(scores.as_dict(), indent=1))
    else:
        print_scores(scores, data_set(options.data).label_space)
    return 0


def calibrate(options: argparse.Namespace) -> None:
    """Fits the temperature of a network's labels to samples, and writes it beside its weights."""
    from hydra_mono.perception.weights_io.checkpoint import load_network, save_network
    from hydra_mono.training.calibrate import fit_temperature
    from hydra_mono.training.readers.open_samples import open_samples

    if not options.target.endswith(".safetensors"):
        raise ConfigError(f"{options.target}: end the name in .safetensors")
    network, samples = load_network(Path(options.source)), open_samples(options.data)
    images = options.max_images
    network.temperature = fit_temperature(network, samples, max_images=images, progress=_bar)
    notes = {"semantics.calibrated_on": samples.name}
    save_network(network, Path(options.target), half=options.half, notes=notes)
    print(f"temperature {network.temperature:.3f}")


def _bar(indices: Iterable[int]) -> Iterable[int]:
    return tqdm(
        indices, unit=" images", dynamic_ncols=True, leave=False, disable=not sys.stderr.isatty()
    )


def print_scores(scores: "PerceptionScores", label_space: str = "nyu40") -> None:
    """A table of all scores and one of IoU by class."""
    from hydra_mono.core.labels import load_label_space

    print_table(perception_rows(scores))
    if scores.semantics is not None:
        labels = load_label_space(label_space)
        by_class = scores.semantics.class_iou
        rows = [(labels.name_of(k), f"{iou:.3f}") for k, iou in by_class.items()]
        print_table(rows, header=("class", "IoU"))


def perception_rows(scores: "PerceptionScores") -> list[Row]:
    """One row a score, ``task.score``; IoU by class is a table of its own."""
    rows = [
        ("images", f"{scores.images} of {scores.source}"),
        ("ms per image", f"{1000 * scores.seconds_per_image:.1f}"),
    ]
    for task, figures in scores.as_dict().items():
        if isinstance(figures, dict):
            rows += [
                (f"{task}.{name}", f"{value:.3f}{_unit(name)}")
                for name, value in figures.items()
                if isinstance(value, float)
            ]
    return rows


def _unit(name: str) -> str:
    return next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
