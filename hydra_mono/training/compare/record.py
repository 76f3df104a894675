"""What a comparison has found so far, as one JSON document: plan, machine and every score."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from hydra_mono.core.files.atomic import write_text
from hydra_mono.training.compare.plan import Job, Plan, training_config
from hydra_mono.training.compare.runner import Scores, Settings, finished

RECORD = "table.json"


def results_so_far(planned: Iterable[Job], settings: Settings) -> dict[Job, Scores]:
    """Of the jobs whose networks are trained and scored; nothing is trained."""
    known = {job: finished(job, settings.folder) for job in planned}
    return {job: scores for job, scores in known.items() if scores is not None}


def write_record(plan: Plan, results: Mapping[Job, Scores], settings: Settings) -> None:
    """Writes ``table.json`` into the comparison's folder."""
    document = {
        "plan": plan.as_dict(),
        "training": training_config(plan, 0, settings.base).model_dump(mode="json"),
        "thresholds": settings.thresholds,
        "machine": machine(settings.device),
        "seeds": sorted({job.seed for job in results}),
        "networks": {job.folder: scores for job, scores in results.items()},
    }
    write_text(settings.folder / RECORD, json.dumps(document, indent=1) + "\n")


def machine(device: torch.device) -> dict[str, Any]:
    """Of this process; where a comparison was stopped and gone on with, of its last part."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    return {
        "device": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
    }


def processor() -> str:
    """The processor's name where Linux tells it, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
