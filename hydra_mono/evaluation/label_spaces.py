"""The truth told in the labels of the run."""

from dataclasses import replace

from hydra_mono.core.errors import DataError
from hydra_mono.core.label_map import load_label_map
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.truth import GroundTruth


def in_labels_of(run: LabelSpace, truth: GroundTruth) -> GroundTruth:
    """The truth with its labels mapped to the run's label space.

    As it is where both have the same space, or the run has no labels at all.

    Raises:
        DataError: the spaces differ and no map from the one to the other is shipped.
    """
    if not run.labels or run.name == truth.label_space.name:
        return truth
    try:
        label_map = load_label_map(truth.label_space.name, run.name)
    except DataError as error:
        raise DataError(
            f"the truth is labelled in '{truth.label_space.name}', the run in '{run.name}': {error}"
        ) from error
    table = label_map.table
    return replace(
        truth,
        label_space=label_map.target,
        mesh=replace(truth.mesh, face_labels=table[truth.mesh.face_labels]),
        objects=tuple(replace(obj, label=int(table[obj.label])) for obj in truth.objects),
    )
