"""A quick look at how the network does, on the same few held-back batches every time."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from hydra_mono.perception.m2h import M2H
from hydra_mono.training.batches import Batch
from hydra_mono.training.objective import maps_at


@torch.inference_mode()
def glance(network: M2H, batches: list[Batch]) -> dict[str, float]:
    """Pooled depth RMSE and δ1, mean normal error and mIoU over the classes there are.

    At the training's size and focal length: for watching, not for reporting.
    """
    network.eval()
    square = count = near = angle = seen = 0.0
    table = torch.zeros(network.config.classes, network.config.classes, dtype=torch.int64)
    for batch in batches:
        found = maps_at(network, batch.image, (batch.labels.shape[1], batch.labels.shape[2]))
        valid = batch.depth_m > 0
        depth, truth = found.depth_m[valid], batch.depth_m[valid]
        square += float((depth - truth).square().sum())
        near += float((torch.maximum(depth / truth, truth / depth) < 1.25).sum())
        count += float(valid.sum())
        known = batch.normals.square().sum(1) > 0.25
        cosine = (found.normals * batch.normals).sum(1)[known].clamp(-1, 1)
        angle += float(torch.rad2deg(cosine.acos()).sum())
        seen += float(known.sum())
        table += confusion(found.semantics, batch.labels).cpu()
    return {
        "rmse_m": (square / max(count, 1)) ** 0.5,
        "delta1": near / max(count, 1),
        "normals_deg": angle / max(seen, 1),
        "miou": mean_iou(table),
    }


def confusion(
    logits: Float[Tensor, "b k h w"], labels: Int64[Tensor, "b h w"]
) -> Int64[Tensor, "k k"]:
    """Pixels by true class (rows) and predicted class; class 0 is neither."""
    classes = logits.shape[1]
    chosen = logits[:, 1:].argmax(1) + 1
    known = labels > 0
    flat = labels[known] * classes + chosen[known]
    return torch.bincount(flat, minlength=classes**2).view(classes, classes)


def mean_iou(table: Int64[Tensor, "k k"]) -> float:
    """Over the classes that occur in the truth."""
    hit = table.diagonal().double()
    union = table.sum(0) + table.sum(1) - hit
    present = table.sum(1) > 0
    return float((hit / union.clamp(min=1))[present].mean()) if bool(present.any()) else 0.0
