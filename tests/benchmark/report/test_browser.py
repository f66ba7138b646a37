"""The page in a real browser, where there is one."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest

from nnunet_cipa.evaluation.report.write import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium")

SORTING = """
const texts = (table, column) => [...table.tBodies[0].rows].map(row => row.cells[column].textContent);
const sort = (table, column) => {
  const head = table.tHead.rows[0].cells[column];
  head.querySelector("button").click();
  return [head.ariaSort, ...texts(table, column)];
};
const tables = [...document.querySelectorAll("table.sortable")];
const all = tables.at(-1);
answer({ up: sort(all, 4), down: sort(all, 4), names: sort(all, 0), p: sort(tables[3], 5),
         cost: [sort(tables[7], 6), sort(tables[7], 6)][1] });
"""
COLOURS = """
const style = element => getComputedStyle(element);
const text = document.querySelector("svg text");
answer({ ground: style(document.body).backgroundColor, ink: style(document.body).color, chart: style(text).fill,
         overflow: document.documentElement.scrollWidth - innerWidth });
"""


@pytest.fixture(scope="module")
def ask(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    page = write_report(report, folder / "report").read_text(encoding="utf-8")

    def run(script, *options):
        answer = (
            'const answer = x => { document.body.innerHTML = "<pre>" + JSON.stringify(x).replaceAll("<", "&lt;"); };'
        )
        path = folder / "asks.html"
        path.write_text(page.replace("</body>", f"<script>{answer}{script}</script></body>"), encoding="utf-8")
        shown = subprocess.run(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", *options,
             "--dump-dom", path.as_uri()],
            check=True, capture_output=True, text=True, timeout=120,
        ).stdout  # fmt: skip
        return json.loads(unescape(re.search(r"<pre>(.*)</pre>", shown)[1]))

    return run


def test_tables_can_be_sorted(ask):
    found = ask(SORTING)
    up, down = ([float(text) for text in found[name][1:]] for name in ("up", "down"))
    assert (found["up"][0], found["down"][0]) == ("ascending", "descending")
    assert len(up) == 30
    assert up == sorted(up)
    assert up[0] < up[-1]
    assert down == sorted(up, reverse=True)
    assert found["names"][1:] == sorted(found["names"][1:])
    values = [float(text.replace("<0.001", "0.0009")) for text in found["p"][1:]]
    assert values == sorted(values)
    # what is not known comes last
    assert found["cost"][1:] == ["7 x 50", "n/a", "n/a"]


def brightness(colour):
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


@pytest.mark.parametrize(("scheme", "dark"), [(0, True), (1, False)])
def test_light_and_dark(ask, scheme, dark):
    found = ask(COLOURS, f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1280,900")
    ground, ink = brightness(found["ground"]), brightness(found["ink"])
    assert (ground < 60 and ink > 200) if dark else (ground > 220 and ink < 60)
    assert found["chart"] == found["ink"]
    assert found["overflow"] <= 0
