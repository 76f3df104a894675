"""Tables and sections of a page, with text escaped."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
:root { --ink: #1d1d1f; --pale: #6e6e73; --line: #d9d9de; --band: #f5f5f7; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); margin: 0 auto; padding: 24px;
  max-width: 1080px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 36px 0 8px; border-bottom: 1px solid var(--line); }
h3 { font-size: 15px; margin: 20px 0 6px; }
p, figcaption { color: var(--pale); margin: 4px 0 12px; }
figure { margin: 12px 0; overflow-x: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--pale); font-weight: 500; white-space: nowrap; }
td img { display: block; max-width: 96px; max-height: 72px; border-radius: 4px; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0; }
.tile { background: var(--band); border-radius: 8px; padding: 10px 16px; min-width: 110px; }
.tile b { display: block; font-size: 21px; }
.tile span { color: var(--pale); font-size: 13px; }
@media (max-width: 600px) { body { padding: 12px; } .tile { flex: 1 1 40%; } }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole document: no script, nothing from elsewhere."""
    head = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    content = "\n".join(body)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n{content}\n</body></html>\n'
    )


def section(heading: str, *content: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{''.join(content)}</section>"


def paragraph(words: str) -> str:
    return f"<p>{escape(words)}</p>"


def table(header: Sequence[str], rows: Sequence[Sequence[object]], most_rows: int = 400) -> str:
    """Numbers stand right; rows beyond ``most_rows`` are counted only."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:most_rows])
    left = len(rows) - most_rows
    more = paragraph(f"and {left} more") if left > 0 else ""
    return f'<div class="scroll"><table><tr>{head}</tr>{lines}</table></div>{more}'


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG within the page; without bytes, an empty cell."""

    jpeg: bytes
    name: str


def _cell(value: object) -> str:
    if isinstance(value, Picture):
        return f"<td>{_picture(value)}</td>"
    if isinstance(value, float):
        return f'<td class="n">{value:.2f}</td>'
    if isinstance(value, int):
        return f'<td class="n">{value}</td>'
    return f"<td>{escape(str(value))}</td>"


def _picture(picture: Picture) -> str:
    if not picture.jpeg:
        return ""
    data = b64encode(picture.jpeg).decode("ascii")
    return f'<img alt="{escape(picture.name)}" src="data:image/jpeg;base64,{data}">'


def tiles(values: Iterable[tuple[str, str]]) -> str:
    """(caption, value) of figures that are read first."""
    cells = (
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(caption)}</span></div>'
        for caption, value in values
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def figure(drawing: str, caption: str) -> str:
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"
