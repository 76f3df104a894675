"""The field's table of a comparison: mean ± deviation over seeds, as text, CSV and picture."""

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from hydra_mono.core.files.atomic import write_text, write_with
from hydra_mono.perception.metrics.dense import delta_m
from hydra_mono.perception.tasks import TASKS
from hydra_mono.training.compare.plan import SINGLE, Job
from hydra_mono.training.compare.runner import Scores

PERCENT = ("semantics", "edges", "parts", "saliency")  # shares, shown as percentages
MARGIN_PX, LINE_PX, FONT_PX = 16, 26, 16  # of the picture
Cells = tuple[str, ...]


@dataclass
class Row:
    """One method: values by column, one a seed."""

    method: str
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, column: str, value: float) -> None:
        self.values.setdefault(column, []).append(value)


def rows_of(results: Mapping[Job, Scores], tasks: Sequence[str]) -> list[Row]:
    """A row a method, in the order they were trained; seeds that lack a task's network are left
    out. Δ_m is against single-task learning of the same seed."""
    rows = []
    for name in dict.fromkeys(job.method for job in results):
        row = Row(name)
        for seed in sorted({job.seed for job in results if job.method == name}):
            _add_seed(row, results, seed, tasks)
        rows.append(row)
    return rows


def _add_seed(row: Row, results: Mapping[Job, Scores], seed: int, tasks: Sequence[str]) -> None:
    parts = _parts(results, row.method, seed)
    metrics = _metrics(parts)
    if set(metrics) != set(tasks):
        return
    for task in tasks:
        row.add(TASKS[task].metric, metrics[task] * (100 if task in PERCENT else 1))
    single = _metrics(_parts(results, SINGLE, seed))
    if set(single) == set(tasks):
        lower = frozenset(task for task in tasks if TASKS[task].lower_is_better)
        row.add("Δm %", delta_m(metrics, single, lower))
    row.add("parameters M", sum(part["parameters"] for part in parts) / 1e6)
    row.add("MACs G", sum(part["macs"] for part in parts) / 1e9)
    row.add("training min", sum(part["seconds"] for part in parts) / 60)
    row.add("images/s", 1 / sum(part["seconds_per_image"] for part in parts))


def _parts(results: Mapping[Job, Scores], name: str, seed: int) -> list[Scores]:
    """Of one method and seed: of one network, or of one a task."""
    return [scores for job, scores in results.items() if (job.method, job.seed) == (name, seed)]


def _metrics(parts: list[Scores]) -> dict[str, float]:
    return {task: value for part in parts for task, value in part["metrics"].items()}


def columns_of(tasks: Sequence[str]) -> list[str]:
    names = [TASKS[task].metric for task in tasks]
    return [*names, "Δm %", "parameters M", "MACs G", "training min", "images/s"]


def text_cells(rows: Sequence[Row], tasks: Sequence[str]) -> list[Cells]:
    """Header and rows, as they are read; a dash where there is no value."""
    columns = columns_of(tasks)
    lines: list[Cells] = [("method", *columns)]
    for row in rows:
        cells = [_cell(row.values.get(column, []), column) for column in columns]
        lines.append((row.method, *cells))
    return lines


def _cell(values: list[float], column: str) -> str:
    if not values:
        return "-"
    digits = 4 if column.endswith("RMSE") else 2
    mean = f"{statistics.fmean(values):.{digits}f}"
    changes = len(set(values)) > 1
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if changes else mean


def csv_text(rows: Sequence[Row], tasks: Sequence[str]) -> str:
    """A line a method: mean and deviation of each column, and how many seeds."""
    columns, out = columns_of(tasks), io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [part for column in columns for part in (column, f"{column} deviation")]
    writer.writerow(["method", "seeds", *names])
    for row in rows:
        cells: list[str] = []
        for column in columns:
            values = row.values.get(column, [])
            mean = f"{statistics.fmean(values):.6g}" if values else ""
            cells += [mean, f"{statistics.stdev(values):.6g}" if len(values) > 1 else ""]
        seeds = max((len(values) for values in row.values.values()), default=0)
        writer.writerow([row.method, seeds, *cells])
    return out.getvalue()


def aligned(lines: Sequence[Cells]) -> str:
    """First column to the left, numbers to the right."""
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    shown = []
    for line in lines:
        rest = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        shown.append("  ".join([line[0].ljust(widths[0]), *rest]).rstrip())
    return "\n".join(shown) + "\n"


def picture(lines: Sequence[Cells]) -> Image.Image:
    """The table, drawn; the font that comes with Pillow has no Greek."""
    lines = [tuple(cell.replace("Δm", "gain") for cell in line) for line in lines]
    font = ImageFont.load_default(FONT_PX)
    widths = [
        round(max(font.getlength(line[k]) for line in lines)) + 2 * MARGIN_PX
        for k in range(len(lines[0]))
    ]
    size = (sum(widths) + MARGIN_PX, LINE_PX * len(lines) + 2 * MARGIN_PX)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        right, top = MARGIN_PX, MARGIN_PX + LINE_PX * number
        if number % 2:
            draw.rectangle((0, top, size[0], top + LINE_PX), fill="#f0f3f7")
        for k, (cell, width) in enumerate(zip(line, widths, strict=True)):
            right += width
            left = right - width if k == 0 else right - MARGIN_PX - font.getlength(cell)
            draw.text((left, top + 4), cell, fill="black", font=font)
    return image


def write_tables(folder: Path, rows: Sequence[Row], tasks: Sequence[str], notes: str) -> str:
    """Writes ``table.txt``, ``.csv`` and ``.png``; returns the text."""
    lines = text_cells(rows, tasks)
    text = f"{aligned(lines)}\n{notes}\n"
    write_text(folder / "table.txt", text)
    write_text(folder / "table.csv", csv_text(rows, tasks))
    write_with(folder / "table.png", lambda file: picture(lines).save(file, "PNG"))
    return text
