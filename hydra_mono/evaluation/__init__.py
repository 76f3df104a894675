"""Scores of a run against known truth."""

from hydra_mono.evaluation.inputs import RunInputs
from hydra_mono.evaluation.run_files import inputs_of_run
from hydra_mono.evaluation.scores import Scores, evaluate, table

__all__ = ["RunInputs", "Scores", "evaluate", "inputs_of_run", "table"]
