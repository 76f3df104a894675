"""Settings of what goes in: the sequence and the simulated building."""

from typing import Annotated, Literal

from pydantic import Field

from hydra_mono.core.config.section import Section

# of a direction of any length
Component = Annotated[float, Field(ge=-1e6, le=1e6)]


class DataConfig(Section):
    """Which frames are used, and what makes a frame unusable."""

    root: str = Field(
        default="data",
        description="folder of named sequences; the HYDRA_MONO_DATA variable overrides it",
    )
    start: int = Field(default=0, ge=0, le=10**8, description="first frame")
    stride: int = Field(default=1, ge=1, le=10**6, description="use every stride-th frame")
    max_frames: int | None = Field(default=None, ge=1, le=10**8, description="stop after so many")
    max_jump: float = Field(
        default=1.0,
        ge=0.001,
        le=1000,
        description="m between consecutive frames; more is a lost pose",
    )
    max_turn: float = Field(
        default=90.0, ge=0.1, le=180, description="degrees between consecutive frames"
    )
    max_gap: float = Field(
        default=10.0, ge=0.001, le=1e6, description="s between consecutive frames"
    )
    max_lost: int = Field(
        default=10,
        ge=1,
        le=10**4,
        description="after so many rejected in a row the new pose is believed",
    )
    min_valid_depth: float = Field(
        default=0.01, ge=0, le=1, description="share of pixels with a measurement"
    )
    up: tuple[Component, Component, Component] | None = Field(
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
    plan: Literal["closed", "mixed", "open"] = Field(
        default="mixed", description="doors only, one wide opening, or many"
    )
    people: int = Field(default=0, ge=0, le=100, description="who walk about")
    moved: int = Field(
        default=0, ge=0, le=100, description="things carried away or brought halfway"
    )
    noise: Literal["kinect", "none"] = Field(
        default="kinect", description="of depth; labels and poses are always exact"
    )
    width: int = Field(default=640, ge=16, le=8192, description="pixels")
    height: int = Field(default=480, ge=16, le=8192, description="pixels")
    fps: float = Field(default=10.0, ge=0.1, le=1000, description="frames per second")
    frames: int | None = Field(
        default=None, ge=1, le=10**7, description="None: until every room has been seen"
    )
    speed: float = Field(default=0.7, ge=0.01, le=20, description="m/s")
    cache: str | None = Field(
        default=None, description="folder for rendered frames; None: render each time"
    )
