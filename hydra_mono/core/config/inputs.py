"""Settings of what goes in: the sequence and the simulated building."""

from typing import Annotated, Literal

from pydantic import Field

from hydra_mono.core.config.section import Section

# of a direction of any length
Component = Annotated[float, Field(ge=-1e6, le=1e6)]
Pixels = Annotated[float, Field(ge=1.0, le=1e6)]
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
PoseConvention = Literal["opencv", "opengl", "inverse", "inverse-opengl", "auto"]


class DataConfig(Section):
    """Which frames are used, and what makes a frame unusable."""

    root: str = Field(
        default="data",
        description="folder of named sequences; the HYDRA_MONO_DATA variable overrides it",
    )
    start: int = Field(
        default=0, ge=0, le=10**8, description="number of the first frame that is used"
    )
    stride: int = Field(default=1, ge=1, le=10**6, description="every stride-th frame is used")
    max_frames: int | None = Field(
        default=None,
        ge=1,
        le=10**8,
        description="number of frames after which the run stops; null: all",
    )
    max_speed: float = Field(
        default=5.0,
        ge=0.01,
        le=1e4,
        description="speed of the camera in m/s above which a pose is taken for a jump",
    )
    min_valid_depth: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="least share of pixels with a depth measurement, where depth is needed (0..1)",
    )
    up: tuple[Component, Component, Component] | None = Field(
        default=None,
        description="direction that is up in the sequence's world; null: as the layout promises, "
        "else estimated",
    )
    pose_convention: PoseConvention = Field(
        default="opencv",
        description="what the poses of the sequence are: world_from_camera in opencv axes (y down) "
        "or opengl axes (y up), their inverse, or auto: whatever the first frames agree on",
    )
    intrinsics: tuple[Pixels, Pixels, Coordinate, Coordinate] | None = Field(
        default=None,
        description="fx, fy, cx, cy of the images in pixels; null: as the sequence says",
    )
    depth_scale: float = Field(
        default=1.0,
        ge=1e-6,
        le=1e6,
        description="factor on depth images (0.001 where millimetres were read as metres)",
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
    people: int = Field(default=0, ge=0, le=100, description="who walk about")
    moved: int = Field(
        default=0, ge=0, le=100, description="objects carried away or brought halfway"
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
