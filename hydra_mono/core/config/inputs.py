"""Settings of what goes in: the sequence and the simulated building."""

from typing import Literal

from pydantic import Field

from hydra_mono.core.config.section import Section


class DataConfig(Section):
    """Which frames are used, and what makes a frame unusable."""

    root: str = "data"  # folder of named sequences; the HYDRA_MONO_DATA variable overrides it
    start: int = Field(default=0, ge=0)  # first frame
    stride: int = Field(default=1, ge=1)  # use every stride-th frame
    max_frames: int | None = Field(default=None, ge=1)  # stop after so many
    max_jump: float = Field(default=1.0, gt=0)  # m between consecutive frames; more is a lost pose
    max_turn: float = Field(default=90.0, gt=0)  # degrees between consecutive frames
    max_gap: float = Field(default=10.0, gt=0)  # s between consecutive frames
    max_lost: int = Field(
        default=10, ge=1
    )  # after so many rejected in a row the new pose is believed
    min_valid_depth: float = Field(default=0.01, ge=0, le=1)  # share of pixels with a measurement
    up: tuple[float, float, float] | None = None  # up in the source's world; None: find out


class SimulationConfig(Section):
    """The embedded default: a procedural building and a camera that walks through it."""

    rooms: int | None = Field(
        default=None, ge=2, le=100
    )  # a storey; None: 6 in the apartment, else 5 to 8
    storeys: int = Field(default=1, ge=1, le=4)  # joined by a stairwell, which is a room more each
    plan: Literal["closed", "mixed", "open"] = "mixed"  # doors only, one wide opening, or many
    people: int = Field(default=0, ge=0)  # who walk about
    moved: int = Field(default=0, ge=0)  # things carried away or brought halfway
    noise: Literal["kinect", "none"] = "kinect"  # of depth; labels and poses are always exact
    width: int = Field(default=640, ge=16)  # pixels
    height: int = Field(default=480, ge=16)  # pixels
    fps: float = Field(default=10.0, gt=0)  # frames per second
    frames: int | None = Field(default=None, ge=1)  # None: until every room has been seen
    speed: float = Field(default=0.7, gt=0)  # m/s
    cache: str | None = None  # folder for rendered frames; None: render each time
