"""Temperature of a trained network's labels: what makes their probabilities honest."""

import math

import torch
from jaxtyping import Float, Int64
from scipy.optimize import minimize_scalar
from torch import Tensor

from hydra_mono.core.errors import ConfigError, DataError
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.interface import TEMPERATURES, MultiTaskNetwork
from hydra_mono.training.evaluate import Progress, spread
from hydra_mono.training.samples import SampleSource

STEP_PX = 8  # of the truth's pixels, every eighth of each row and column: neighbours are alike


def fit_temperature(
    network: MultiTaskNetwork,
    source: SampleSource,
    *,
    max_images: int | None = None,
    progress: Progress = iter,
) -> float:
    """The T for which softmax(logits / T) explains the source's labels best (Guo et al., ICML
    2017, section 4.2): the least mean cross-entropy over pixels with truth.

    The source should be none that the network has learned from: it is surer there than elsewhere
    with right, and the T found makes it too sure of new images.

    Raises:
        ConfigError: the network tells no labels.
        DataError: there are no labels to fit it to.
    """
    if "semantics" not in network.tasks:
        raise ConfigError("the network tells no labels, so that there is nothing to calibrate")
    pairs = [_pixels(network, source, index) for index in progress(spread(len(source), max_images))]
    logits, labels = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    if not len(labels):
        raise DataError(f"{source.name}: no pixel has a label to calibrate by")
    return best_temperature(logits, labels)


def best_temperature(logits: Float[Tensor, "n k"], labels: Int64[Tensor, " n"]) -> float:
    """Of class 1 and up; class 0, unknown, is no answer."""

    def loss(logarithm: float) -> float:
        scaled = logits[:, 1:] / math.exp(logarithm)
        return float(torch.nn.functional.cross_entropy(scaled, labels - 1))

    bounds = tuple(math.log(bound) for bound in TEMPERATURES)
    return math.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x)


def _pixels(
    network: MultiTaskNetwork, source: SampleSource, index: int
) -> tuple[Float[Tensor, "n k"], Int64[Tensor, " n"]]:
    """Logits and true labels of pixels of one image."""
    sample, device = source[index], next(network.parameters()).device
    truth = torch.from_numpy(sample.labels[::STEP_PX, ::STEP_PX].astype("int64"))
    with torch.inference_mode():
        maps = network(network.config.input_spec().shown(sample.rgb, device))
        size = (sample.intrinsics.height, sample.intrinsics.width)
        logits = resized(maps["semantics"].float(), size)[0, :, ::STEP_PX, ::STEP_PX].cpu()
    known = truth > 0
    return logits.permute(1, 2, 0)[known].clone(), truth[known]
