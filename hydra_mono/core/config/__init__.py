"""Every setting, its default and its unit; unknown keys are an error that names the nearest."""

from hydra_mono.core.config.graph import ObjectsConfig, RoomsConfig
from hydra_mono.core.config.inputs import DataConfig, PoseConvention, SimulationConfig
from hydra_mono.core.config.load import dump_config, load_config
from hydra_mono.core.config.mapping import FreeSpaceConfig, MappingConfig, MonocularConfig
from hydra_mono.core.config.outputs import OutputConfig, ViewerConfig
from hydra_mono.core.config.perception import PredictorConfig
from hydra_mono.core.config.section import Section
from hydra_mono.core.config.training import TrainingConfig
from hydra_mono.core.config.tree import Config

__all__ = [
    "Config",
    "DataConfig",
    "FreeSpaceConfig",
    "MappingConfig",
    "MonocularConfig",
    "ObjectsConfig",
    "OutputConfig",
    "PoseConvention",
    "PredictorConfig",
    "RoomsConfig",
    "Section",
    "SimulationConfig",
    "TrainingConfig",
    "ViewerConfig",
    "dump_config",
    "load_config",
]
