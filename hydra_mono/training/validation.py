"""A quick look at how the network does, on the same few held-back batches every time."""

import numpy as np
import torch

from hydra_mono.perception.metrics.dense import Confusion, DepthErrors, NormalErrors
from hydra_mono.perception.networks.interface import MultiTaskNetwork
from hydra_mono.training.data.batches import Batch
from hydra_mono.training.objective import maps_at


@torch.inference_mode()
def quick_validation(network: MultiTaskNetwork, batches: list[Batch]) -> dict[str, float]:
    """Depth RMSE and δ1, mean normal error and mIoU over the classes there are, of its tasks.

    At the training's size and focal length: for watching, not for reporting.
    """
    network.eval()
    confusion, depth, normals = Confusion(), DepthErrors(), NormalErrors()
    for batch in batches:
        found = maps_at(network, batch.image, (batch.labels.shape[1], batch.labels.shape[2]))
        if "semantics" in found:
            labels = found["semantics"][:, 1:].argmax(1) + 1
            confusion.add(_array(labels).astype(np.uint8), _array(batch.labels).astype(np.uint8))
        if "depth" in found:
            truth_m = _array(batch.depth_m)
            depth.add(_array(found["depth"]), truth_m, truth_m > 0)
        if "normals" in found:
            truth = _array(batch.normals.movedim(1, 3))
            normals.add(_array(found["normals"].movedim(1, 3)), truth)
    return {
        name: value
        for scores in (confusion.scores(), depth.scores(), normals.scores())
        for name, value in _watched(scores).items()
    }


def _watched(scores: object) -> dict[str, float]:
    names = {"miou": "miou", "rmse_m": "rmse_m", "delta_1": "delta1", "mean_deg": "normals_deg"}
    return {new: getattr(scores, old) for old, new in names.items() if hasattr(scores, old)}


def _array(values: torch.Tensor) -> np.ndarray:
    return np.asarray(values.cpu().numpy())
