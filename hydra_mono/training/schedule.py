"""Which stage a step belongs to, and how fast it learns."""

from dataclasses import dataclass

from hydra_mono.core.config_training import StageConfig, TrainingConfig


@dataclass(frozen=True)
class Schedule:
    """Warm-up, a level stretch, and a linear fall to zero (Hägele et al., NeurIPS 2024).

    The level stretch needs no end set in advance: a run may be made longer or be ended sooner.
    """

    stages: tuple[StageConfig, ...]
    highest: float
    warmup: int
    cooldown: float

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def stage(self, step: int) -> StageConfig:
        """The stage of ``step``, counted from 0."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        return self.stages[-1]

    def rate(self, step: int) -> float:
        rising = min(1.0, (step + 1) / max(self.warmup, 1))
        falling = (self.steps - step) / max(self.cooldown * self.steps, 1)
        return self.highest * max(0.0, min(rising, falling, 1.0))


def create_schedule(config: TrainingConfig) -> Schedule:
    return Schedule(config.stages, config.learning_rate, config.warmup, config.cooldown)
