"""One camera in a real room against the depth sensor that went along: the table of one sequence.

    python benchmarks/real.py SEQUENCE [--weights FILE] [--max-frames N] [--stride N]
    python benchmarks/real.py SEQUENCE --without metric     # rows without some mechanisms

Any sequence with depth that ``hydra-mono run`` opens. The network sees colour, poses and
intrinsics; a second map is fused from the sensor's depth, and the first is measured against it.
Prints the table and writes it as JSON:

- δ1 (share of pixels within a factor of 1.25) and scale of depth as the network predicts it;
- scale and δ1 of depth as it is fused, after refinement, over the pixels that are fused;
- distance of the map's surface to the sensor's, where the sensor measured anything.
"""

import argparse
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from scipy.spatial import cKDTree

from hydra_mono.cli.progress import print_table
from hydra_mono.cli.sources import open_source
from hydra_mono.core.config import load_config
from hydra_mono.core.frame import Frame
from hydra_mono.core.geometry import inverse
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.core.prediction import Prediction
from hydra_mono.core.source import WHAT_THERE_IS, narrow, stream
from hydra_mono.datasets.given import given_by_flags
from hydra_mono.evaluation.surface import face_areas_m2, sample_surface
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.perception.metrics.dense import DepthErrors
from hydra_mono.perception.predictors.create import SensorPredictor, create_predictor
from hydra_mono.pipeline import Mapper
from hydra_mono.viz import StubViewer

NEAR_M = (0.05, 0.1)  # shares of the surface within
EVERY_FRAME = 5  # one frame in so many says where the sensor measured
MARGIN_PX = 2  # from the image's border, where depth is cut off
PER_M2 = 1000  # samples of surface: one every 3 cm


@dataclass
class Errors:
    """Depth against the sensor's, frame by frame and pooled."""

    pooled: DepthErrors = field(default_factory=DepthErrors)
    ratios: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    def add(self, depth_m: Float32[np.ndarray, "h w"], frame: Frame) -> None:
        assert frame.depth_m is not None
        measured = frame.depth_m > 0
        both = measured & (depth_m > 0)
        self.shares.append(float(both.sum() / max(measured.sum(), 1)))
        if both.any():
            self.pooled.add(depth_m, frame.depth_m, both)
            self.ratios.append(float(np.median(depth_m[both] / frame.depth_m[both])))

    def row(self) -> dict[str, float]:
        scores = self.pooled.scores()
        if scores is None:
            return {}
        return {
            "delta_1": scores.delta_1,
            "abs_rel": scores.abs_rel,
            "scale": float(np.median(self.ratios)),
            "scale_p10": float(np.percentile(self.ratios, 10)),
            "scale_p90": float(np.percentile(self.ratios, 90)),
            "share_of_pixels": float(np.mean(self.shares)),
        }


class Watch(StubViewer):
    """Compares what is fused, which a mapper shows its viewer, with the sensor's depth."""

    def __init__(self) -> None:
        self.errors = Errors()

    def log_frame(self, frame: Frame, prediction: Prediction) -> None:
        self.errors.add(prediction.depth_m, frame)


def main() -> None:
    options = parse()
    config = load_config(None, tuple(options.set), {})
    given = given_by_flags(options.poses, options.intrinsics)
    source = open_source(options.sequence, options.reader, config, given)
    narrow(source, WHAT_THERE_IS)
    predictor = create_predictor(
        config.predictor.model_copy(update={"name": "m2h", "weights": options.weights}),
        source.label_space,
    )
    rule = replace(MonocularRule(), **dict.fromkeys(options.without, False))
    watch, predicted, seen = Watch(), Errors(), []
    told = Told(predictor.label_space)
    estimated = Mapper(config, told, watch, rule)
    measured = Mapper(config, SensorPredictor(source.label_space))
    frames = stream(source, stride=options.stride, max_frames=options.max_frames)
    for item in frames:
        if not isinstance(item, Frame) or item.depth_m is None or not (item.depth_m > 0).any():
            continue
        prediction = predictor(item)
        predicted.add(prediction.depth_m, item)
        told.prediction = prediction
        estimated.step(item)
        measured.step(item)
        if len(predicted.ratios) % EVERY_FRAME == 1:
            seen.append(item)
    estimated.finish()
    measured.finish()
    result = {
        "sequence": source.name,
        "frames": len(predicted.ratios),
        "predicted": predicted.row(),
        "fused": watch.errors.row(),
        "mesh": compare_meshes(estimated.mesh.whole_mesh(), measured.mesh.whole_mesh(), seen),
        "metric_scale": estimated.scale_figures(),
        "frame_ms": frame_ms(estimated),
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print_result(result)
    print(f"\n{options.output}")


class Told:
    """A predictor that says what it was told; the network runs outside of the mapper."""

    def __init__(self, label_space: LabelSpace) -> None:
        self.label_space = label_space
        self.prediction: Prediction | None = None

    def __call__(self, frame: Frame) -> Prediction:
        assert self.prediction is not None
        return self.prediction


def frame_ms(mapper: Mapper) -> dict[str, float]:
    """Means by stage; the prediction, made outside, is not in them."""
    stages = {name: float(np.sum(ms)) for name, ms in mapper.clock.stage_ms.items()}
    count = max(len(mapper.clock.frame_ms), 1)
    return {"all": float(np.mean(mapper.clock.frame_ms))} | {
        name: total / count for name, total in stages.items() if name in ("refine", "integrate")
    }


def compare_meshes(
    mesh: SemanticMesh, truth: SemanticMesh, frames: list[Frame]
) -> dict[str, float]:
    """Distances from the map to the sensor's map, and back (what is missing)."""
    ours, theirs = (surface_points(m) for m in (mesh, truth))
    if not len(ours) or not len(theirs):
        return {}
    ours = ours[in_measured_view(ours, frames)]
    there, _ = cKDTree(theirs).query(ours)
    back, _ = cKDTree(ours).query(theirs)
    found = {"mean_m": float(there.mean()), "median_m": float(np.median(there))}
    for limit in NEAR_M:
        found[f"within_{limit:g}_m"] = float((there <= limit).mean())
        found[f"complete_{limit:g}_m"] = float((back <= limit).mean())
    return found


def surface_points(mesh: SemanticMesh) -> np.ndarray:
    """Points spread evenly over the surface, without what is known to be an artifact."""
    if not len(mesh.faces):
        return np.zeros((0, 3))
    faces = mesh.faces[~mesh.occlusion_artifacts[mesh.faces].any(axis=1)]
    if not len(faces):
        return np.zeros((0, 3))
    area_m2 = float(face_areas_m2(mesh.vertices_m, faces).sum())
    samples = sample_surface(mesh.vertices_m, faces, round(PER_M2 * area_m2))
    return np.asarray(samples.points_m, np.float64)


def in_measured_view(points_m: np.ndarray, frames: list[Frame]) -> Bool[np.ndarray, " n"]:
    """Which points some frame shows at a pixel where its sensor measured depth."""
    found = np.zeros(len(points_m), bool)
    for frame in frames:
        assert frame.depth_m is not None
        camera, pose = frame.intrinsics, inverse(frame.world_from_camera)
        x, y, z = (points_m @ pose[:3, :3].T + pose[:3, 3]).T
        safe = np.maximum(z, 1e-3)
        u = np.rint(camera.fx * x / safe + camera.cx).astype(np.int64)
        v = np.rint(camera.fy * y / safe + camera.cy).astype(np.int64)
        inside = (z > 0) & (u >= MARGIN_PX) & (u < camera.width - MARGIN_PX)
        inside &= (v >= MARGIN_PX) & (v < camera.height - MARGIN_PX)
        found[inside] |= frame.depth_m[v[inside], u[inside]] > 0
    return found


def print_result(result: dict[str, Any]) -> None:
    predicted, fused, mesh = (result[key] for key in ("predicted", "fused", "mesh"))

    def value(row: dict[str, float], key: str, form: str = ".3f") -> str:
        return format(row[key], form) if key in row else "-"

    def spread(row: dict[str, float]) -> str:
        return f"{value(row, 'scale')} ({value(row, 'scale_p10')} to {value(row, 'scale_p90')})"

    rows = [
        ("δ1 as predicted", value(predicted, "delta_1")),
        ("scale as predicted, 10 to 90 %", spread(predicted)),
        ("scale error of the map", f"{abs(fused.get('scale', np.nan) - 1):.1%}"),
        ("scale of fused depth, 10 to 90 %", spread(fused)),
        ("δ1 of fused depth", value(fused, "delta_1")),
        ("measured pixels that are fused", value(fused, "share_of_pixels")),
        ("mesh to the sensor's mesh, mean, m", value(mesh, "mean_m")),
        ("mesh within 5 cm", value(mesh, "within_0.05_m")),
        ("sensor's mesh within 5 cm of it", value(mesh, "complete_0.05_m")),
        ("scale by motion", str(result["metric_scale"])),
        ("ms a frame without prediction", value(result["frame_ms"], "all", ".1f")),
    ]
    print_table(rows, header=(f"{result['sequence']}, {result['frames']} frames", ""))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sequence", metavar="SEQUENCE", help="anything with depth")
    parser.add_argument("--weights", metavar="FILE", help="the shipped ones where left out")
    parser.add_argument("--max-frames", type=int, metavar="N")
    parser.add_argument("--stride", type=int, default=1, metavar="N")
    parser.add_argument("--reader", metavar="NAME")
    parser.add_argument("--poses", metavar="FILE")
    parser.add_argument("--intrinsics", metavar="NUMBERS|FILE")
    parser.add_argument(
        "--without", nargs="*", default=[], metavar="SWITCH", help="of MonocularRule: metric, …"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--output", type=Path, default=Path("results/benchmark-real.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
