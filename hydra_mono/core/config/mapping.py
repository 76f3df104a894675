"""Settings of fusion, of estimated depth and of free space."""

from pydantic import Field

from hydra_mono.core.config.section import Section


class MappingConfig(Section):
    """TSDF fusion, meshing and the active window."""

    voxel_size: float = Field(
        default=0.05, ge=0.005, le=1, description="Edge of a voxel of the surface map, in metres."
    )
    max_depth: float = Field(
        default=5.0,
        ge=0.1,
        le=100,
        description="Depth beyond this, in metres, is neither fused nor carved nor scored; "
        "estimated depth ends at 5 m at the latest.",
    )
    window_radius: float = Field(
        default=8.0,
        ge=0.5,
        le=1000,
        description="The map is archived farther than this from the camera, in metres; "
        "at least max_depth + 2.",
    )
    keyframe_separation: float = Field(
        default=1.0,
        ge=0,
        le=3600,
        description="Time between two refreshes of mesh and graph, in seconds.",
    )
    contours: bool = Field(
        default=True,
        description="Whether boxes end where the images show objects end; "
        "never with estimated depth.",
    )


class MonocularConfig(Section):
    """Estimated depth: what a network predicts, rather than a sensor measures."""

    enabled: bool | None = Field(
        default=None,
        description="Whether depth is refined as an estimate; "
        "null means whenever the predictor's depth is not measured.",
    )


class FreeSpaceConfig(Section):
    """Observed free space and its distance field."""

    voxel_size: float = Field(
        default=0.1, ge=0.01, le=2, description="Edge of a voxel of free space, in metres."
    )
