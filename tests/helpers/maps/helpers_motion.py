"""A bare room seen by a fixed camera, with boxes that move through it; all in closed form."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import Label, LabelSpace
from hydra_mono.core.prediction import Prediction

CAMERA = Intrinsics(130.0, 130.0, 79.5, 59.5, 160, 120)
# x right, y away, z up; the camera stands 1.2 m high and looks along y
LOOKING_ALONG_Y = np.array(
    [[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 1.2], [0, 0, 0, 1.0]], np.float64
)
WALL_M = 4.0
PERSON = 7
LABELS = LabelSpace(
    "room",
    (Label(1, "wall", (200, 200, 200), "structure"), Label(PERSON, "person", (255, 0, 0), "agent")),
)


def seen(
    stamp_ns: int,
    bodies: Sequence[tuple[float, float, tuple[int, int, int]]],
    *,
    noise_m: float = 0.0,
) -> tuple[Frame, Prediction, Bool[np.ndarray, "h w"]]:
    """The frame, its depth, and the pixels that show bodies.

    ``bodies``: x, distance y and colour of fronts 0.5 m wide that reach from the floor to 1.7 m.
    """
    v, u = np.indices((CAMERA.height, CAMERA.width))
    x, z = (u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy
    with np.errstate(divide="ignore"):
        floor = np.where(z > 0, 1.2 / z, np.inf)
    depth = np.minimum(WALL_M, floor)
    rgb = np.full((*depth.shape, 3), 128, np.uint8)
    moving = np.zeros(depth.shape, bool)
    for middle, away, color in sorted(bodies, key=lambda body: -body[1]):
        hit = (np.abs(x * away - middle) < 0.25) & (z * away < 1.2) & (z * away > -0.5)
        depth, moving = np.where(hit, away, depth), moving | hit
        rgb[hit] = color
    rng = np.random.default_rng(stamp_ns % 2**31)
    noisy = (depth + noise_m * rng.standard_normal(depth.shape)).astype(np.float32)
    return (
        Frame(0, f"{stamp_ns}", stamp_ns, LOOKING_ALONG_Y, CAMERA, rgb),
        _prediction(noisy),
        moving,
    )


def _prediction(depth_m: Float32[np.ndarray, "h w"]) -> Prediction:
    return Prediction(depth_m=depth_m)
