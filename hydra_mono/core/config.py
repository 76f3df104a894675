"""Every setting, its default and its unit; unknown keys are an error that names the nearest."""

import difflib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, PositiveFloat, ValidationError

from hydra_mono.core.config_training import TrainingConfig
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.section import Section


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


class MappingConfig(Section):
    """TSDF fusion, meshing and the active window."""

    voxel_size: float = Field(default=0.05, gt=0)  # m
    truncation: float = Field(default=0.15, gt=0)  # m measured in front of a surface
    behind: float = Field(default=0.06, gt=0)  # m measured behind a surface
    min_depth: float = Field(default=0.1, ge=0)  # m
    max_depth: float = Field(default=5.0, gt=0)  # m
    window_radius: float = Field(
        default=8.0, gt=0
    )  # m; blocks farther from the camera are archived
    keyframe_separation: float = Field(default=1.0, ge=0)  # s between updates of mesh and graph
    max_weight: float = Field(default=20.0, gt=0)  # close observations a voxel remembers
    min_weight: float = Field(default=0.15, gt=0)  # close observations before a voxel is meshed
    carve_weight: float = Field(default=2.0, gt=0)  # of seeing through a solid voxel
    max_label_weight: float = Field(default=10.0, gt=0)  # observations a label is sure of at most
    mesh_tolerance: float = Field(default=0.002, ge=0)  # m a voxel may move before it is remeshed
    thin_width: float = Field(default=0.05, ge=0)  # m; things up to so thin are kept; 0: none are
    thin_reach: float = Field(default=4.0, gt=0)  # m; farther off they are not looked for
    thin_gap: float = Field(default=0.06, gt=0)  # m from them to what is behind them, at least
    thin_every: int = Field(default=3, ge=1)  # one frame of so many is searched for thin things
    thin_frames: int = Field(default=3, ge=1, le=10)  # of those, that must have seen a thin thing
    outline_reach: float = Field(
        default=3.5, ge=0
    )  # m; ends of things are looked for so far off; 0: nowhere
    outline_every: int = Field(default=3, ge=1)  # one frame of so many is searched for ends
    mesh_refresh: float = Field(default=5.0, gt=0)  # s after which a still surface is stamped anew


class MonocularConfig(Section):
    """What is made of a network's depth and labels; every switch is one mechanism."""

    enabled: bool | None = None  # None: whenever a network predicts
    align: bool = True  # the scale of every frame follows the map
    sweep: bool = True  # depth is tried against the images before
    smooth: bool = True  # depth agrees with the normals
    temporal: bool = True  # what the frames before contradict is left out
    borders: bool = True  # pixels between a near and a far surface are left out
    incidence: bool = True  # surfaces seen flatly weigh less
    noise: bool = True  # weight, truncation and carving follow the deviation of the depth
    confidence: bool = True  # labels weigh by the network's confidence
    height: int = Field(default=96, ge=16)  # pixels of the small images all this is done on
    sigma: float = Field(default=0.08, gt=0)  # m; deviation of the network's depth: sigma +
    sigma_per_square: float = Field(default=0.02, ge=0)  # sigma_per_square · z², 1/m
    flat_sigma: float = Field(default=0.1, gt=0)  # m; the same at any depth where noise is off
    half_sigma: float = Field(default=0.02, gt=0)  # m; so uncertain an observation weighs half
    min_weight: float = Field(default=0.05, gt=0)  # sure observations before a voxel is meshed
    margin_sigmas: float = Field(default=1.0, ge=0)  # deviations added to the truncation
    max_margin: float = Field(default=0.15, ge=0)  # m added at most
    carve_sigmas: float = Field(default=1.5, ge=0)  # deviations before a surface left uncarved
    max_depth: float = Field(default=5.0, gt=0)  # m; farther surface is not fused


class FreeSpaceConfig(Section):
    """Observed free space and its distance field."""

    voxel_size: float = Field(default=0.1, gt=0)  # m
    max_distance: float = Field(default=2.0, gt=0)  # m


class ObjectsConfig(Section):
    """Clustering of labelled surface into things."""

    cell_size: float = Field(default=0.05, gt=0)  # m; mapping.voxel_size where that is larger
    min_area: float = Field(default=0.03, gt=0)  # m² of surface; less is noise
    join_distance: float = Field(default=0.4, ge=0)  # m between a thing's parts, one above another
    trim: float = Field(default=0.0075, ge=0, lt=0.5)  # share of surface beyond each side of a box
    min_updates: int = Field(default=2, ge=1)  # keyframes before a thing's loss is remembered
    revive_time: float = Field(default=10.0, ge=0)  # s until a thing that returns is another one
    complete: bool = True  # boxes reach to the wall or floor that a thing stands against
    wall_reach: float = Field(default=0.08, ge=0)  # m between an unseen side and its wall
    back_reach: float = Field(default=0.6, ge=0)  # m behind a thing that showed a front alone
    floor_reach: float = Field(default=0.15, ge=0)  # m between an unseen sole and the floor
    wall_clearance: float = Field(default=0.025, ge=0)  # m left free before a wall


class PlacesConfig(Section):
    """Sparse graph of free-space balls on the generalised Voronoi diagram."""

    min_node_distance: float = Field(default=0.2, gt=0)  # m from a place to the nearest surface
    min_volume: float = Field(default=0.015, gt=0)  # m³ of free space that a place adds to the rest
    min_edge_distance: float = Field(default=0.25, ge=0)  # m from an edge to the nearest surface
    freespace_edge_clearance: float = Field(default=0.2, ge=0)  # m where nothing else joins parts
    max_edge_length: float = Field(default=2.0, gt=0)  # m
    max_past_border: float = Field(default=0.5, gt=0)  # m that a ball reaches into the next room
    min_component_size: int = Field(default=3, ge=1)  # places; smaller islands are left out
    voronoi_min_distance: float = Field(default=0.2, gt=0)  # m
    voronoi_parent_l1_separation: float = Field(default=2.0, gt=0)  # m
    voronoi_parent_cos_separation: float = Field(default=0.2, ge=-1, le=1)


class RoomsConfig(Section):
    """Rooms as groups of places, parted at gaps between walls."""

    cell_size: float = Field(default=0.1, gt=0)  # m of the plan of walls
    max_door: float = Field(default=1.0, gt=0)  # m; so narrow a gap parts rooms by itself
    max_joint: float = Field(default=3.3, gt=0)  # m; a gap with wall standing out at both ends
    max_lintel: float = Field(default=4.5, gt=0)  # m; a gap below a lintel or beam between walls
    min_stub: float = Field(default=0.3, gt=0)  # m of wall standing out beside a gap
    min_places: int = Field(default=4, ge=1)  # fewer join the neighbour with the widest way
    min_area: float = Field(default=1.5, gt=0)  # m² that a room's places span
    min_dilation: float = Field(default=0.5, gt=0)  # m; range searched for necks without walls
    max_dilation: float = Field(default=1.2, gt=0)  # m
    min_component_size: int = Field(default=10, ge=1)  # places that a part needs to be counted
    plateau_ratio: float = Field(default=0.25, ge=0, le=1)  # of the longest lifetime
    min_storey_height: float = Field(default=2.0, gt=0)  # m from floor to floor
    min_storey_area: float = Field(default=1.5, gt=0)  # m² of floor


class AgentsConfig(Section):
    """The camera's own trajectory."""

    separation: float = Field(
        default=0.5, gt=0
    )  # m (+ 0.1 of the rotation's norm) between agent nodes
    min_interval: float = Field(default=0.2, ge=0)  # s between agent nodes


class PredictorConfig(Section):
    """Who says depth and labels: a network from colour alone, or the sensor (or data set)."""

    name: str = "m2h"  # or sensor, or onnx, or package.module:factory of one's own
    weights: str | None = None  # file of the network; m2h: None takes the weights shipped
    variant: Literal["full", "small", "compact"] | None = None  # None: whatever the file holds
    labels: str = "nyu40"  # of the network's classes: a label space by name, or its YAML file
    backend: Literal["torch", "openvino"] = "torch"  # what computes m2h
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto: the GPU where there is one
    threads: int | None = Field(default=None, ge=1)  # of the CPU; None: as many as it likes
    feed_height: int | None = Field(default=None, ge=14)  # pixels; images are resized to fit, in
    feed_width: int | None = Field(default=None, ge=14)  # proportion. None: what the network is for
    focal_px: float | None = Field(default=None, gt=0)  # for which the network's depth is true, of
    # images as they are fed; other cameras' depth is scaled to theirs. None: what the weights say
    depth_scale: float = Field(default=1.0, gt=0)  # of the network's depth, beside that
    min_depth: float = Field(default=0.001, gt=0)  # m; less is raised to it
    max_depth: float = Field(default=10.0, gt=0)  # m; more is cut to it
    mean: tuple[float, float, float] | None = None  # of red, green, blue in 0..1; None: as the
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] | None = None  # network wants it


class ViewerConfig(Section):
    """What the viewer is sent; the intervals bound the size of a recording."""

    mode: Literal["none", "save", "spawn", "serve"] = "save"
    image_interval: float = Field(default=0.2, ge=0)  # s of the sequence between images
    image_stride: int = Field(default=2, ge=1)  # pixels; 2 shows images at half size
    mesh_interval: float = Field(default=4.0, ge=0)  # s between redraws of the same piece of mesh
    mesh_colors: Literal["color", "label"] = "color"


class OutputConfig(Section):
    folder: str = "results"
    checkpoint_interval: float = Field(default=30.0, gt=0)  # s between complete outputs under way


class Config(Section):
    data: DataConfig = DataConfig()
    simulation: SimulationConfig = SimulationConfig()
    predictor: PredictorConfig = PredictorConfig()
    mapping: MappingConfig = MappingConfig()
    monocular: MonocularConfig = MonocularConfig()
    free_space: FreeSpaceConfig = FreeSpaceConfig()
    objects: ObjectsConfig = ObjectsConfig()
    places: PlacesConfig = PlacesConfig()
    rooms: RoomsConfig = RoomsConfig()
    agents: AgentsConfig = AgentsConfig()
    training: TrainingConfig = TrainingConfig()
    viewer: ViewerConfig = ViewerConfig()
    output: OutputConfig = OutputConfig()


def load_config(path: Path | None = None, overrides: tuple[str, ...] = ()) -> Config:
    """The defaults, under a YAML file, under ``section.key=value`` overrides.

    Raises:
        ConfigError: a key is unknown or a value is out of range; the message says which.
    """
    document: dict[str, Any] = _read_yaml(path) if path else {}
    for override in overrides:
        _apply_override(document, override)
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError(_explain(error, str(path) if path else "--set")) from error


def dump_config(config: Config) -> str:
    """The whole tree as YAML that ``load_config`` reads back to the same config."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read config {path}: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(
            f"config {path}: expected sections such as 'mapping:', found {document!r}"
        )
    return document


def _apply_override(document: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    *sections, leaf = key.strip().split(".")
    if not equals or not leaf:
        raise ConfigError(f"--set {override}: write it as section.key=value")
    for section in sections:
        document = document.setdefault(section, {})
        if not isinstance(document, dict):
            raise ConfigError(f"--set {override}: '{section}' is not a section")
    try:
        document[leaf] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not YAML") from error


def _explain(error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        return f"{where}: {'.'.join(path)}: {first['msg']} (got {first['input']!r})"
    nearest = _nearest(path)
    hint = f"; did you mean '{nearest}'?" if nearest else ""
    return f"{where}: unknown key '{'.'.join(path)}'{hint} ('hydra-mono config dump' lists all)"


def _nearest(path: list[str]) -> str | None:
    every = [key for key in _keys(Config) if key.count(".") == len(path) - 1]
    return next(iter(difflib.get_close_matches(".".join(path), every, n=1, cutoff=0.5)), None)


def _keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _keys(field.annotation, f"{prefix}{name}.")
    return keys
