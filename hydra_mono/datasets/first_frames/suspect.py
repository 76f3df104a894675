"""The one suspect that the first frames name: poses, calibration, unit of depth, or up."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.gate.checks import is_measured
from hydra_mono.datasets.first_frames.agreement import Evidence, evidence, read_camera
from hydra_mono.datasets.first_frames.pairs import FirstFrames
from hydra_mono.datasets.first_frames.readings import (
    AS_TOLD,
    Reading,
    convention_readings,
    depth_readings,
    intrinsics_readings,
)
from hydra_mono.datasets.up import Direction, UpEvidence, up_evidence

Suspect = Literal["none", "unknown", "pose convention", "intrinsics", "depth scale", "up"]


@dataclass(frozen=True, slots=True)
class JudgeRule:
    """How much better another reading must be; measured on TUM fr1 and simulated buildings.

    With everything right, the best other reading was never better by more than 0.01; with one
    number wrong, the right reading was better by 0.07 (depth five times too deep, 3 cm of
    parallax) to 0.6 (inverted poses).
    """

    better: float = 0.05  # mean of the pairs' agreement on surfaces
    worse: float = 0.05  # that all pairs but one may be at most, if another reading is right
    better_colors: float = 0.12  # the same of correlations, which say less
    worse_colors: float = 0.3
    prior: float = 0.05  # on mistakes that everybody makes, where others agree nearly as well
    least: float = 0.15  # agreement below which pairs show nothing in common
    pairs: int = 3  # at least, to say anything
    nearest_m: float = 0.12  # median depth; cameras do not measure nearer
    farthest_m: float = 40.0  # median depth; there is no such room
    usual_m: tuple[float, float] = (0.3, 10.0)  # median depth of rooms and halls
    centre_off: float = 0.2  # of the image's width and height, which no lens is mounted off
    levels: int = 256  # of 8 bits
    up_rad: float = math.radians(12.0)  # estimates are right to 3°
    up_support: float = 0.1  # share of surfaces that an estimate must explain more
    up_side_rad: float = math.radians(60.0)  # that cameras are not held askew


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is suspected, in one line with the setting that mends it; all is fine for ``none``."""

    suspect: Suspect
    line: str
    convention: str | None = None

    @property
    def is_alarm(self) -> bool:
        return self.suspect not in ("none", "unknown")


def judge(first: FirstFrames, told_up: Direction | None, rule: JudgeRule | None = None) -> Verdict:
    """Compares what the source says with other readings of it, and with its own surfaces.

    ``told_up`` is up in the source's world as promised or told; None where it is estimated.
    """
    rule = rule or JudgeRule()
    if not first.frames:
        return Verdict("unknown", "cannot tell: none of the first frames can be used")
    camera = first.frames[0].intrinsics
    size = _calibrated_size(camera, rule)
    if size is not None:
        return _intrinsics_verdict(camera, size)
    told = evidence(first.pairs, AS_TOLD)
    best = _best_reading(first, told, rule)
    scale = _scale_by_size(first, best, rule)
    if scale is not None:
        return scale
    if best is not None:
        return _verdict(best, first)
    up = None if told_up is None else _up_verdict(first.frames, told_up, rule)
    return up or _no_suspect(first, told, rule)


def _calibrated_size(camera: Intrinsics, rule: JudgeRule) -> Reading | None:
    """The factor between the image and the one that was calibrated, by the principal point."""
    off_x = (camera.cx + 0.5) / camera.width - 0.5
    off_y = (camera.cy + 0.5) / camera.height - 0.5
    if abs(off_x) < rule.centre_off or abs(off_y) < rule.centre_off or off_x * off_y < 0:
        return None
    factor = camera.width / (2 * camera.cx + 1) if camera.cx > 0 else 1.0
    return Reading("intrinsics", focal_x=factor, focal_y=factor, centre=factor)


def _best_reading(first: FirstFrames, told: Evidence, rule: JudgeRule) -> Reading | None:
    """The reading that pairs agree on clearly better than on what is told."""
    has_depth = all(a.depth_m is not None and b.depth_m is not None for a, b in first.pairs)
    readings: list[Reading] = [*convention_readings(), *intrinsics_readings()]
    readings += list(depth_readings()) if has_depth else []
    found = [(evidence(first.pairs, reading), reading) for reading in readings]
    clear = [pair for pair in found if _is_better(pair[0], told, has_depth, rule)]
    if not clear:
        return None
    return max(clear, key=lambda pair: pair[0].mean + rule.prior * pair[1].is_common)[1]


def _is_better(other: Evidence, told: Evidence, has_depth: bool, rule: JudgeRule) -> bool:
    """Whether pairs agree clearly better, all but one of them; one may show too little."""
    in_common = np.maximum(other.of_pairs, told.of_pairs) >= rule.least
    if in_common.sum() < rule.pairs:
        return False
    gain = np.sort((other.of_pairs - told.of_pairs)[in_common])
    better = rule.better if has_depth else rule.better_colors
    worse = rule.worse if has_depth else rule.worse_colors
    return bool(gain.mean() >= better and gain[1] >= -worse)


def _scale_by_size(first: FirstFrames, best: Reading | None, rule: JudgeRule) -> Verdict | None:
    """The unit of depth, where the scene's size alone shows that it is wrong."""
    median_m = _median_depth_m(first.frames)
    if median_m == 0 or rule.nearest_m <= median_m <= rule.farthest_m:
        return None
    least_m, most_m = rule.usual_m
    factors = [each.depth for each in depth_readings()]
    usual = [factor for factor in factors if least_m <= median_m * factor <= most_m]
    if best is not None and best.kind == "depth scale":
        usual = [best.depth]
    agreeing = {f: evidence(first.pairs, Reading("depth scale", depth=f)).mean for f in usual}
    tried = max(usual, key=lambda f: round(agreeing[f], 2)) if usual else 2.0 / median_m
    return _depth_verdict(tried, first, rule)


def _median_depth_m(frames: Iterable[Frame]) -> float:
    samples = [frame.depth_m[::16, ::16] for frame in frames if frame.depth_m is not None]
    values = np.concatenate([sample[is_measured(sample)] for sample in samples] or [np.zeros(0)])
    return float(np.median(values)) if len(values) else 0.0


def _verdict(best: Reading, first: FirstFrames) -> Verdict:
    if best.kind == "intrinsics":
        return _intrinsics_verdict(first.frames[0].intrinsics, best)
    if best.kind == "depth scale":
        return _depth_verdict(best.depth, first, JudgeRule())
    line = f"the frames agree with one another when their poses are read as {best.convention}: "
    return Verdict(
        "pose convention", line + f"--pose-convention {best.convention}", best.convention
    )


def _intrinsics_verdict(camera: Intrinsics, best: Reading) -> Verdict:
    mended = read_camera(camera, best)
    numbers = ",".join(f"{n:.1f}" for n in (mended.fx, mended.fy, mended.cx, mended.cy))
    told = f"fx {camera.fx:.1f} fy {camera.fy:.1f} cx {camera.cx:.1f} cy {camera.cy:.1f}"
    image = f"{camera.width}×{camera.height}"
    if best.centre != 1.0:
        other = f"{camera.width / best.centre:.0f}×{camera.height / best.centre:.0f}"
        cause = f"{told} is a calibration of {other} images, these are {image}"
    elif best.focal_x != best.focal_y:
        cause = f"{told} does not fit the shape of {image} images; fx and fy differ there"
    else:
        cause = f"{told} does not fit these {image} images"
    return Verdict("intrinsics", f"{cause}: --set data.intrinsics=[{numbers}]")


def _depth_verdict(factor: float, first: FirstFrames, rule: JudgeRule) -> Verdict:
    median_m = _median_depth_m(first.frames)
    depth = first.frames[0].depth_m
    levels = 0 if depth is None else len(np.unique(depth[is_measured(depth)]))
    bits = f", in {levels} steps as of 8 bits" if 0 < levels <= rule.levels else ""
    cause = f"depth is {median_m:.3g} m in the median{bits}, and in another unit than it is read"
    return Verdict("depth scale", f"{cause}: --depth-scale {factor:.4g}")


def _up_verdict(frames: tuple[Frame, ...], told_up: Direction, rule: JudgeRule) -> Verdict | None:
    found: UpEvidence | None = up_evidence(frames, told_up)
    if found is None or found.angle_rad < rule.up_rad:
        return None
    is_clear = found.support - found.told_support >= rule.up_support
    if not is_clear and found.angle_rad < rule.up_side_rad:
        return None
    x, y, z = (round(value, 2) + 0.0 for value in found.up)
    angle = f"{math.degrees(found.angle_rad):.0f}°"
    line = f"floors and walls say that up is {angle} from what is promised: --up={x},{y},{z}"
    return Verdict("up", line)


def _no_suspect(first: FirstFrames, told: Evidence, rule: JudgeRule) -> Verdict:
    in_common = int((told.of_pairs >= rule.least).sum())
    has_depth = all(a.depth_m is not None for a, _ in first.pairs)
    if in_common >= rule.pairs and has_depth:
        return Verdict("none", f"agree with one another on {told.mean:.0%} of their points")
    if in_common >= rule.pairs:
        return Verdict(
            "none", "go with the poses; without depth, calibration and up are not judged"
        )
    if not len(told.of_pairs):
        return Verdict("unknown", "cannot tell: there are too few frames to compare")
    return Verdict(
        "unknown",
        "cannot tell: the frames show nothing in common (too far apart, or more than one of "
        "poses, stamps, calibration and depth is wrong)",
    )
