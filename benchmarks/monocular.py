"""What each mechanism of monocular fusion is worth: an ablation on simulated apartments.

    python benchmarks/monocular.py --predictor m2h --weights FILE
    python benchmarks/monocular.py --seeds 2001 2002 --stride 2 --max-frames 400
    python benchmarks/monocular.py --only all none sweep          # rows of the table to make

Every variant maps the same frames with the same predictions: all mechanisms, none, and all but
one. ``degraded`` stands in for a network with truth that is made wrong. Prints a table of means
over the apartments and writes every figure to one JSON file. ``--cache`` keeps rendered frames.
"""

import argparse
import json
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from degraded import DegradedPredictor
from run_inputs import inputs_of

from hydra_mono.cli.progress import print_table
from hydra_mono.core.config import Config, load_config
from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.prediction import Prediction, Predictor
from hydra_mono.core.source import stream
from hydra_mono.evaluation.label_spaces import in_labels_of
from hydra_mono.evaluation.mesh import score_labels, score_mesh
from hydra_mono.evaluation.objects import score_objects
from hydra_mono.evaluation.rooms import score_rooms
from hydra_mono.evaluation.truth_view import view_truth
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.pipeline import Mapper
from hydra_mono.simulation.source import SimulatedSource, open_simulated

MECHANISMS = tuple(field.name for field in fields(MonocularRule) if field.default is True)
COLUMNS = {
    "mesh err": ("mesh", "mean_error_m"),
    "acc<10cm": ("mesh", "accuracy_10cm"),
    "compl<10cm": ("mesh", "completeness_10cm"),
    "mIoU": ("semantic_mesh", "miou"),
    "objects F1": ("objects", "f1"),
    "room P": ("rooms", "precision_covered"),
    "room R": ("rooms", "recall_covered"),
    "refine ms": ("refine_ms",),
}


class Given:
    """Hands out a prediction made before: variants share one network's predictions."""

    def __init__(self, label_space: LabelSpace) -> None:
        self.label_space = label_space
        self.prediction: Prediction | None = None

    def __call__(self, frame: Frame) -> Prediction:
        assert self.prediction is not None
        return self.prediction


def variants(rule: MonocularRule, only: list[str]) -> dict[str, MonocularRule | None]:
    """Rules by row of the table; None where estimated depth is fused like a sensor's."""
    rows: dict[str, MonocularRule | None] = {"all": rule, "none": None}
    rows |= {f"no {name}": replace(rule, **{name: False}) for name in MECHANISMS}
    if not only:
        return rows
    wanted = {name if name in rows else f"no {name}" for name in only}
    return {name: row for name, row in rows.items() if name in wanted}


def run_apartment(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Scores of every variant on one apartment."""
    base = settings(options)
    config = load_config(overrides=base)
    source = open_simulated(f"simulated/{seed}", config.simulation)
    predictor = make_predictor(options, source, config)
    given = Given(predictor.label_space)
    rules = variants(MonocularRule(), options.only)
    mappers = {name: make_mapper(config, given, rule) for name, rule in rules.items()}
    frames = stream(source, stride=options.stride, max_frames=options.max_frames)
    poses = []
    for number, frame in enumerate(frames):
        assert isinstance(frame, Frame)
        given.prediction = predictor(frame)
        for mapper in mappers.values():
            mapper.step(frame)
        poses.append((frame.stamp_ns, frame.world_from_camera))
        if number % 100 == 0:
            print(f"{seed}: frame {number}", file=sys.stderr, flush=True)
    for mapper in mappers.values():
        mapper.finish()
    return scores(mappers, source, Trajectory.of(*zip(*poses, strict=True)))


def make_mapper(config: Config, given: Given, rule: MonocularRule | None) -> Mapper:
    monocular = config.monocular.model_copy(update={"enabled": rule is not None})
    return Mapper(config.model_copy(update={"monocular": monocular}), given, monocular=rule)


def settings(options: argparse.Namespace) -> tuple[str, ...]:
    overrides = [f"simulation.width={options.width}", f"simulation.height={options.width * 3 // 4}"]
    if options.cache:
        overrides.append(f"simulation.cache={options.cache}")
    if options.predictor == "degraded":
        overrides.append("simulation.noise=none")
    return (*overrides, *options.set)


def make_predictor(
    options: argparse.Namespace, source: SimulatedSource, config: Config
) -> Predictor:
    if options.predictor == "degraded":
        return DegradedPredictor(source.label_space)
    changes = {"name": "m2h", "weights": options.weights}
    return create_predictor(config.predictor.model_copy(update=changes), source.label_space)


def scores(
    mappers: dict[str, Mapper],
    source: SimulatedSource,
    trajectory: Trajectory,
) -> dict[str, Any]:
    """Scores by variant; what the truth shows is worked out once for all."""
    results: dict[str, Any] = {}
    view = None
    for name, mapper in mappers.items():
        run = inputs_of(mapper, source, trajectory)
        truth = in_labels_of(run.label_space, source.truth())
        view = view or view_truth(truth, run)
        results[name] = {
            "mesh": asdict(score_mesh(run.mesh, view)),
            "semantic_mesh": asdict(score_labels(run, truth, view)),
            "objects": asdict(score_objects(run, truth, view)),
            "rooms": asdict(score_rooms(run, truth)),
            "refine_ms": float(np.median(mapper.clock.stage_ms["refine"])),
            "frame_ms": float(np.mean(mapper.clock.frame_ms)),
        }
    return results


def value_at(scored: dict[str, Any], path: tuple[str, ...]) -> float:
    value: Any = scored
    for key in path:
        value = value[key]
    return float("nan") if value is None else float(value)


def row(name: str, apartments: list[dict[str, Any]]) -> tuple[str, ...]:
    """Means over apartments."""
    means = [np.mean([value_at(a[name], path) for a in apartments]) for path in COLUMNS.values()]
    return name, *(f"{mean:.3f}" if mean < 2 else f"{mean:.1f}" for mean in means)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[2001, 2002, 2011])
    parser.add_argument("--predictor", choices=("degraded", "m2h"), default="degraded")
    parser.add_argument("--weights", help="the network's weights, for m2h")
    parser.add_argument("--only", nargs="+", default=[], help="rows to make")
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--max-frames", type=int)
    parser.add_argument("--width", type=int, default=640, help="pixels; 4:3")
    parser.add_argument("--cache", help="folder for rendered frames")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--output", type=Path, default=Path("results/benchmark-monocular.json"))
    options = parser.parse_args()
    results: dict[str, Any] = {}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        results[str(seed)] = run_apartment(seed, options)
        options.output.write_text(json.dumps(results, indent=1) + "\n")
    names = list(variants(options.only))
    rows = [row(name, list(results.values())) for name in names]
    print_table(rows, header=("variant", *COLUMNS))
    print(f"\n{options.output}")


if __name__ == "__main__":
    main()
