# mypy: disable-error-code="no-untyped-call"
"""What training, evaluation, weights files and predictors know of a network.

A method (M2H, …) is a frozen dataclass of numbers, a network built from it, and, where its authors
published weights, what tells their files apart. ``registry`` is the table of methods.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, Protocol, runtime_checkable

from annotated_types import Interval
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.input_spec import InputSpec

# What each task's map holds. Depth: planar z in metres. Semantics: logits, class 0 unknown.
# Normals: camera axes. Edges: logits. None: one channel a class.
CHANNELS: Mapping[str, int | None] = {"depth": 1, "semantics": None, "normals": 3, "edges": 1}
MIN_DEPTH_M = 0.001  # of the published M2H; no surface is nearer to a camera

TaskMaps = dict[str, Tensor]  # b c h w by task
Shapes = Mapping[str, tuple[int, ...]]  # of tensors, by name

# Numbers that a file may bring are bounded, so that it cannot describe a network that fills memory
Count = Annotated[int, Interval(ge=0, le=64)]  # of layers, blocks, heads; ViT-g has 40 blocks
Width = Annotated[int, Interval(ge=1, le=8192)]  # channels; ViT-g's hidden layers have 6144
Pixels = Annotated[int, Interval(ge=1, le=8192)]  # of an image's side; no camera here has more
FocalPx = Annotated[float, Interval(gt=0, le=1e5)]
REFUSE_UNKNOWN = {"extra": "forbid"}  # of a dataclass: pydantic refuses names it does not know


@runtime_checkable
class NetworkConfig(Protocol):
    """What every method's numbers tell: how many classes, and what images it wants."""

    @property
    def classes(self) -> int: ...

    def input_spec(self) -> InputSpec: ...


class TrainingMaps(NamedTuple):
    """``final``: the maps, at the network's own resolution. ``auxiliary``: earlier predictions of
    the same tasks, which training supervises too."""

    final: TaskMaps
    auxiliary: tuple[TaskMaps, ...] = ()


class MultiTaskNetwork(nn.Module, ABC):
    """A network of any method. All its tensors are in its ``state_dict``."""

    config: Any  # the method's numbers, a ``NetworkConfig``

    @property
    def tasks(self) -> dict[str, int]:
        """Channels of its maps, by task."""
        return {task: count or self.config.classes for task, count in CHANNELS.items()}

    @abstractmethod
    def forward(self, image: Float[Tensor, "b 3 h w"]) -> TaskMaps:
        """A map for every task, of the image's size; the image is normalised by the caller."""

    @abstractmethod
    def training_maps(self, image: Float[Tensor, "b 3 h w"], size: tuple[int, int]) -> TrainingMaps:
        """The maps at their own resolution, semantics no larger than ``size``."""


@dataclass(frozen=True)
class Method:
    """How the networks of one method are built, told apart and described.

    ``variants``: numbers with a name. ``recognise``: the kind of published weights that tensors of
    these shapes are, in words; ``None``: none of this method's. ``infer``: the numbers of the
    network that has them (raises ``ValueError``). ``facts``: what distinguishes them, in phrases,
    most telling first.
    """

    config: type
    build: Callable[[Any], MultiTaskNetwork]
    variants: Mapping[str, NetworkConfig] = field(default_factory=dict)
    recognise: Callable[[Shapes], str | None] = lambda shapes: None
    infer: Callable[[Shapes], NetworkConfig] | None = None
    facts: Callable[[Shapes], list[str]] = lambda shapes: []
    follow_published: Callable[[Any], NetworkConfig] = lambda config: config
