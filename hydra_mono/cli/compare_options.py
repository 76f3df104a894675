"""What ``compare``, ``search`` and ``evaluate-perception`` are told on the command line."""

import argparse
from collections.abc import Callable


def add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--methods",
        metavar="NAMES",
        help="with commas between them; all by default; stl is single-task learning",
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="of each method (3)")
    parser.add_argument(
        "--regularizer",
        choices=("triplane", "triplane_two_views"),
        help="trained along, and not in the weights; two views: simulated data only",
    )
    parser.add_argument("--genotype", metavar="FILE", help="of atrc, in place of the published")
    parser.add_argument("--tasks", metavar="NAMES", help="all that the data have the truth of")
    parser.add_argument("--max-images", type=int, metavar="N", help="that are scored (all)")
    parser.add_argument(
        "--boundaries",
        type=int,
        default=21,
        metavar="N",
        help="thresholds of odsF (21; field: 101)",
    )
    parser.add_argument(
        "--table", action="store_true", help="of what is trained by now; nothing is trained"
    )
    _add_trained_alike(parser, "compare")


def add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", required=True, metavar="NAME", help="atrc")
    _add_trained_alike(parser, "search")


def _add_trained_alike(parser: argparse.ArgumentParser, folder: str) -> None:
    parser.add_argument(
        "--data",
        default="simulated",
        metavar="KIND:DIR",
        help="simulated (default), or nyuv2:DIR, hypersim:DIR, pascal:DIR or cityscapes:DIR; "
        "train part and validation part",
    )
    parser.add_argument("--backbone", default="efficientnet_lite2", metavar="NAME")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument(
        "--budget", default="30m", metavar="TIME", help="of training each network: 90s, 30m, 2h"
    )
    budget.add_argument(
        "--samples",
        type=int,
        metavar="N",
        help="images that each network is trained on, in place of a time: fair on a busy machine",
    )
    parser.add_argument(
        "--widest",
        type=int,
        metavar="N",
        help="channels that wider maps of the backbone are brought to (all): less to compute",
    )
    parser.add_argument("--size", default="192x256", metavar="HxW", help="of images (192x256)")
    parser.add_argument("--batch", type=int, default=8, metavar="N", help="images a step (8)")
    parser.add_argument(
        "--output", default=folder, metavar="DIR", help=f"the same command goes on ({folder})"
    )
    parser.add_argument("--cache", default="training/worlds", metavar="DIR", help="drawn worlds")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def add_evaluate_perception(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", metavar="FILE", help="the network's weights")
    parser.add_argument(
        "--data",
        default="simulated:1-5",
        metavar="KIND:PATH",
        help="simulated:FIRST-LAST (1-5), nyuv2:DIR:validation, hypersim:DIR:test, frames:DIR",
    )
    parser.add_argument("--max-images", type=int, metavar="N", help="N of them, evenly spread")
    parser.add_argument(
        "--boundaries",
        type=int,
        nargs="?",
        const=101,
        default=0,
        metavar="N",
        help="score borders too, at N thresholds (101); slower",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


COMPARING: tuple[tuple[str, str, Callable[[argparse.ArgumentParser], None]], ...] = (
    ("compare", "train methods side by side, and compare them", add_compare),
    ("search", "find what a method is made of, by training", add_search),
)
