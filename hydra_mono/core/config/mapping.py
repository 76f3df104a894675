"""Settings of fusion, of what is made of a network's depth, and of free space."""

from pydantic import Field

from hydra_mono.core.config.section import Section


class MappingConfig(Section):
    """TSDF fusion, meshing and the active window."""

    voxel_size: float = Field(default=0.05, ge=0.005, le=1, description="m")
    truncation: float = Field(
        default=0.15, ge=0.005, le=5, description="m measured in front of a surface"
    )
    behind: float = Field(default=0.06, ge=0.005, le=5, description="m measured behind a surface")
    min_depth: float = Field(default=0.1, ge=0, le=10, description="m")
    max_depth: float = Field(default=5.0, ge=0.1, le=100, description="m")
    window_radius: float = Field(
        default=8.0, ge=0.5, le=1000, description="m; blocks farther from the camera are archived"
    )
    keyframe_separation: float = Field(
        default=1.0, ge=0, le=3600, description="s between updates of mesh and graph"
    )
    max_weight: float = Field(
        default=20.0, ge=0.01, le=1e6, description="close observations a voxel remembers"
    )
    min_weight: float = Field(
        default=0.15, ge=0.001, le=1e4, description="close observations before a voxel is meshed"
    )
    carve_weight: float = Field(
        default=2.0, ge=0.001, le=1e4, description="of seeing through a solid voxel"
    )
    max_label_weight: float = Field(
        default=10.0, ge=0.01, le=1e6, description="observations a label is sure of at most"
    )
    mesh_tolerance: float = Field(
        default=0.002, ge=0, le=1, description="m a voxel may move before it is remeshed"
    )
    thin_width: float = Field(
        default=0.05, ge=0, le=1, description="m; things up to so thin are kept; 0: none are"
    )
    thin_reach: float = Field(
        default=4.0, ge=0.1, le=100, description="m; farther off they are not looked for"
    )
    thin_gap: float = Field(
        default=0.06, ge=0.001, le=5, description="m from them to what is behind them, at least"
    )
    thin_every: int = Field(
        default=3, ge=1, le=1000, description="one frame of so many is searched for thin things"
    )
    thin_frames: int = Field(
        default=3, ge=1, le=10, description="of those, that must have seen a thin thing"
    )
    outline_reach: float = Field(
        default=3.5,
        ge=0,
        le=100,
        description="m; ends of things are looked for so far off; 0: nowhere",
    )
    outline_every: int = Field(
        default=3, ge=1, le=1000, description="one frame of so many is searched for ends"
    )
    mesh_refresh: float = Field(
        default=5.0, ge=0.01, le=1e6, description="s after which a still surface is stamped anew"
    )


class MonocularConfig(Section):
    """What is made of a network's depth and labels; every switch is one mechanism."""

    enabled: bool | None = Field(default=None, description="None: whenever a network predicts")
    align: bool = Field(default=True, description="the scale of every frame follows the map")
    sweep: bool = Field(default=True, description="depth is tried against the images before")
    smooth: bool = Field(default=True, description="depth agrees with the normals")
    temporal: bool = Field(
        default=True, description="what the frames before contradict is left out"
    )
    borders: bool = Field(
        default=True, description="pixels between a near and a far surface are left out"
    )
    incidence: bool = Field(default=True, description="surfaces seen flatly weigh less")
    noise: bool = Field(
        default=True, description="weight, truncation and carving follow the deviation of the depth"
    )
    confidence: bool = Field(default=True, description="labels weigh by the network's confidence")
    height: int = Field(
        default=96, ge=16, le=1024, description="pixels of the small images all this is done on"
    )
    sigma: float = Field(
        default=0.08, ge=0.0001, le=10, description="m; deviation of the network's depth: sigma +"
    )
    sigma_per_square: float = Field(
        default=0.02, ge=0, le=10, description="sigma_per_square · z², 1/m"
    )
    flat_sigma: float = Field(
        default=0.1, ge=0.0001, le=10, description="m; the same at any depth where noise is off"
    )
    half_sigma: float = Field(
        default=0.02, ge=0.0001, le=10, description="m; so uncertain an observation weighs half"
    )
    min_weight: float = Field(
        default=0.05, ge=0.001, le=1e4, description="sure observations before a voxel is meshed"
    )
    margin_sigmas: float = Field(
        default=1.0, ge=0, le=10, description="deviations added to the truncation"
    )
    max_margin: float = Field(default=0.15, ge=0, le=5, description="m added at most")
    carve_sigmas: float = Field(
        default=1.5, ge=0, le=10, description="deviations before a surface left uncarved"
    )
    max_depth: float = Field(
        default=5.0, ge=0.1, le=100, description="m; farther surface is not fused"
    )


class FreeSpaceConfig(Section):
    """Observed free space and its distance field."""

    voxel_size: float = Field(default=0.1, ge=0.01, le=2, description="m")
    max_distance: float = Field(default=2.0, ge=0.1, le=20, description="m")
