"""The page of a predicted patient: what it says, what it must not say, and that it needs no other file."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.predict.certainty import Certainty, Member
from nnunet_cipa.predict.lesions import measure_lesions
from nnunet_cipa.predict.page import PageOptions, write_page
from tests.predict.phantom import with_mask


class Page(HTMLParser):
    """Texts of a page, pairs of its lists, cells of its tables, and what it loads."""

    def __init__(self, source):
        super().__init__()
        self.source, self.tag, self.terms, self.texts, self.rows, self.loaded = source, "", [], [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tag = tag
        self.loaded += [value for name, value in attributes if name in {"src", "href", "srcset", "data"}]
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        text = " ".join(data.split())
        if not text or self.tag == "style":
            return
        self.texts.append(text)
        if self.tag in {"dt", "dd"}:
            self.terms.append(text)
        if self.tag in {"td", "th"}:
            self.rows[-1].append(text)

    def term(self, name):
        return [self.terms[index + 1] for index, text in enumerate(self.terms[:-1]) if text == name]


def page_of(predicted, folder, **options):
    path = write_page(predicted, measure_lesions(predicted), folder, PageOptions(**options))
    assert [one.name for one in folder.iterdir()] == ["report.html"]
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(phantom_patients, tmp_path_factory):
    """The page of the first patient, as it is by default."""
    return page_of(phantom_patients[0], tmp_path_factory.mktemp("page"))


def test_the_page_needs_no_other_file(page):
    assert len(page.loaded) == 3 + 2 * 8
    assert all(address.startswith("data:image/png;base64,") for address in page.loaded)
    assert not re.search(r"https?:|//|@import|url\(", re.sub(r"data:image/png;base64,[^\"]*", "", page.source))


def secrets(patient):
    sources = patient.sources.values()
    texts = {patient.patient_id, *(str(one.path) for one in sources), *(one.description for one in sources)}
    return texts | {uid for one in sources for uid in (one.series_uid, one.study_uid)}


def test_nothing_on_the_page_tells_who_it_is(page, patient):
    assert "pseudonym_1" in page.texts
    assert not [text for text in secrets(patient) if text in page.source]


def test_names_are_shown_if_that_is_wanted(patient, tmp_path):
    page = page_of(patient, tmp_path, show_names=True)
    assert f"Patient {patient.patient_id}" in page.texts
    assert page.term("series") == [patient.sources[volume].description for volume in ("CT", "PET")]
    assert page.term("read from") == [str(patient.sources[volume].path) for volume in ("CT", "PET")]
    assert patient.pseudonym not in page.source


def test_names_from_the_files_are_text_and_no_markup(patient, tmp_path):
    sources = {volume: replace(one, description="<script>alert(1)</script>") for volume, one in patient.sources.items()}
    page = page_of(replace(patient, sources=sources, patient_id="<img src=x>"), tmp_path, show_names=True)
    assert "Patient <img src=x>" in page.texts
    assert "<script" not in page.source
    assert "x" not in page.loaded


def test_images_suv_and_model_are_told(page, patient, tmp_path):
    assert page.term("files") == ["48", str(patient.pet.GetSize()[2])]
    assert page.term("acquired") == ["2026-01-02 11:12:13"] * 2
    assert page.term("voxels")[0] == "96 x 96 x 48 of 5.23 x 5.23 x 5.00 mm"
    assert page.term("SHA-256") == [patient.sources[volume].sha256 for volume in ("CT", "PET")]
    assert page.term("dose") == [f"{patient.facts.values['PET']['RadionuclideTotalDose'] / 1e6:.1f} MBq"]
    assert page.term("model") == ["nnUNetTrainerCIPASIM__nnUNetPlans__2d"]
    assert page.term("SHA-256, fold_1") == ["fedcba9876543210" * 4]
    assert page.term("saw") == ["HU from -1200 to -200, SUV from 0 to 20; beyond that values are alike to it"]
    assert page.term("time") == ["44.2 s: reading 3.2 s, predicting 41.0 s"]
    assert any("not for clinical use without a physician's review" in text for text in page.texts)
    assert any("trained on synthetic phantoms" in text for text in page.texts)
    raw = replace(patient, model=replace(patient.model, storage=Storage(Intensity.RAW), dataset_json={}))
    other = page_of(raw, tmp_path)
    assert other.term("saw") == ["HU and SUV, which nnU-Net normalised"]
    assert not any("synthetic" in text for text in other.texts)


def test_the_lesions_are_those_that_were_measured(page, patient):
    (label,) = measure_lesions(patient).labels
    lesions = [row for row in page.rows if row[:1] == ["IGTV"]]
    assert [row[1] for row in lesions] == ["1", "2", "3", "4", "all"]
    assert [float(row[2]) for row in lesions[:4]] == pytest.approx([one.volume_ml for one in label.uptake], abs=0.005)
    volume = np.count_nonzero(sitk.GetArrayViewFromImage(patient.mask)) * np.prod(patient.ct.GetSpacing()) / 1000
    assert f"{volume:.1f}" in page.texts


def test_warnings_are_told_and_their_absence_too(page, patient, tmp_path):
    quiet = "The automatic checks have found nothing to look at in particular."
    assert quiet in page.texts
    other = page_of(replace(patient, warnings=("The PET covers 60% of the body.", "Second.")), tmp_path)
    assert quiet not in other.texts
    assert {"The PET covers 60% of the body.", "Second."} <= set(other.texts)


def test_a_page_without_tumour_shows_the_projections_alone(patient, tmp_path):
    empty, _ = with_mask(patient, 0 * sitk.GetArrayFromImage(patient.mask))
    page = page_of(empty, tmp_path)
    assert len(page.loaded) == 3
    assert "None." in page.texts
    assert "Slices with most tumour" not in page.texts


def test_certainty_is_told_by_member(patient, tmp_path):
    members = (Member("fold_0", 100.0, 0.81), Member("fold_1", 250.04, 0.7))
    maps = {"members": sitk.GetArrayFromImage(patient.mask) * np.uint8(50)}
    page = page_of(
        replace(patient, certainty=Certainty(members, 0.62, 0.7, 5.2, 1.0, maps, "Not calibrated.")), tmp_path
    )
    assert ["fold_1", "250.0", "0.700"] in page.rows
    assert "0.62" in page.texts
    assert any(
        "from 100.0 to 250.0 ml" in text and "5.2 ml are tumour to some of them alone. Not calibrated." in text
        for text in page.texts
    )
    page = page_of(replace(patient, certainty=Certainty(members[:1], np.nan, 0.7, 0.0, 1.0, maps)), tmp_path)
    assert "nan" not in " ".join(page.texts)


def test_values_of_nifti_are_told_as_they_are(patient, tmp_path):
    page = page_of(replace(patient, facts=replace(patient.facts, values={}, notes={"CT": ("a note",)})), tmp_path)
    assert "SUV by body weight as the file has them; how they were computed is not known here" in page.terms
    assert page.term("note") == ["a note"]
