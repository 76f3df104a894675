"""Scores the shipped network on what it never saw and writes the tables of its model card.

    python benchmarks/model_card.py --nyuv2 DIR [--weights FILE] [--output DIR]

Writes ``figures.json``, ``tables.md`` and ``failures_*.png``: the images whose depth is worst,
each with its truth beside the prediction.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from hydra_mono.core.labels import load_label_space
from hydra_mono.perception.networks.input_spec import InputSpec
from hydra_mono.perception.networks.interface import MultiTaskNetwork
from hydra_mono.perception.predictors.create import shipped_weights
from hydra_mono.perception.weights_io.checkpoint import load_network
from hydra_mono.training.evaluate import (
    Estimates,
    PerceptionScores,
    estimate,
    evaluate_network,
    spread,
)
from hydra_mono.training.readers.open_samples import open_samples
from hydra_mono.training.samples import Sample, SampleSource

WORST = 5  # pictures of each source
LOOKED_AT = 60  # images of each source among which the worst are sought
FARTHEST_M = 6.0
ROWS = (
    ("depth RMSE, m", "depth", "rmse_m"),
    ("depth absRel", "depth", "abs_rel"),
    ("depth δ1", "depth", "delta_1"),
    ("depth δ2", "depth", "delta_2"),
    ("depth δ3", "depth", "delta_3"),
    ("mIoU, classes of the truth", "semantics", "miou"),
    ("mIoU, all 40 classes", "semantics", "miou_40"),
    ("pixel accuracy", "semantics", "pixel_accuracy"),
    ("normals, mean error, °", "normals", "mean_deg"),
    ("normals, median error, °", "normals", "median_deg"),
    ("normals within 11.25°", "normals", "within_11_25"),
    ("normals within 22.5°", "normals", "within_22_5"),
    ("normals within 30°", "normals", "within_30"),
    ("boundaries, odsF", "boundaries", "ods_f"),
)


def main() -> None:
    options = parse()
    network = load_network(Path(options.weights) if options.weights else shipped_weights())
    feed = network.config.input_spec()
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    sources = {"simulated": open_samples(f"simulated:{options.simulated}")}
    if options.nyuv2:
        sources["nyuv2"] = open_samples(f"nyuv2:{options.nyuv2}:validation")
    scores = {
        name: evaluate_network(network, source, feed, thresholds=options.thresholds)
        for name, source in sources.items()
    }
    for name, source in sources.items():
        save_failures(network, feed, source, folder / f"failures_{name}.png")
    figures = {name: found.as_dict() for name, found in scores.items()}
    (folder / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    text = table(scores)
    (folder / "tables.md").write_text(text, encoding="utf-8")
    print(text)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", metavar="FILE", help="the shipped ones where left out")
    parser.add_argument("--simulated", default="3000-3011", help="seeds of test worlds")
    parser.add_argument("--nyuv2", metavar="DIR", help="its validation part is used")
    parser.add_argument("--thresholds", type=int, default=33, help="of the boundary score")
    parser.add_argument("--output", default="results/model_card", metavar="DIR")
    return parser.parse_args()


def table(scores: dict[str, PerceptionScores]) -> str:
    """A markdown table, a column a source."""
    values = {name: found.as_dict() for name, found in scores.items()}
    lines = [
        "| | " + " | ".join(f"{s.source} ({s.images} images)" for s in scores.values()) + " |",
        "|---|" + "---|" * len(scores),
    ]
    for title, task, key in ROWS:
        cells = [f"{v[task][key]:.3f}" if v[task] else "–" for v in values.values()]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def save_failures(
    network: MultiTaskNetwork, feed: InputSpec, source: SampleSource, path: Path
) -> None:
    """Pictures of the images with the largest depth error among some."""
    found = []
    for index in spread(len(source), LOOKED_AT):
        sample = source[index]
        said = estimate(network, feed, sample.rgb, sample.intrinsics)
        valid = sample.depth_m > 0
        error = np.abs(said.depth_m - sample.depth_m)[valid].mean() if valid.any() else 0.0
        found.append((float(error), index, sample, said))
    found.sort(key=lambda item: -item[0])
    rows = [picture(sample, said) for _, _, sample, said in found[:WORST]]
    Image.fromarray(np.concatenate(rows)).save(path)


def picture(sample: Sample, said: Estimates) -> np.ndarray:
    """Image; depth, labels and normals, each predicted and true; predicted edges."""
    palette = load_label_space("nyu40").palette
    tiles = [
        sample.rgb,
        grey(said.depth_m / FARTHEST_M),
        grey(sample.depth_m / FARTHEST_M),
        palette[said.labels],
        palette[sample.labels],
        colored(said.normals),
        colored(sample.normals),
        grey(said.edges),
    ]
    return np.concatenate([small(tile) for tile in tiles], axis=1)


def small(tile: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(tile).resize((192, 144)))


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat((np.clip(values, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def colored(normals: np.ndarray) -> np.ndarray:
    return ((normals + 1) * 127.5).astype(np.uint8)


if __name__ == "__main__":
    main()
