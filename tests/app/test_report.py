"""The page about a run: complete, by itself, small, and true to the graph."""

import io
import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from base64 import b64decode
from dataclasses import replace
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers_exports import link
from helpers_query import ask_house, grid_graph, symbol, thing
from helpers_saved import described_house, run_of
from PIL import Image

from hydra_mono.core.config import load_config
from hydra_mono.core.errors import DataError
from hydra_mono.graph.drawing.floor_plan import floor_plan_svg
from hydra_mono.graph.drawing.geojson import geojson_document
from hydra_mono.graph.drawing.labels import ASCENT, DESCENT, Line, Rectangle, extent
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.report import write_report
from hydra_mono.report.html import table

WIDTHS = (420, 1120)  # of a telephone and of a desk


class Reader(HTMLParser):
    """What a person sees: text, and tags that are open at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    config = load_config(None, ("mapping.voxel_size=0.06",))
    path = run_of(described_house(), tmp_path_factory.mktemp("runs"), config)
    return write_report(path).read_text()


def test_the_page_is_whole_and_by_itself(text: str) -> None:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert "script" not in reader.tags
    assert reader.links == []
    assert len(text) < 3e6


def test_objects_are_shown_with_their_images(tmp_path: Path) -> None:
    written = io.BytesIO()
    Image.new("RGB", (96, 72), (200, 30, 30)).save(written, "JPEG")
    images = {symbol("O(0)"): written.getvalue(), symbol("O(99)"): b"of nobody"}
    path = run_of(described_house(), tmp_path, images=images)
    reader = Reader()
    reader.feed(write_report(path).read_text())
    (link,) = reader.links
    assert b64decode(link.removeprefix("data:image/jpeg;base64,")) == written.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        *("house <1>", "kitchen", "93%", "oven", "room 2", "table 0 (O(0))", "on table 0"),
        *("vanished", "nan-pose", "000002: nan-pose", "integrate", "mapping.voxel_size", "0.06"),
        *("objects: f1", "3 m"),
    ],
)
def test_the_page_tells(text: str, words: str) -> None:
    reader = Reader()
    reader.feed(text)
    assert words in " | ".join(reader.words)


MEASURE = """<script>onload = () => {
const found = [...document.querySelectorAll("iframe")].map((frame) => {
  const page = frame.contentDocument, images = [...page.images];
  const names = [...page.querySelector("svg").querySelectorAll("text")];
  const seen = names.map(name => name.getBoundingClientRect());
  const clash = seen.some((a, i) => seen.some((b, j) => i < j && a.left < b.right &&
    b.left < a.right && a.top < b.bottom && b.top < a.bottom));
  return {wide: page.documentElement.scrollWidth, seen: frame.clientWidth, clash,
    images: images.length, shown: images.filter(i => i.naturalWidth > 0).length};
});
document.title = JSON.stringify(found);
}</script>"""


def test_a_browser_shows_the_page_at_two_widths_without_anything_beyond_its_edge(
    tmp_path: Path,
) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    written = io.BytesIO()
    Image.new("RGB", (96, 72), (200, 30, 30)).save(written, "JPEG")
    path = run_of(described_house(), tmp_path, images={symbol("O(0)"): written.getvalue()})
    page = escape(write_report(path).read_text())
    frames = [f'<iframe style="width:{w}px;height:900px" srcdoc="{page}"></iframe>' for w in WIDTHS]
    (tmp_path / "both.html").write_text(f"<title></title>{MEASURE}{''.join(frames)}")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'b'}"]
    command = [browser, *flags, "--dump-dom", (tmp_path / "both.html").as_uri()]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    found = json.loads(unescape(shown.split("<title>")[1].split("</title>")[0]))
    assert [page["seen"] for page in found] == list(WIDTHS)
    for page in found:
        assert page["wide"] <= page["seen"]
        assert not page["clash"], "words of the plan lie over one another"
        assert (page["images"], page["shown"]) == (1, 1)


def test_a_long_table_counts_what_it_leaves_out() -> None:
    text = table(("n",), [(n,) for n in range(1000)], most_rows=400)
    assert text.count("<tr>") == 401 and "and 600 more" in text


def test_a_large_map_stays_below_three_megabytes(tmp_path: Path) -> None:
    path = run_of(grid_graph(objects=60, places=100, rooms=4), tmp_path)
    size = write_report(path).stat().st_size
    per_object = (size - write_report(run_of(SceneGraph(), tmp_path)).stat().st_size) / 60
    assert per_object * 1000 + size < 3e6  # as many as the page lists, and drawn ones


def test_a_run_that_mapped_nothing_has_a_page(tmp_path: Path) -> None:
    assert "no room was seen" in write_report(run_of(SceneGraph(), tmp_path)).read_text()


def test_without_a_run_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        write_report(tmp_path)


def test_the_plan_has_rooms_doors_objects_and_the_path_where_they_are() -> None:
    path = np.array([[0.5, 0.5, 1.2], [3.5, 3.5, 1.2]])
    drawing = ET.fromstring(floor_plan_svg(described_house(), 0, path))
    kinds = [element.tag.split("}")[1] for element in drawing.iter()]
    assert kinds.count("polygon") == 2 + 6  # rooms, and objects with the one that left
    words = {element.text for element in drawing.iter() if element.text}
    assert {"kitchen", "16.0 m²", "1 m", "table O(0)", "chair O(4): was there"} <= words
    box = [float(value) for value in drawing.attrib["viewBox"].split()]
    for element in drawing.iter():
        for point in element.attrib.get("points", "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= box[2] and 0 <= y <= box[3]


def test_words_of_a_plan_lie_over_no_others_and_rooms_names_beside_furniture() -> None:
    graph = described_house()
    x, y, _ = graph.get_node(symbol("R(0)")).position_m
    for number, name in enumerate(("wardrobe", "television")):  # one on the other, in the middle
        node = thing(7, (x, y, 0.5 + number), (1.6, 0.8, 0.9 - 0.5 * number))
        graph.add_node(symbol(f"O({50 + number})"), replace(node, name=name))
        link(graph, "p(12)", f"O({50 + number})")
    drawing = ET.fromstring(floor_plan_svg(graph))
    words = [e for e in drawing.iter() if e.tag.endswith("text")]
    named = {e.text for e in words}
    assert {"kitchen", "wardrobe"} <= named
    rectangles = [
        extent([Line(e.text or "", float(e.attrib["font-size"]))], (float(e.attrib["x"]), y_of(e)))
        for e in words
    ]
    for i, a in enumerate(rectangles):
        assert not any(a.shared_px(b) > 1e-6 for b in rectangles[:i])
    beside = {e.text: r for e, r in zip(words, rectangles, strict=True)}
    assert not beside["kitchen"].shared_px(beside["wardrobe"])
    wardrobe = next(
        e for e in drawing.iter() if (e.findtext("{*}title") or "").startswith("wardrobe")
    )
    corners = [tuple(map(float, pair.split(","))) for pair in wardrobe.attrib["points"].split()]
    assert not beside["kitchen"].shared_px(Rectangle.around(corners))


def y_of(element: ET.Element) -> float:
    """The middle of a line's letters, from where it stands."""
    return float(element.attrib["y"]) - (ASCENT - DESCENT) / 2 * float(element.attrib["font-size"])


def test_a_plan_without_outlines_shows_free_space() -> None:
    drawing = ET.fromstring(floor_plan_svg(ask_house()))
    assert sum(element.tag.endswith("circle") for element in drawing.iter()) == 50


def test_geojson_has_closed_polygons_in_the_world() -> None:
    graph = described_house()
    graph.origin_m = (100.0, 200.0, 0.0)
    features = geojson_document(graph)["features"]
    kinds = [feature["properties"]["kind"] for feature in features]
    assert (kinds.count("room"), kinds.count("object"), kinds.count("door")) == (2, 5, 1)
    for feature in features:
        if feature["geometry"]["type"] == "Polygon":
            (ring,) = feature["geometry"]["coordinates"]
            assert ring[0] == ring[-1]
            assert all(100 <= x <= 108 and 200 <= y <= 204 for x, y in ring)
    line = next(f["geometry"] for f in features if f["properties"]["kind"] == "door")
    np.testing.assert_allclose(line["coordinates"], [[104, 201.55], [104, 202.45]])


def test_a_storey_shows_its_own_rooms_only() -> None:
    graph = described_house()
    graph.update_node(symbol("R(1)"), storey=1)
    drawing = floor_plan_svg(graph, 1)
    assert "room 2" in drawing and "kitchen" not in drawing
