"""The whole tree of settings."""

from hydra_mono.core.config.graph import ObjectsConfig, RoomsConfig
from hydra_mono.core.config.inputs import DataConfig, SimulationConfig
from hydra_mono.core.config.mapping import FreeSpaceConfig, MappingConfig, MonocularConfig
from hydra_mono.core.config.outputs import OutputConfig, ViewerConfig
from hydra_mono.core.config.perception import PredictorConfig
from hydra_mono.core.config.section import Section
from hydra_mono.core.config.training import TrainingConfig


class Config(Section):
    data: DataConfig = DataConfig()
    simulation: SimulationConfig = SimulationConfig()
    predictor: PredictorConfig = PredictorConfig()
    mapping: MappingConfig = MappingConfig()
    monocular: MonocularConfig = MonocularConfig()
    free_space: FreeSpaceConfig = FreeSpaceConfig()
    objects: ObjectsConfig = ObjectsConfig()
    rooms: RoomsConfig = RoomsConfig()
    training: TrainingConfig = TrainingConfig()
    viewer: ViewerConfig = ViewerConfig()
    output: OutputConfig = OutputConfig()
