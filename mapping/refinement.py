"""What is done to predictions before they are fused: nothing where depth is measured."""

from typing import Any, Protocol, runtime_checkable

from hydra_mono.core.frame import Frame
from hydra_mono.core.map.state import State
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.tsdf.volume import SemanticVolume


@runtime_checkable
class Refinement(Protocol):
    """Makes a prediction fit for fusion; see ``core.map.state`` for the rest."""

    def __call__(self, frame: Frame, prediction: Prediction) -> Prediction: ...

    def figures(self) -> dict[str, Any]: ...

    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...


class NoRefinement:
    """Measured depth is fused as it is."""

    def __call__(self, frame: Frame, prediction: Prediction) -> Prediction:
        return prediction

    def figures(self) -> dict[str, Any]:
        return {}

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        pass


def create_refinement(rule: MonocularRule | None, volume: SemanticVolume) -> Refinement:
    """The refinement by a rule; without one, depth is taken to be measured."""
    if rule is None:
        return NoRefinement()
    from hydra_mono.mapping.monocular.refiner import create_refiner  # needs torch: a slow import

    return create_refiner(rule, volume)
