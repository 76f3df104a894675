"""What a sequence holds, from a few frames spread over it."""

import numpy as np

from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame
from hydra_mono.core.gate.checks import is_measured
from hydra_mono.core.source import Source


def summarise(source: Source, *, samples: int = 12) -> list[tuple[str, str]]:
    """Rows of a table: name and value."""
    frames, faults = _sampled(source, samples)
    rows = [("sequence", source.name), ("frames", str(len(source)))]
    rows += [("labels", f"{source.label_space.name} ({len(source.label_space.labels)} classes)")]
    rows += list(getattr(source, "details", ()))
    if frames:
        rows += _frame_rows(source, frames)
    if faults:
        rows.append(("unusable samples", f"{len(faults)} of {len(faults) + len(frames)}"))
        rows.append(("for example", str(faults[0])))
    return rows


def _sampled(source: Source, samples: int) -> tuple[list[Frame], list[BadFrameError]]:
    frames: list[Frame] = []
    faults: list[BadFrameError] = []
    for index in sorted(set(np.linspace(0, len(source) - 1, samples).astype(int).tolist())):
        try:
            frames.append(source[index])
        except BadFrameError as error:
            faults.append(error)
    return frames, faults


def _frame_rows(source: Source, frames: list[Frame]) -> list[tuple[str, str]]:
    camera = frames[0].intrinsics
    focal = f"fx {camera.fx:.1f} fy {camera.fy:.1f} cx {camera.cx:.1f} cy {camera.cy:.1f}"
    rows = [("image", f"{camera.width}×{camera.height}, {focal}"), *_time_rows(source, frames)]
    depths = [
        frame.depth_m[is_measured(frame.depth_m)] for frame in frames if frame.depth_m is not None
    ]
    values = np.concatenate(depths) if depths else np.zeros(0)
    if len(values):
        low, middle, high = np.percentile(values, [1, 50, 99])
        share = len(values) / sum(frame.rgb[..., 0].size for frame in frames)
        rows.append(("depth, 1 % / median / 99 %", f"{low:.2f} / {middle:.2f} / {high:.2f} m"))
        rows.append(("pixels with depth", f"{share:.0%}"))
    else:
        rows.append(("depth", "none"))
    return rows


def _time_rows(source: Source, frames: list[Frame]) -> list[tuple[str, str]]:
    first, last = frames[0], frames[-1]
    span_s = (last.stamp_ns - first.stamp_ns) / 1e9
    positions = np.array([frame.camera_position_m for frame in frames])
    width, depth, height = np.ptp(positions, axis=0)
    rows = [("camera moved over", f"{width:.1f} × {depth:.1f} × {height:.1f} m")]
    if span_s > 0:
        rate = (last.index - first.index) / span_s
        rows.insert(0, ("duration", f"{span_s:.1f} s, {rate:.1f} frames a second"))
    return rows
