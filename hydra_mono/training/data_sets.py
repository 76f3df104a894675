"""What each kind of data set is: its label space, the tasks it has the truth of, its scoring."""

from dataclasses import dataclass

from hydra_mono.core.labels import load_label_space
from hydra_mono.perception.metrics.boundary import NYU_TOLERANCE, PASCAL_TOLERANCE
from hydra_mono.perception.tasks import INDOOR, Task


@dataclass(frozen=True, slots=True)
class DataSet:
    """``edge_tolerance``: the farthest match of odsF, as a share of the image's diagonal."""

    label_space: str = "nyu40"
    tasks: tuple[Task, ...] = INDOOR
    edge_tolerance: float = NYU_TOLERANCE

    @property
    def labels(self) -> int:
        """Classes of the label space; a network has one more, for unknown."""
        return len(load_label_space(self.label_space).labels)


INDOORS = DataSet()  # NYUv2, Hypersim, our own worlds and sequences
OTHERS = {  # by kind; tasks in the order of the published tables
    "pascal": DataSet(
        "voc21", ("semantics", "parts", "saliency", "normals", "edges"), PASCAL_TOLERANCE
    ),
    "cityscapes": DataSet("cityscapes19", ("semantics", "disparity")),
}


def data_set(spec: str) -> DataSet:
    """Of ``KIND`` or ``KIND:PATH``."""
    return OTHERS.get(spec.partition(":")[0], INDOORS)
