"""What each method adds to the plain multi-task head: time forward and backward, memory, size.

    python benchmarks/methods.py                              # tiny, a few seconds
    python benchmarks/methods.py --size 192x256 --widths 24,48,120,352 --published

The method's decoder alone, on a pyramid of random features of the sizes that a backbone of these
widths makes; the backbone computes nothing. Gradients reach the features, as in training. The peak
is of tensors that one forward and backward pass allocates beyond what was there (on CUDA by its
own count, elsewhere by torch's profiler). Prints a table and writes one JSON file.
"""

import argparse
import dataclasses
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from hydra_mono.cli.progress import print_table
from hydra_mono.perception.networks.backbones.vit import FeatureMap
from hydra_mono.perception.networks.interface import MultiTaskNetwork
from hydra_mono.perception.networks.registry import MODULES, method
from hydra_mono.perception.networks.triplane.regularizer import TriplaneRegularizer
from hydra_mono.training.compare.plan import parse_size

PLAIN = "mtl"  # what the others are compared with
LEFT_OUT = ("cross_stitch",)  # a trunk a task: nothing of it stands on shared maps
REGULARIZED = f"{PLAIN} + triplane"  # what training with the regularizer costs more
STRIDES = (4, 8, 16, 32)


class Features(nn.Module):
    """In place of a backbone: the same random maps whatever the image."""

    multiple, has_class_token = 32, False

    def __init__(self, size: tuple[int, int], widths: tuple[int, ...], batch: int) -> None:
        super().__init__()
        self.widths = widths
        self.maps = nn.ParameterList(
            nn.Parameter(torch.rand(batch, width, size[0] // stride, size[1] // stride))
            for width, stride in zip(widths, STRIDES, strict=True)
        )

    def forward(self, image: Tensor) -> list[FeatureMap]:
        return [FeatureMap(x, None) for x in self.maps]


def built(name: str, features: Features, size: tuple[int, int], published: bool) -> Any:
    """The method's network on these features."""
    known = method(name)
    variant = "published" if published and "published" in known.variants else "compact"
    config: Any = dataclasses.replace(known.variants[variant], feed=size)  # type: ignore[type-var]
    make: Any = known.build
    network: MultiTaskNetwork = make(config, features)
    return network


def learning(
    network: MultiTaskNetwork, image: Tensor, regularizer: TriplaneRegularizer | None
) -> None:
    """One forward and backward pass; every map it makes counts."""
    maps = network.training_maps(image, (int(image.shape[2]), int(image.shape[3])))
    parts = [*maps.auxiliary, maps.final, maps.discrete or {}]
    if regularizer is not None:
        parts.append(regularizer(maps.shared))
    values = [x.square().mean() for part in parts for x in part.values()]
    torch.stack(values).sum().backward()
    network.zero_grad(set_to_none=True)


def milliseconds(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    """The median; one more before is not counted."""
    times = []
    for _ in range(repeats + 1):
        started_s = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append((time.perf_counter() - started_s) * 1e3)
    return statistics.median(times[1:])


def peak_mb(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return (torch.cuda.max_memory_allocated(device) - before) / 1e6
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    held = peak = 0
    for event in sorted(memory_events(seen), key=lambda event: event.start_time_ns):
        held += event.extra_fields.alloc_size
        peak = max(peak, held)
    return peak / 1e6


def memory_events(seen: profile) -> list[Any]:
    """Allocations and frees, in any order."""
    found: list[Any] = []
    waiting: list[Any] = list(seen.profiler.kineto_results.experimental_event_tree())  # type: ignore[union-attr]
    while waiting:
        event = waiting.pop()
        waiting += event.children
        if hasattr(event.extra_fields, "alloc_size"):
            found.append(event)
    return found


def measured(name: str, options: argparse.Namespace, device: torch.device) -> dict[str, float]:
    size, widths = parse_size(options.size), tuple(map(int, options.widths.split(",")))
    torch.manual_seed(0)
    features = Features(size, widths, options.batch)
    network = built(name.partition(" ")[0], features, size, options.published).to(device)
    regularizer = None
    if name == REGULARIZED:
        regularizer = TriplaneRegularizer(widths, network.tasks).to(device)
    image = torch.zeros(options.batch, 3, *size, device=device)

    def forward() -> None:
        with torch.inference_mode():
            network.eval().training_maps(image, size)

    def both() -> None:
        learning(network.train(), image, regularizer)

    own = sum(p.numel() for p in network.parameters()) - sum(p.numel() for p in features.maps)
    return {
        "forward_ms": milliseconds(forward, options.repeats, device),
        "forward_backward_ms": milliseconds(both, options.repeats, device),
        "peak_mb": peak_mb(both, device),
        "parameters": own,
    }


def table(results: dict[str, dict[str, float]]) -> list[tuple[str, ...]]:
    plain = results[PLAIN]
    return [
        (
            name,
            f"{found['forward_ms']:.1f}",
            f"{found['forward_ms'] / plain['forward_ms']:.2f}",
            f"{found['forward_backward_ms']:.1f}",
            f"{found['forward_backward_ms'] / plain['forward_backward_ms']:.2f}",
            f"{found['peak_mb']:.1f}",
            f"{found['parameters'] / 1e6:.3f}",
        )
        for name, found in results.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", default="64x64", help="of the images, multiples of 32")
    parser.add_argument("--widths", default="18,36,72,144", help="of the maps; HRNet-W18's")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--published", action="store_true", help="the published channels")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--output", type=Path, default=Path("results/benchmark-methods.json"))
    options = parser.parse_args()
    others = [name for name in MODULES if name not in (PLAIN, *LEFT_OUT)]
    names = [PLAIN, *others, REGULARIZED]
    device = torch.device(options.device)
    results = {name: measured(name, options, device) for name in names}
    header = ("method", "forward ms", "× mtl", "with backward ms", "× mtl", "peak MB", "params M")
    print_table(table(results), header=header)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    settings = {name: str(value) for name, value in vars(options).items()}
    report = {"settings": settings, "torch": torch.__version__, "methods": results}
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\n{options.output}")


if __name__ == "__main__":
    main()
