"""A network's depth against the depth that a sequence's own sensor measured.

    python benchmarks/depth_against_sensor.py SEQUENCE [--weights FILE] [--output DIR]

Prints the scale error (median over frames of the median ratio to the sensor), δ1 and absRel as
predicted and with every frame's scale mended, and writes ``figures.json`` and ``frames.png``:
image, predicted and measured depth, labels, normals and edges of a few frames.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.prediction import Prediction, Predictor
from hydra_mono.core.source import stream
from hydra_mono.datasets.registry import open_sequence
from hydra_mono.perception.metrics.dense import DepthErrors
from hydra_mono.perception.predictors.create import create_predictor

PICTURES = 5
FARTHEST_M = 5.0  # white in pictures of depth
HEIGHT_PX, WIDTH_PX = 144, 192  # of one tile


def main() -> None:
    options = parse()
    source = open_sequence(options.sequence, Path())
    config = PredictorConfig(name="m2h", weights=options.weights)
    predictor = create_predictor(config, source.label_space)
    raw, mended = DepthErrors(), DepthErrors()
    ratios, rows = [], []
    shown = {round(i) for i in np.linspace(0, len(source) - 1, PICTURES)}
    for item in stream(source, start=0, stride=1, max_frames=None):
        if not isinstance(item, Frame) or item.depth_m is None:
            continue
        said = predictor(item)
        valid = item.depth_m > 0
        if not valid.any():
            continue
        ratio = float(np.median(said.depth_m[valid] / item.depth_m[valid]))
        ratios.append(ratio)
        raw.add(said.depth_m, item.depth_m, valid)
        mended.add(said.depth_m / np.float32(ratio), item.depth_m, valid)
        if item.index in shown:
            rows.append(picture(item, said, predictor))
    figures = {
        "frames": len(ratios),
        "scale_median": float(np.median(ratios)),
        "scale_p10": float(np.percentile(ratios, 10)),
        "scale_p90": float(np.percentile(ratios, 90)),
        "as_predicted": scores(raw),
        "scale_mended": scores(mended),
    }
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    Image.fromarray(np.concatenate(rows)).save(folder / "frames.png")
    print(json.dumps(figures, indent=1))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sequence", metavar="SEQUENCE", help="a folder that a reader knows")
    parser.add_argument("--weights", metavar="FILE", help="the shipped ones where left out")
    parser.add_argument("--output", default="results/depth", metavar="DIR")
    return parser.parse_args()


def scores(errors: DepthErrors) -> dict[str, float]:
    found = errors.scores()
    if found is None:
        return {}
    return {"delta_1": found.delta_1, "abs_rel": found.abs_rel, "rmse_m": found.rmse_m}


def picture(frame: Frame, said: Prediction, predictor: Predictor) -> np.ndarray:
    assert frame.depth_m is not None and said.labels is not None
    assert said.normals is not None and said.edges is not None
    tiles = [
        frame.rgb,
        grey(said.depth_m / FARTHEST_M),
        grey(frame.depth_m / FARTHEST_M),
        predictor.label_space.palette[said.labels],
        ((said.normals + 1) * 127.5).astype(np.uint8),
        grey(said.edges),
    ]
    small = [np.asarray(Image.fromarray(tile).resize((WIDTH_PX, HEIGHT_PX))) for tile in tiles]
    return np.concatenate(small, axis=1)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat((np.clip(values, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


if __name__ == "__main__":
    main()
