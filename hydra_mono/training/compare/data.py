"""The data of a comparison: what is trained on, how many images that is, and what is scored."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hydra_mono.core.config.training import TrainingConfig
from hydra_mono.training.compare.plan import SIMULATED
from hydra_mono.training.data.sources import Data, cached_batches, load_photographs, load_worlds
from hydra_mono.training.data.sources import read_samples as read
from hydra_mono.training.data_sets import data_set
from hydra_mono.training.readers.open_samples import open_samples
from hydra_mono.training.samples import SampleSource

SCORED_WORLDS = "simulated:1-5"  # that evaluate-perception scores by default, too


@dataclass(frozen=True)
class ComparedData:
    """``images``: of one epoch."""

    training: Data
    images: int
    scored: SampleSource


def open_compared(
    spec: str,
    cache: Path,
    config: TrainingConfig,
    on_world: Callable[[int], object] = lambda count: None,
    pairs: bool = False,
) -> ComparedData:
    """``simulated``, or ``KIND:DIR`` whose train part is learned from, its validation part scored.

    ``pairs``: the simulated views come with the truth of another camera's.

    Raises:
        DataError: the kind is unknown, or the data set cannot be read.
    """
    if spec == SIMULATED:
        worlds, held = load_worlds(cache, config, on_world, pairs=pairs)
        training = Data(cached_batches(worlds, None), {SIMULATED: cached_batches(held, None)})
        return ComparedData(training, len(worlds), open_samples(SCORED_WORLDS))
    shown, scored = open_samples(f"{spec}:train"), open_samples(f"{spec}:validation")
    photographs = load_photographs(read(shown, 0))
    training = Data(cached_batches(None, photographs), tasks=data_set(spec).tasks)
    return ComparedData(training, len(photographs), scored)
