import math
import re
from html.parser import HTMLParser
from importlib.metadata import version
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image

from nnunet_cipa.demo import Page, TimedCommand, Verdict, score_case, write_page
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import PetThreshold
from nnunet_cipa.nnunet.cases import find_cases

HOSTILE = "<script>alert('x')</script>&\"'"
# name: columns of truth and of prediction, of 16; the PET is 2 in the first 8 of them, else 1
CASES = {"half": (4, 12), "exact": (8, 8), "empty": (0, 0), "missed": (4, 0)}
MASK_ML = 3 * 10 * 0.8 * 1.25 * 3.0 / 1000  # of one column of 3 slices with 10 rows
DIAGONAL = math.hypot(3 * 3.0, 10 * 1.25, 16 * 0.8)


class Parsed(HTMLParser):
    """Links, elements and the cells of the table's rows."""

    def __init__(self, text):
        super().__init__()
        self.links, self.rows, self.open, self.tags, self.text, self.words = [], [], [], [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in {"src", "href", "srcset", "action", "data"}]
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in {"meta", "link", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in {"dt", "dd"}:
            self.words.append(data)
        if "td" in self.open:
            self.rows[-1][-1] += data

    @property
    def terms(self):
        """Name -> value of the list at the end."""
        return dict(zip(self.words[::2], self.words[1::2], strict=True))


def columns(count):
    mask = np.zeros((3, 10, 16), dtype=np.uint8)
    mask[:, :, :count] = 1
    return mask


@pytest.fixture
def make_page(dataset, tmp_path):
    def make(cases=CASES, **changes):
        pet = 1.0 + columns(8).astype(np.float32)
        for name, (truth, prediction) in cases.items():
            dataset.add(name, columns(truth), columns(prediction), pet=pet)
        curve = tmp_path / "elsewhere" / "progress.png"
        curve.parent.mkdir(exist_ok=True)
        Image.new("RGB", (30, 18), "green").save(curve)
        threshold = PetThreshold(1.5, 0.875)
        results = [score_case(files, threshold) for files in find_cases(dataset.folder, "Ts", dataset.predictions)]
        content = {
            "title": "A title",
            "notice": "A notice.",
            "verdict": Verdict(True, "It went well."),
            "results": results,
            "threshold": threshold,
            "curve": curve,
        }
        return Page(**content | changes)

    return make


def test_each_number_of_the_table(make_page, tmp_path):
    path = write_page(make_page(), tmp_path / "page")
    assert path == tmp_path / "page" / "index.html"
    parsed = Parsed(path.read_text(encoding="utf-8"))
    ml = [f"{MASK_ML * count:.1f}" for count in range(17)]
    # the border of 4 columns to that of 12: the edge of the larger is 8 voxels of 0.8 mm off, for more than 5 % of it
    assert parsed.rows[1:] == [
        ["empty", "n/a", "n/a", ml[0], ml[0], "0.000"],
        ["exact", "1.000", "0.0", ml[8], ml[8], "1.000"],
        ["half", "0.500", "6.4", ml[4], ml[12], f"{2 * 4 / (4 + 8):.3f}"],
        ["missed", "0.000", f"{DIAGONAL:.1f}", ml[4], ml[0], f"{2 * 4 / (4 + 8):.3f}"],
        ["mean", "0.500", "", "", "", f"{(0 + 1 + 2 / 3 + 2 / 3) / 4:.3f}"],
    ]
    assert "at or above 1.500" in " ".join(parsed.text.split())
    assert "0.875 there" in " ".join(parsed.text.split())
    assert parsed.open == []


def test_means_leave_out_what_is_not_defined(make_page):
    page = make_page()
    assert page.mean_dice == pytest.approx(np.nanmean([0.5, 1, math.nan, 0]))
    assert math.isnan(make_page({"empty": (0, 0)}, results=page.results[:1]).mean_dice)


def test_every_picture_is_there_and_nothing_comes_from_outside(make_page, tmp_path):
    page = make_page()
    folder = write_page(page, tmp_path / "page").parent
    text = (folder / "index.html").read_text(encoding="utf-8")
    parsed = Parsed(text)
    assert parsed.tags.count("img") == len(CASES) + 1
    assert not {"script", "link", "iframe", "object", "base"} & set(parsed.tags)
    assert not re.search(r"https?:|//\w|@import|url\(", text)
    pictures = {unquote(link) for link in parsed.links}
    assert {path.name for path in folder.iterdir()} == pictures | {"index.html"}
    for name in pictures:
        with Image.open(folder / name) as picture:
            picture.verify()
    assert (folder / "progress.png").read_bytes() == page.curve.read_bytes()


@pytest.mark.parametrize(
    "name", ["<b>&amp;'\"", "a#b?c%20d", "$x$ and $\\nothing{$", "progress", "javascript:x", "étude"]
)
def test_hostile_case_name(make_page, tmp_path, name):
    """It is shown as it is, its picture is found by a browser, and no other picture is lost."""
    page = make_page({name: (4, 4)})
    folder = write_page(page, tmp_path / "page").parent
    parsed = Parsed((folder / "index.html").read_text(encoding="utf-8"))
    assert parsed.rows[1][0] == name
    assert not {"script", "b>"} & set(parsed.tags)
    overlay, *curve = parsed.links
    parts = urlsplit(overlay)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    with Image.open(folder / unquote(parts.path)) as picture:
        assert picture.width > 1000
    assert (folder / curve[0]).read_bytes() == page.curve.read_bytes()


def test_hostile_text(make_page, tmp_path):
    page = make_page(
        {"a": (4, 4)},
        title=HOSTILE,
        notice=HOSTILE,
        verdict=Verdict(False, HOSTILE),
        commands=[TimedCommand(HOSTILE, 61.4), TimedCommand("export A=1")],
        facts={HOSTILE: HOSTILE},
    )
    text = write_page(page, tmp_path / "page").read_text(encoding="utf-8")
    parsed = Parsed(text)
    assert "script" not in parsed.tags
    # heading and browser's title, notice, verdict, command, name and value of the fact
    assert parsed.text.count(HOSTILE) == 7
    assert f"$ {HOSTILE} # 61 s\n" in parsed.text
    assert "$ export A=1\n" in parsed.text
    assert 'class="card verdict failed"' in text


def test_versions_and_facts_are_told(make_page, tmp_path):
    parsed = Parsed(write_page(make_page(facts={"patients": "25"}), tmp_path / "page").read_text(encoding="utf-8"))
    for package in ("nnunetv2", "torch", "numpy"):
        assert parsed.terms[package] == version(package)
    assert parsed.terms["patients"] == "25"


def no_curve(page):
    page.curve.unlink()
    return page.curve


def damaged_ct(page):
    path = page.results[-1].files.ct
    path.write_bytes(path.read_bytes()[:-20])
    return path


def lost_prediction(page):
    page.results[-1].files.prediction.unlink()
    return page.results[-1].files.prediction


@pytest.mark.parametrize("fail", [no_curve, damaged_ct, lost_prediction])
def test_nothing_is_left_of_a_page_that_failed(make_page, tmp_path, fail):
    page = make_page()
    path = fail(page)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(CIPAError, match=re.escape(str(path))):
        write_page(page, tmp_path / "page")
    assert sorted(tmp_path.iterdir()) == before


def test_an_earlier_page_is_not_overwritten(make_page, tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(CIPAError, match=re.escape(f"{folder}: exists")):
        write_page(make_page(), folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_pet_on_another_grid_is_refused(dataset, write):
    case = dataset.add("a", columns(4), columns(4))
    write(case.pet, columns(4), origin=(0, 0, 0))
    with pytest.raises(CIPAError, match=re.escape(f"{case.pet}: has origin (0, 0, 0) and {case.truth} has")):
        score_case(case, PetThreshold(0.5, 1.0))
