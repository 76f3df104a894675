"""Images a second of the monocular predictor, everything included, and what it is made of.

    python benchmarks/perception.py                          # the compact network
    python benchmarks/perception.py --weights FILE --threads 2 --images 50

From a colour image of the camera's size to depth, labels, normals and edges of that size, for each
backend: torch as it was trained, torch as it is run (batch norms fused, channels
last), OpenVINO and CUDA where they are there. The weights do not matter to the time; without a file
they are random. Prints a table and writes one JSON file.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hydra_mono.cli.progress import print_table
from hydra_mono.core.errors import MissingDependencyError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import load_label_space
from hydra_mono.core.timing import summary
from hydra_mono.perception.networks.interface import MultiTaskNetwork
from hydra_mono.perception.networks.registry import DEFAULT, DEFAULT_VARIANT, build, method
from hydra_mono.perception.predictors.network import (
    CPU,
    Network,
    NetworkPredictor,
    TorchNetwork,
)
from hydra_mono.perception.predictors.openvino import OpenVinoNetwork
from hydra_mono.perception.weights_io.checkpoint import load_network

WARM_UP = 3  # images, not counted


def backends(
    network: MultiTaskNetwork, threads: int | None
) -> Iterator[tuple[str, Network, torch.device]]:
    """Everything that computes the network on this machine."""
    yield "torch, as trained", network, CPU
    yield "torch, fused", TorchNetwork(network), CPU
    try:
        yield "openvino", OpenVinoNetwork(network, threads), CPU
    except MissingDependencyError as error:
        print(error)
    if torch.cuda.is_available():
        device = torch.device("cuda")
        yield "cuda, half precision", TorchNetwork(network, device), device


def milliseconds(work: Callable[[], Any], repeats: int, clock: Callable[[], float]) -> list[float]:
    times = []
    for _ in range(repeats):
        started = clock()
        work()
        times.append((clock() - started) * 1e3)
    return times


def measured(work: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Times by the clock on the wall, and what all threads together computed for one image.

    The second hardly knows of other work on the machine.
    """
    milliseconds(work, WARM_UP, time.perf_counter)
    computed_ms = min(milliseconds(work, repeats, time.process_time))
    times_ms = milliseconds(work, repeats, time.perf_counter)
    figures = summary(times_ms) | {"least": min(times_ms), "computing": computed_ms}
    return figures | {"images_per_s": 1e3 / figures["median"]}


def frame_of(width: int, height: int) -> Frame:
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    camera = Intrinsics(
        0.82 * width, 0.82 * width, width / 2 - 0.5, height / 2 - 0.5, width, height
    )
    return Frame(0, "noise", 0, np.eye(4), camera, rgb)


def measure(
    network: MultiTaskNetwork, frame: Frame, images: int, threads: int | None
) -> dict[str, Any]:
    labels = load_label_space("nyu40")
    results = {}
    for name, computed, device in backends(network, threads):
        images = network.config.input_spec()
        predictor = NetworkPredictor(computed, labels, images, device=device)
        results[name] = measured(partial(predictor, frame), images)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--weights", type=Path, metavar="FILE")
    parser.add_argument("--threads", type=int, metavar="N", help="of the CPU (all)")
    parser.add_argument("--images", type=int, default=30, metavar="N")
    parser.add_argument("--size", default="640x480", metavar="WxH", help="of the camera's images")
    parser.add_argument("--output", type=Path, default=Path("results/benchmark-perception.json"))
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if options.weights:
        network = load_network(options.weights)
    else:
        network = build(method(DEFAULT).variants[DEFAULT_VARIANT]).eval()
    width, height = map(int, options.size.split("x"))
    results = measure(network, frame_of(width, height), options.images, options.threads)
    columns = ("images_per_s", "computing", "least", "median", "p95")
    rows = [(name, *(f"{r[column]:.1f}" for column in columns)) for name, r in results.items()]
    print_table(
        rows, header=("computed by", "images/s", "cpu ms", "least ms", "median ms", "p95 ms")
    )
    document = {"threads": torch.get_num_threads(), "size": options.size, "backends": results}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\n{options.output}")


if __name__ == "__main__":
    main()
