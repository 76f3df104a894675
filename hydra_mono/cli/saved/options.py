"""Options of the commands that read saved runs, or make many."""

import argparse

EXPORT_FORMATS = ("dsg", "node-link", "sayplan", "floor-plan", "geojson", "nav2", "pddl")


def add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, or results/latest")
    parser.add_argument("--format", required=True, choices=EXPORT_FORMATS)
    parser.add_argument(
        "--output", required=True, metavar="FILE", help="a folder for nav2 and pddl"
    )
    parser.add_argument(
        "--goal",
        action="append",
        default=[],
        metavar="GOAL",
        help="for pddl: 'be in kitchen', 'look at every chair', 'bring box 3 to bedroom 2', "
        "'avoid corridor' (repeatable)",
    )


def add_align(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, or results/latest")
    parser.add_argument("--to", required=True, metavar="RUN", help="the run whose frame is wanted")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_merge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folders, two or more")
    parser.add_argument("--output", required=True, metavar="DIR", help="the new run's folder")
    parser.add_argument(
        "--align",
        action="store_true",
        help="find how the maps lie in the first one's frame; without it they are in one",
    )


def add_query(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, or a graph.json or dsg.json")
    parser.add_argument("question", nargs="+", metavar="QUESTION", help="'nearest chair to sofa 3'")
    parser.add_argument("--cypher", action="store_true", help="the question is Cypher")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--edit", action="store_true", help="let the question change the run")


def add_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, or results/latest")
    parser.add_argument("--object", metavar="ID", help="what is known of one object, such as O12")
    parser.add_argument("--room", metavar="ID", help="what happened in one room, such as R3")
    parser.add_argument(
        "--at", metavar="TIME", help="the objects as known then: 35s, 2m or 1h from the start"
    )
    parser.add_argument("--since", metavar="TIME", help="what happened after that")
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def add_mcp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, or a graph.json or dsg.json")
    parser.add_argument("--edit", action="store_true", help="offer tools that change the run")


def add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, or results/latest")


def add_view(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, or results/latest")


def add_batch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sequences", required=True, metavar="FILE", help="a sequence a line; # begins a comment"
    )
    parser.add_argument("--output", default="results/batch", metavar="DIR", help="(results/batch)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="runs at a time (1)")
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run on a Ray cluster: HOST:PORT, auto, or local for one of this machine; "
        "all of its machines see the same folders",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "run_options", nargs=argparse.REMAINDER, metavar="-- OPTIONS", help="of hydra-mono run"
    )
