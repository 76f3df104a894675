"""One who moves: walks, stands, sits, frame by frame, and ends where he is when time is up."""

import math

import numpy as np
from jaxtyping import Float64, Int64
from scipy import ndimage

from hydra_mono.simulation.body import Body
from hydra_mono.simulation.building.walkable import resampled
from hydra_mono.simulation.life.figures import STAND, Figure

TURN_FRAMES = 2.0  # deviation of the Gaussian that rounds off turns


class Performer:
    """Writes the diary of one figure; ``frame`` is the first that is not written yet."""

    def __init__(self, figure: Figure, frames: int, frame_s: float) -> None:
        self.figure, self.frame = figure, 0
        self._frame_s = frame_s
        self._positions_m = np.zeros((frames, 2))
        self._yaws_rad = np.zeros(frames)
        self._postures = np.full(frames, STAND, np.int64)
        self._gone_m = 0.0

    @property
    def is_done(self) -> bool:
        return self.frame >= len(self._yaws_rad)

    @property
    def positions_m(self) -> Float64[np.ndarray, "n 2"]:
        return self._positions_m

    @property
    def headings_rad(self) -> Float64[np.ndarray, " n"]:
        """Which direction he looks in, in every frame, turns rounded off."""
        return np.asarray(
            ndimage.gaussian_filter1d(np.unwrap(self._yaws_rad), TURN_FRAMES, mode="nearest")
        )

    def paced(
        self, path_m: Float64[np.ndarray, "k 2"], speed_m_s: float | None = None
    ) -> Float64[np.ndarray, "f 2"]:
        """Where he is, frame by frame, on a path at a speed (his own); its start left out."""
        return resampled(path_m, (speed_m_s or self.figure.speed_m_s) * self._frame_s)

    def walk(self, steps_m: Float64[np.ndarray, "f 2"], carries: bool = False) -> None:
        """Goes along positions, one a frame, looking where he goes."""
        for step in steps_m:
            if self.is_done:
                return
            before = self._positions_m[max(self.frame - 1, 0)]
            if np.hypot(*(step - before)) > 1e-6:
                heading = math.atan2(step[1] - before[1], step[0] - before[0])
            else:
                heading = self.heading_rad
            self._gone_m += float(np.hypot(*(step - before)))
            self._write(step, heading, self.figure.stride(self._gone_m, carries))

    def stand(self, spot_m: Float64[np.ndarray, "2"], frames: int, posture: int = STAND) -> None:
        """Stays where he is told to be."""
        for _ in range(frames):
            if not self.is_done:
                self._write(spot_m, self.heading_rad, posture)

    def face(self, heading_rad: float) -> None:
        """Looks in another direction from the last written frame on."""
        if self.frame:
            self._yaws_rad[self.frame - 1] = heading_rad

    @property
    def heading_rad(self) -> float:
        return float(self._yaws_rad[self.frame - 1]) if self.frame else 0.0

    def _write(self, spot_m: Float64[np.ndarray, "2"], heading_rad: float, posture: int) -> None:
        self._positions_m[self.frame] = spot_m
        self._yaws_rad[self.frame] = heading_rad
        self._postures[self.frame] = posture
        self.frame += 1

    def body(self, stamps_ns: Int64[np.ndarray, " n"], floor_m: float) -> Body:
        """The figure as it walks; fronts look along +y of an object's frame."""
        floor = np.full(len(stamps_ns), floor_m)
        return Body(
            obj=self.figure.postures[0],
            stamps_ns=stamps_ns,
            positions_m=np.column_stack([self._positions_m, floor]),
            yaws_rad=self.headings_rad - math.pi / 2,
            postures=self.figure.postures[1:],
            posture_at=self._postures,
            kind=self.figure.kind,
        )
