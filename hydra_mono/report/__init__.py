"""One page that shows what a run made of a sequence."""

from hydra_mono.report.write import REPORT, write_report

__all__ = ["REPORT", "write_report"]
