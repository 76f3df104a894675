# mypy: disable-error-code="no-untyped-call"
"""What training, evaluation, weights files and predictors know of a network.

A method (M2H, …) is a frozen dataclass of numbers, a network built from it, and, where its authors
published weights, what tells their files apart. ``registry`` is the table of methods.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol, runtime_checkable

from annotated_types import Interval
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.input_spec import InputSpec
from hydra_mono.perception.tasks import INDOOR, TASKS

# Channels of the maps that a scene is made of; None: one a class
CHANNELS: Mapping[str, int | None] = {task: TASKS[task].channels for task in INDOOR}
MIN_DEPTH_M = 0.001  # of the published M2H; no surface is nearer to a camera

TaskMaps = dict[str, Tensor]  # b c h w by task
Shapes = Mapping[str, tuple[int, ...]]  # of tensors, by name

# Numbers that a file may bring are bounded, so that it cannot describe a network that fills memory
Count = Annotated[int, Interval(ge=0, le=64)]  # of layers, blocks, heads; ViT-g has 40 blocks
Width = Annotated[int, Interval(ge=1, le=8192)]  # channels; ViT-g's hidden layers have 6144
Pixels = Annotated[int, Interval(ge=1, le=8192)]  # of an image's side; no camera here has more
FocalPx = Annotated[float, Interval(gt=0, le=1e5)]
TEMPERATURES = (0.1, 10.0)  # least and largest; beyond it a softmax is one class, or none
REFUSE_UNKNOWN = {"extra": "forbid"}  # of a dataclass: pydantic refuses names it does not know


@runtime_checkable
class NetworkConfig(Protocol):
    """What every method's numbers tell: how many classes, and what images it wants."""

    @property
    def classes(self) -> int: ...

    def input_spec(self) -> InputSpec: ...


@runtime_checkable
class Searching(Protocol):
    """A network that finds a genotype while it is trained."""

    def write_genotype(self, path: Path, step: int) -> None:
        """What it has found by now, as a file."""
        ...

    def found(self) -> dict[str, list[str]]:
        """The same in words, by target."""
        ...


class TrainingMaps(NamedTuple):
    """What training sees of a network, at the network's own resolution.

    ``final``: the maps. ``auxiliary``: other predictions of the same tasks, which training
    supervises too, by ``weights`` (empty: 1 each). ``discrete``: logits of classes that stand for
    a task's values (bins of depth, clusters of normals). ``penalty``: a term of the network's own
    that is added as it is. ``shared``: the backbone's maps, for what regularizes those. ``alike``:
    features by task that are to be as alike from pixel to pixel as the truth is, which counts by
    ``alike_weight``.
    """

    final: TaskMaps
    auxiliary: tuple[TaskMaps, ...] = ()
    weights: tuple[float, ...] = ()
    discrete: TaskMaps | None = None
    penalty: Tensor | None = None
    shared: tuple[Tensor, ...] = ()
    alike: TaskMaps | None = None
    alike_weight: float = 0.0


class MultiTaskNetwork(nn.Module, ABC):
    """A network of any method. All its tensors are in its ``state_dict``."""

    config: Any  # the method's numbers, a ``NetworkConfig``
    backbone: Any  # of the methods that have one, a ``Backbone``
    temperature: float = 1.0  # logits of labels are divided by it before they are probabilities

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

    def set_progress(self, share: float) -> None:
        """How far the training is, 0 to 1; for methods with schedules of their own."""

    def check_size(self, height: int, width: int) -> None:
        """Refuses images, padded to the backbone's multiple, that it was not built for.

        Raises:
            ConfigError: their size does not fit.
        """

    def use_backbone(self, backbone: nn.Module) -> None:
        """Begins with the weights of this backbone, which is of the config's architecture."""
        self.backbone = backbone


@dataclass(frozen=True)
class Method:
    """How the networks of one method are built, told apart and described.

    ``variants``: numbers with a name. ``recognise``: the kind of published weights that tensors of
    these shapes are, in words; ``None``: none of this method's. ``infer``: the numbers of the
    network that has them (raises ``ValueError``). ``facts``: what distinguishes them, in phrases,
    most telling first. ``read_genotype``: the numbers that a search has found for these tasks,
    from a file (raises ``ConfigError``); None: nothing of this method is searched.
    """

    config: type
    build: Callable[[Any], MultiTaskNetwork]
    variants: Mapping[str, NetworkConfig] = field(default_factory=dict)
    recognise: Callable[[Shapes], str | None] = lambda shapes: None
    infer: Callable[[Shapes], NetworkConfig] | None = None
    facts: Callable[[Shapes], list[str]] = lambda shapes: []
    follow_published: Callable[[Any], NetworkConfig] = lambda config: config
    read_genotype: Callable[[Path, tuple[str, ...]], Mapping[str, Any]] | None = None
