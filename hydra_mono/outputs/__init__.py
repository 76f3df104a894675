"""The folder a run leaves behind: written whole or not at all, and read back."""

from hydra_mono.outputs.parts import (
    ALL_PARTS,
    FILES,
    LATEST,
    LoadedRun,
    Part,
    RunRecord,
    SavedGraph,
)
from hydra_mono.outputs.read import (
    find_run,
    load_graph,
    load_images,
    load_metrics,
    load_run,
)
from hydra_mono.outputs.write import RunFolder, save_edits, update_metrics, write_new_run

__all__ = [
    "ALL_PARTS",
    "FILES",
    "LATEST",
    "LoadedRun",
    "Part",
    "RunFolder",
    "RunRecord",
    "SavedGraph",
    "find_run",
    "load_graph",
    "load_images",
    "load_metrics",
    "load_run",
    "save_edits",
    "update_metrics",
    "write_new_run",
]
