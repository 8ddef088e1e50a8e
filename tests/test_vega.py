"""Charts in a page, as a browser draws and downloads them, and as files."""

import csv
import io
import json
import re
import shutil
import subprocess
from html import unescape

import pytest

from assay.errors import AssayError
from assay.report.vega import FORMATS, VegaChart, numbers, panels, require_format, script, sized, style, whole_numbers

HOSTILE = 'a "quoted", </script><b>name'
ROWS = [{"n": n, "size": n * n, "name": HOSTILE, **({"low": n} if n > 2 else {})} for n in (1, 2, 3)]
LINE = {"mark": {"type": "line", "point": True}, "encoding": {"x": whole_numbers("n", "N"), "y": numbers("size", "m")}}
CHARTS = [
    VegaChart("single", "Squares grow", "Size against N.", "", {"height": 90, **LINE}, ROWS),
    VegaChart(
        "panels", "One panel for each N", "Size.", "", panels("n", [1, 2, 3], 90, [LINE], "n = {}"), ROWS, panel=300
    ),
]
CAPTURE = """
const blobs = [];
URL.createObjectURL = (blob) => { blobs.push(blob); return "#"; };
HTMLAnchorElement.prototype.click = () => {};
addEventListener("load", async () => {
  for (const button of document.querySelectorAll(".chart-links button")) await button.onclick();
  const texts = await Promise.all(blobs.map((blob) => blob.text()));
  const drawn = Array.from(document.querySelectorAll("[data-chart]"), (place) => place.querySelector("svg") ?
    [place.dataset.chart, Number(place.querySelector("svg").getAttribute("width"))] : [place.dataset.chart, 0]);
  const told = document.createElement("pre");
  told.id = "told";
  told.textContent = JSON.stringify({texts, drawn});
  document.body.append(told);
});
"""


@pytest.mark.parametrize("form", FORMATS)
def test_a_chart_is_a_file_of_each_kind(form):
    for chart in CHARTS:
        assert chart.file(form).startswith({"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF"}[form])


def test_other_kinds_are_refused():
    require_format("png")
    with pytest.raises(AssayError, match="kind of figures 'jpg' is not known"):
        require_format("jpg")


def test_a_file_has_the_message_what_is_drawn_and_a_white_ground():
    svg = CHARTS[0].file().decode()
    written = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
    assert {"Squares grow", "Size against N.", "N", "m"} <= set(written)
    assert 'fill="white"' in svg


@pytest.mark.parametrize(("width", "columns"), [(1000, 3), (700, 2), (420, 1), (280, 1)])
def test_panels_stand_in_as_many_columns_as_have_room(width, columns):
    spec = sized(CHARTS[1], width)
    assert spec["columns"] == columns
    assert all(panel["width"] <= width / columns for panel in spec["concat"])


def test_a_page_holds_rows_as_a_table_with_blanks_and_no_tag_of_theirs():
    found = CHARTS[0].to_json()
    assert found["columns"] == ["n", "size", "name", "low"]
    assert found["rows"] == [[1, 1, HOSTILE, None], [2, 4, HOSTILE, None], [3, 9, HOSTILE, 3]]
    assert "</script>" not in script(CHARTS)
    assert script([]) == ""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium")
def test_a_browser_draws_every_chart_and_downloads_what_is_drawn(tmp_path):
    places = "".join(f'<figure><div class="vega" data-chart="{chart.name}"></div></figure>' for chart in CHARTS)
    page = tmp_path / "page.html"
    parts = (f"<style>{style()}</style>{places}", f"<script>{CAPTURE}</script>", f"<script>{script(CHARTS)}</script>")
    page.write_text("<!DOCTYPE html><body>" + "".join(parts), "utf-8")
    options = ["--headless", "--no-sandbox", f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000"]
    done = subprocess.run(
        ["chromium", *options, "--dump-dom", f"file://{page}"], capture_output=True, text=True, check=True
    )
    told = json.loads(unescape(re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
    assert [name for name, _ in told["drawn"]] == ["single", "panels"]
    assert all(width > 250 for _, width in told["drawn"])
    tables, drawings = told["texts"][::2], told["texts"][1::2]
    for text in tables:
        assert list(csv.reader(io.StringIO(text))) == [
            ["n", "size", "name", "low"],
            ["1", "1", HOSTILE, ""],
            ["2", "4", HOSTILE, ""],
            ["3", "9", HOSTILE, "3"],
        ]
    for chart, text in zip(CHARTS, drawings, strict=True):
        assert text.startswith("<svg")
        assert chart.title in text
        assert "currentColor" not in text
