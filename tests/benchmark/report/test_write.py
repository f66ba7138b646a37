"""The report's files, judged by their numbers."""

import csv
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from nnunet_cipa.benchmark.report import collect
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import METRICS, read_mask
from nnunet_cipa.evaluation.report.charts import limits_of_agreement
from nnunet_cipa.evaluation.report.write import write_report
from nnunet_cipa.pages.numbers import format_number, format_p
from tests.benchmark.report.conftest import HOSTILE, hand_dice


class Parsed(HTMLParser):
    """Tables by their heading, all links and tags, and the text of figures."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.tags, self.links, self.texts = {}, [], [], []
        self.heading, self.open = "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.open.append(tag)
        self.links += [value for name, value in attributes if name in {"src", "href", "xlink:href"}]
        if tag == "h2":
            self.heading = ""
        elif tag == "tr":
            self.tables.setdefault(self.heading, []).append([])
        elif tag in {"td", "th"}:
            self.tables[self.heading][-1].append("")

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if "h2" in self.open:
            self.heading += data
        elif "td" in self.open or "th" in self.open:
            self.tables[self.heading][-1][-1] += data
        elif "svg" in self.open:
            self.texts.append(data)


@pytest.fixture(scope="module")
def written(report, tmp_path_factory):
    return write_report(report, tmp_path_factory.mktemp("written") / "below" / "report").parent


@pytest.fixture(scope="module")
def page(written):
    return Parsed((written / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def content(written):
    return json.loads((written / "report.json").read_text(encoding="utf-8"))


def test_means_are_those_of_the_known_errors(page, content):
    expected = {model: np.mean([hand_dice(n)[model] for n in range(10)]) for model in hand_dice(0)}
    head, *rows = page.tables["Agreement"]
    assert head[:3] == ["model", "cases", "Dice\u00a0↑"]
    assert [row[:2] for row in rows] == [[model, "10"] for model in expected]
    for (model, mean), row in zip(expected.items(), rows, strict=True):
        value, low, high = map(float, re.fullmatch(r"(\S+) \[(\S+),\s(\S+)\]", row[2]).groups())
        assert value == pytest.approx(mean, abs=5e-4)
        assert low <= value <= high
        (stored,) = [m for m in content["means"] if (m["model"], m["measure"]) == (model, "dice")]
        assert stored["value"] == pytest.approx(mean)
        folds = [np.mean([hand_dice(n)[model] for n in range(fold, 10, 5)]) for fold in range(5)]
        assert stored["folds"] == pytest.approx(folds)
    assert {m["measure"] for m in content["means"]} == set(METRICS)


def test_pooled_table(page, made):
    pixels = dict.fromkeys(("exact", "shifted", "missed"), np.zeros(3))
    for trainer in pixels:
        for fold in range(5):
            for name in made.validated(fold):
                truth = made.truth(int(name[4:]))
                found = read_mask(made.validation(trainer, fold) / f"{name}.nii.gz").array
                hit = (truth & found).sum()
                pixels[trainer] = pixels[trainer] + (hit, found.sum() - hit, truth.sum() - hit)
    head, *rows = page.tables["As the CIPA paper counts: pixels pooled over slices"]
    assert head[1:] == ["slices", "IoU, % ↑", "F1, % ↑", "Acc, % ↑", "HD95, pixels ↓"]
    for (tp, fp, fn), row in zip(pixels.values(), rows, strict=True):
        assert row[1] == "80"
        assert float(row[2]) == pytest.approx(100 * tp / (tp + fp + fn), abs=0.005)
        assert float(row[3]) == pytest.approx(100 * 2 * tp / (2 * tp + fp + fn), abs=0.005)


def test_tests_table(page, content):
    rows = page.tables["Tests between models"][1:]
    assert len(rows) == 9
    assert rows[0][:3] == ["Dice", "exact", "shifted"]
    difference = np.mean([1 - hand_dice(n)["shifted"] for n in range(10)])
    assert rows[0][3].startswith(f"{difference:.3f} [")
    # ten differences of one sign: the exact two-sided p of all ranks on one side, or its normal value with ties
    assert 2 / 2**10 <= float(content["tests"][0]["comparison"]["p"]) < 0.007
    assert rows[0][-1] == "1.00"
    assert content["tests"][0]["holm"] >= content["tests"][0]["comparison"]["p"]


def test_cost_and_training(page):
    head, *rows = page.tables["Cost beside accuracy"]
    exact = dict(zip(head, rows[0], strict=True))
    assert (exact["parameters, M"], exact["GFLOPs"], exact["patch"]) == ("n/a", "n/a", "n/a")
    assert (exact["epochs"], exact["batch"], exact["device"], exact["hours"]) == ("7 x 50", "3", "cpu", "2")
    assert exact["seed"] == "4"
    assert rows[1][-5:] == ["n/a"] * 5


def test_every_case_is_in_the_csv_once(written, report):
    with (written / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["case"]) for row in rows] == [(s.model, s.files.name) for s in report.scores]
    for row in rows:
        assert float(row["dice"]) == pytest.approx(hand_dice(int(row["case"][4:]))[row["model"]])
    assert rows[0].keys() >= {"fold", "patient", *METRICS}


def test_the_page_opens_offline(page):
    pictures = [link for link in page.links if link.startswith("data:image/png;base64,")]
    others = [link for link in page.links if link not in pictures]
    assert len(pictures) == 3 * 3 * 2 + 3 * (2 + 3), "three cases of each model, and three of all side by side"
    assert all(link.startswith("#") for link in others)
    assert not {"link", "iframe", "object"} & set(page.tags)


def test_names_are_text_everywhere(written, page):
    """A model is called ``missed <b>&"'``; in the charts too."""
    assert page.tags.count("b") == 9, "one for the rank of each picture, and none of the name"
    assert any(HOSTILE in text for text in page.texts)
    assert page.tables["Agreement"][3][0] == HOSTILE
    assert "<x>" not in (written / "index.html").read_text(encoding="utf-8")


def test_charts_take_the_colour_of_the_text(written):
    text = (written / "index.html").read_text(encoding="utf-8")
    charts = re.findall(r"<svg .*?</svg>", text, re.DOTALL)
    assert len(charts) == 3
    for chart in charts:
        assert "currentColor" in chart
        assert "#010203" not in chart
        assert "#000000" not in chart
        assert "#ffffff" not in chart
    assert "prefers-color-scheme: dark" in text


def test_markdown_has_the_same_tables(written, page):
    text = (written / "report.md").read_text(encoding="utf-8")
    for title, rows in page.tables.items():
        part = text.split(f"## {title}\n\n")[1].split("\n\n")[0]
        cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in part.strip().splitlines()]
        assert [[cell.strip() for cell in row] for row in [cells[0], *cells[2:]]] == rows


def test_notices_commands_and_facts(written):
    text = (written / "report.md").read_text(encoding="utf-8")
    assert "These are synthetic phantoms" in text
    assert "voxel size [1, 1.5, 3] mm is assumed" in text
    assert "nnunet-cipa benchmark report 701 <x>" in text
    assert "- bootstrap: BCa, 499 resamples of patients, seed 12345" in text
    assert "- seed of the training: exact: 4, shifted: none, missed" in text
    assert "- this report: nnunetv2: " in text


def test_some_folds_and_no_audit_are_told(request_for):
    report = collect(request_for(folds=(0, 2), audit=False))
    assert report.audit is None
    assert any(notice.startswith("Only 2 of 5 folds") for notice in report.notices)
    assert any(notice.startswith("No leakage audit") for notice in report.notices)


def test_json_has_no_nan(content):
    (missed,) = [c for c in content["cases"] if (c["model"], c["case"]) == (HOSTILE, "case00")]
    assert missed["dice"] == 0
    assert missed["relative_volume_error"] == -1
    assert content["models"][0]["multiply_adds"] is None


def test_an_earlier_report_is_not_overwritten(report, tmp_path):
    with pytest.raises(CIPAError, match=f"{re.escape(str(tmp_path))}: exists"):
        write_report(report, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_report_that_failed(report, tmp_path):
    lost = [replace(score, files=replace(score.files, ct=tmp_path / "gone.nii.gz")) for score in report.scores]
    with pytest.raises(CIPAError, match=r"gone\.nii\.gz: no such file"):
        write_report(replace(report, scores=lost), tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_limits_of_agreement_in_closed_form():
    assert limits_of_agreement([1.0, 3.0]) == pytest.approx((2, 2 - 1.96 * math.sqrt(2), 2 + 1.96 * math.sqrt(2)))
    assert limits_of_agreement([1.0])[0] == 1


def test_numbers():
    numbers = [format_number(-0.0001, 2), format_number(math.nan), format_number(1.0005, 2)]
    assert [*numbers, format_p(0.00099), format_p(0.001)] == [
        "0.00",
        "n/a",
        "1.00",
        "<0.001",
        "0.001",
    ]
