"""Which stage a step belongs to, and how fast it learns."""

from dataclasses import dataclass

from hydra_mono.core.config.training import StageConfig, TrainingConfig

WARMUP_SHARE = 0.05  # of a short training, which 300 steps of warming up would eat into


@dataclass(frozen=True)
class Schedule:
    """Warm-up, a level stretch, and a linear fall to zero (Hägele et al., NeurIPS 2024).

    The level stretch needs no end set in advance: a run may be made longer or be ended sooner.
    ``warmup``: steps of it, or ``WARMUP_SHARE`` of the whole where that is sooner over.
    ``seconds``: where the clock may end it before the steps do; None: it does not.
    """

    stages: tuple[StageConfig, ...]
    highest: float
    warmup: int
    cooldown: float
    seconds: float | None = None

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

    def progress(self, step: int, seconds: float = 0.0) -> float:
        """0 at the start, 1 at the end, by steps or by the clock, whichever is ahead."""
        by_clock = seconds / self.seconds if self.seconds else 0.0
        return min(1.0, max(step / self.steps, by_clock))

    def rate(self, step: int, seconds: float = 0.0) -> float:
        """``seconds``: spent training so far."""
        after = self.progress(step + 1, seconds)
        rising = max((step + 1) / max(self.warmup, 1), after / WARMUP_SHARE)
        falling = (1 - self.progress(step, seconds)) / max(self.cooldown, 1 / self.steps)
        return self.highest * max(0.0, min(rising, falling, 1.0))


def create_schedule(config: TrainingConfig) -> Schedule:
    seconds = None if config.minutes is None else 60 * config.minutes
    return Schedule(config.stages, config.learning_rate, config.warmup, config.cooldown, seconds)
