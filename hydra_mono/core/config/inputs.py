"""Settings of what goes in: the sequence and the simulated building."""

from typing import Literal

from pydantic import Field

from hydra_mono.core.config.section import Section


class DataConfig(Section):
    """Which frames are used, and what makes a frame unusable."""

    root: str = Field(
        default="data",
        description="folder of named sequences; the HYDRA_MONO_DATA variable overrides it",
    )
    start: int = Field(default=0, ge=0, description="first frame")
    stride: int = Field(default=1, ge=1, description="use every stride-th frame")
    max_frames: int | None = Field(default=None, ge=1, description="stop after so many")
    max_jump: float = Field(
        default=1.0, gt=0, description="m between consecutive frames; more is a lost pose"
    )
    max_turn: float = Field(default=90.0, gt=0, description="degrees between consecutive frames")
    max_gap: float = Field(default=10.0, gt=0, description="s between consecutive frames")
    max_lost: int = Field(
        default=10, ge=1, description="after so many rejected in a row the new pose is believed"
    )
    min_valid_depth: float = Field(
        default=0.01, ge=0, le=1, description="share of pixels with a measurement"
    )
    up: tuple[float, float, float] | None = Field(
        default=None, description="up in the source's world; None: find out"
    )


class SimulationConfig(Section):
    """The embedded default: a procedural building and a camera that walks through it."""

    rooms: int | None = Field(
        default=None, ge=2, le=100, description="a storey; None: 6 in the apartment, else 5 to 8"
    )
    storeys: int = Field(
        default=1, ge=1, le=4, description="joined by a stairwell, which is a room more each"
    )
    plan: Literal["closed", "mixed", "open", "odd"] = Field(
        default="mixed",
        description="doors only, one wide opening, or many; odd: shapes and measures that differ",
    )
    turn: float | None = Field(
        default=None,
        ge=-360,
        le=360,
        description="degrees the building is turned about z; None: as the world's name says",
    )
    people: int = Field(default=0, ge=0, description="who walk about")
    moved: int = Field(default=0, ge=0, description="things carried away or brought halfway")
    noise: Literal["kinect", "none"] = Field(
        default="kinect", description="of depth; labels and poses are always exact"
    )
    width: int = Field(default=640, ge=16, description="pixels")
    height: int = Field(default=480, ge=16, description="pixels")
    fps: float = Field(default=10.0, gt=0, description="frames per second")
    frames: int | None = Field(
        default=None, ge=1, description="None: until every room has been seen"
    )
    speed: float = Field(default=0.7, gt=0, description="m/s")
    cache: str | None = Field(
        default=None, description="folder for rendered frames; None: render each time"
    )
