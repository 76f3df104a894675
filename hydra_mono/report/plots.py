"""Plots as inline SVG."""

from collections.abc import Sequence

import numpy as np

from hydra_mono.graph.drawing.svg import document, element, polyline, text, title

WIDTH, HEIGHT, LEFT, BOTTOM = 720.0, 180.0, 56.0, 24.0
BAR_PX = 18.0
INK, PALE, BLUE, LIGHT = "#1d1d1f", "#d9d9de", "#2f6db5", "#a8c4e6"


def line_plot(values: Sequence[float], unit: str, last_x: int) -> str:
    """Values at even steps from 0 to ``last_x``, over a scale from 0."""
    top = _round_up(max([*values, 1e-9]))
    xs = np.linspace(LEFT, WIDTH - 8, max(len(values), 2))
    span = HEIGHT - BOTTOM - 10
    points = [
        (float(x), HEIGHT - BOTTOM - span * value / top)
        for x, value in zip(xs, values, strict=False)
    ]
    lines = [*_grid(top, unit, span), polyline(points, stroke=BLUE, stroke_width=1.3)]
    lines.append(text("0", LEFT, HEIGHT - 8, font_size=11, fill=INK))
    end = {"font_size": 11, "fill": INK, "text_anchor": "end"}
    lines.append(text(f"frame {last_x}", WIDTH - 8, HEIGHT - 8, **end))
    return document(WIDTH, HEIGHT, lines)


def _grid(top: float, unit: str, span: float) -> list[str]:
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = HEIGHT - BOTTOM - span * share
        lines.append(polyline([(LEFT, y), (WIDTH - 8, y)], stroke=PALE))
        words = f"{top * share:g} {unit}"
        lines.append(text(words, LEFT - 6, y + 4, font_size=11, text_anchor="end", fill=INK))
    return lines


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    return next(float(step * power) for step in (1, 2, 5, 10) if step * power >= value * 0.9999)


def bar_plot(rows: Sequence[tuple[str, float, float]], unit: str) -> str:
    """(name, value, larger value) a bar each: the value dark, up to the larger one light."""
    largest = max([*(row[2] for row in rows), 1e-9])
    left, height = 130.0, BAR_PX * len(rows) + 4
    scale = (WIDTH - left - 130) / largest
    lines = []
    for number, (name, value, larger) in enumerate(rows):
        y = number * BAR_PX + 3
        words = f"{name}: median {value:.1f}, 95 % below {larger:.1f} {unit}"
        wide, narrow = larger * scale, value * scale
        lines.append(text(name, left - 6, y + 11, font_size=12, text_anchor="end", fill=INK))
        bar = {"x": left, "y": y, "height": BAR_PX - 5}
        lines.append(element("rect", title(words), width=max(wide, 0.5), fill=LIGHT, **bar))
        lines.append(element("rect", title(words), width=max(narrow, 0.5), fill=BLUE, **bar))
        figures = f"{value:.1f} / {larger:.1f} {unit}"
        x = left + max(wide, narrow) + 6
        lines.append(text(figures, x, y + 11, font_size=11, fill=INK))
    return document(WIDTH, height, lines)
