"""Which of several structure sets, segmentations and studies of a patient becomes the truth."""

import re
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import generate_uid

from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
from nnunet_cipa.dataset_conversion.study_set.options import Roi
from nnunet_cipa.dataset_conversion.study_set.set_choice import LATEST
from nnunet_cipa.dataset_conversion.study_set.set_words import WORDS
from nnunet_cipa.dicom.export.options import ExportOptions, RoiOptions
from nnunet_cipa.dicom.export.write import export_dicom, read_target_ct
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import IDS, drawn
from tests.dataset_conversion.lucid_dicom_faults import NUMBER, all_called_alike
from tests.dicom.segmentations import make_seg

OTHER = {"StructureSetLabel": "PLAN 2", "StructureSetDate": "20010203", "ApprovalStatus": "APPROVED"}


def found(export, **wanted):
    return read_dicom_set(export.root, Wanted(**wanted), "LUCID", None, 0)


def refusal(export, **wanted):
    ((problem,),) = (failure.problems for failure in found(export, **wanted).failures)
    return problem


def taken(export, **wanted):
    """The mask that is taken, and the line of the key table."""
    made = found(export, **wanted)
    assert made.failures == ()
    (patient,), (key,) = made.patients, made.keys
    return sitk.GetArrayFromImage(patient.read(wanted.get("roi", Roi.IGTV).value).image), key.values


def names_swapped(dataset):
    """IGTV is what GTV was, so that the masks of two structure sets differ."""
    swap = {"GTV": "IGTV", "IGTV": "GTV"}
    for roi in dataset.StructureSetROISequence:
        roi.ROIName = swap.get(roi.ROIName, roi.ROIName)


def second(export, change=names_swapped, **texts):
    """A second structure set of the patient; return its UID."""
    uid = generate_uid()

    def edit(dataset):
        change(dataset)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.SeriesInstanceUID = f"{uid[:60]}.1"
        for keyword, value in {**OTHER, **texts}.items():
            setattr(dataset, keyword, value)

    export.edit(NUMBER, "structures", edit, copy=True)
    return uid


def predicted(export, file="rtstruct.dcm", **texts):
    """What export-dicom makes of a mask, here of the GTV and named IGTV; return its UID."""
    ct = read_target_ct(export.folder(NUMBER), None)
    mask = ct.place(sitk.GetImageFromArray(drawn(NUMBER - 1).gtv))
    folder = export.root.parent / "predicted"
    folder.mkdir()
    sitk.WriteImage(mask, folder / "mask.nii.gz")
    options = ExportOptions(segmentation=True, roi=RoiOptions(roi_name=("IGTV",)))
    export_dicom(folder / "mask.nii.gz", export.folder(NUMBER), folder, options)
    made = pydicom.dcmread(folder / file)
    for keyword, value in texts.items():
        setattr(made, keyword, value)
    made.save_as(export.folder(NUMBER) / "predicted.dcm", enforce_file_format=True)
    return made.SOPInstanceUID


def drop_drawn(export):
    for path in export.files(NUMBER, "structures"):
        path.unlink()


@pytest.fixture
def two_studies(pair):
    """Both patients as studies of one."""
    all_called_alike(pair)
    pair.edit(NUMBER, "PET NAC", lambda dataset: setattr(dataset, "PatientID", "ANON"))
    return pair


@pytest.mark.parametrize("file", ["rtstruct.dcm", "seg.dcm"])
def test_our_own_prediction_is_no_truth_unless_it_is_named(one, file):
    uid = predicted(one, file)
    igtv, key = taken(one)
    np.testing.assert_array_equal(igtv, drawn(NUMBER - 1).igtv)
    assert key["structure_set_uid"] != uid
    (patient,) = found(one).patients
    assert patient.read("IGTV").notes == ("1 more of the patient passed over: predictions of nnunet_cipa, or rejected",)
    drop_drawn(one)
    for words in ((), ("latest",)):
        problem = refusal(one, structure_sets=words)
        assert "is a prediction of nnunet_cipa that nobody approved" in problem
        assert f"{one.folder(NUMBER) / 'predicted.dcm'} ('IGTV', AUTOMATIC; " in problem
        assert uid in problem
    mask, key = taken(one, structure_sets=(uid,))
    np.testing.assert_array_equal(mask, drawn(NUMBER - 1).gtv)
    assert (key["structure_set_uid"], key["roi_generation"]) == (uid, "AUTOMATIC")
    (patient,) = found(one, structure_sets=(uid,)).patients
    assert patient.read("IGTV").notes == (
        "is a prediction of nnunet_cipa that nobody approved, and was taken as --structure-set names it",
    )


def test_our_own_prediction_counts_once_somebody_approved_it(one):
    predicted(one, ApprovalStatus="APPROVED")
    drop_drawn(one)
    mask, key = taken(one)
    np.testing.assert_array_equal(mask, drawn(NUMBER - 1).gtv)
    assert key["approval_status"] == "APPROVED"


def test_a_rejected_structure_set_is_no_truth_unless_it_is_named(one):
    one.edit(NUMBER, "structures", lambda dataset: setattr(dataset, "ApprovalStatus", "REJECTED"))
    assert " was rejected; give the one that was drawn" in refusal(one)
    mask, key = taken(one, structure_sets=("synthetic",))
    np.testing.assert_array_equal(mask, drawn(NUMBER - 1).igtv)
    assert key["approval_status"] == "REJECTED"
    second(one)
    np.testing.assert_array_equal(taken(one)[0], drawn(NUMBER - 1).gtv)


CHOICES = [
    (("plan 2",), "gtv"),
    (("2001-02-03",), "gtv"),
    (("20000101",), "igtv"),
    (("SYNTHETIC", "somebody else's"), "igtv"),
    (("approved",), "gtv"),
    (("latest",), "gtv"),
    (("rtstruct", "ct", "Latest"), "gtv"),
    (("UID",), "gtv"),
    (("series UID",), "gtv"),
    (("plan 2", "20000101", "latest"), "gtv"),
]


def test_one_of_two_is_chosen(one):
    uid = second(one)
    columns = ("structure_set_label", "structure_set_date", "approval_status")
    for given, region in CHOICES:
        words = tuple({"UID": uid, "series UID": f"{uid[:60]}.1"}.get(word, word) for word in given)
        mask, key = taken(one, structure_sets=words)
        np.testing.assert_array_equal(mask, getattr(drawn(NUMBER - 1), region), err_msg=str(words))
        expected = ("PLAN 2", "20010203", "APPROVED") if region == "gtv" else ("SYNTHETIC", "20000101", "UNAPPROVED")
        assert tuple(key[column] for column in columns) == expected


def test_copies_of_a_file_are_one(one):
    (path,) = one.files(NUMBER, "structures")
    shutil.copy(path, path.with_name("COPY"))
    np.testing.assert_array_equal(taken(one)[0], drawn(NUMBER - 1).igtv)


def test_a_series_of_the_structure_set_chooses_too(one):
    uid = second(one)
    np.testing.assert_array_equal(taken(one, series=(f"{uid[:60]}.1",))[0], drawn(NUMBER - 1).gtv)


def test_what_leaves_none_or_several_is_refused_with_all_that_tells_them_apart(one):
    uid = second(one)
    for words, told in (
        ((), "2 RTSTRUCT have such a region: "),
        (("PLAN 3",), "--structure-set PLAN 3: no structure set has that label or date; there is: "),
        (("pet",), "--structure-set pet: none of these is: "),
        (("seg",), "--structure-set seg: none of these is: "),
        (("ct",), "2 RTSTRUCT have such a region: "),
    ):
        problem = refusal(one, structure_sets=words)
        assert told in problem
        assert f"('IGTV', AUTOMATIC; RTSTRUCT {uid} labelled 'PLAN 2' of 20010203, APPROVED)" in problem
        assert "labelled 'SYNTHETIC' of 20000101, UNAPPROVED)" in problem


def test_the_latest_of_one_day_is_that_of_the_later_hour_and_an_unknown_day_is_refused(one):
    second(one, StructureSetDate="20000101", StructureSetTime="235959.5")
    np.testing.assert_array_equal(taken(one, structure_sets=("latest",))[0], drawn(NUMBER - 1).gtv)
    dates = {f"{start}Date": "" for start in ("StructureSet", "Series", "InstanceCreation", "Content")}
    for path in one.folder(NUMBER).glob("*-2"):
        path.unlink()
    second(one, **dates)
    assert "--structure-set latest: not every one has a date" in refusal(one, structure_sets=("latest",))


def test_a_uid_of_nobody_is_refused(one):
    with pytest.raises(CIPAError, match=r"^--structure-set 1\.2\.3\.4: no such structure set was found; correct it"):
        found(one, structure_sets=("1.2.3.4",))


def test_a_uid_concerns_the_patient_who_has_it_alone(pair):
    uid = second(pair)
    made = found(pair, structure_sets=(uid,))
    assert made.failures == ()
    chosen = {key.values["patient_id"]: key.values["structure_set_label"] for key in made.keys}
    assert chosen == {IDS[0]: "SYNTHETIC", IDS[1]: "PLAN 2"}


def test_provenance_tells_of_the_choice_without_a_date_or_an_identifier(one):
    second(one, StructureSetDate="20000111", StructureSetLabel="final")
    (patient,) = found(one, structure_sets=("approved", "latest")).patients
    facts = patient.read("IGTV").facts
    assert facts.pop("contours") > 0
    assert facts == {
        "kind": "RTSTRUCT",
        "approval_status": "APPROVED",
        "generation": "AUTOMATIC",
        "label": "final",
        "days_after_ct": 10,
        "chosen_by": ("approved",),
    }
    for path in one.folder(NUMBER).glob("*-2"):
        path.unlink()
    second(one, StructureSetLabel=f"of {IDS[NUMBER - 1]}")
    (patient,) = found(one, structure_sets=("approved",)).patients
    assert patient.read("IGTV").facts["label"] is None
    assert patient.read("IGTV").facts["chosen_by"] == ("approved",)


def test_each_study_is_a_case_and_they_have_one_patient(two_studies):
    pair = two_studies
    made = found(pair, per_study=True)
    assert made.failures == ()
    assert [patient.name for patient in made.patients] == ["LUCID_0001_1", "LUCID_0001_2"]
    assert {patient.subject for patient in made.patients} == {"LUCID_0001"}
    masks = [sitk.GetArrayFromImage(patient.read("IGTV").image) for patient in made.patients]
    for number in (1, 2):
        assert any(np.array_equal(mask, drawn(number - 1).igtv) for mask in masks)
    studies = {pydicom.dcmread(pair.files(number, "CT")[0]).StudyInstanceUID for number in (1, 2)}
    assert {key.values["study_uid"] for key in made.keys} == studies
    for patient in made.patients:
        assert patient.ct.study_uid == patient.pet.study_uid


def test_a_study_without_contours_is_no_case_and_one_without_the_region_is_refused(two_studies):
    pair = two_studies
    for path in pair.files(1, "structures"):
        path.unlink()
    made = found(pair, per_study=True)
    assert ([patient.name for patient in made.patients], made.failures) == (["LUCID_0001_1"], ())
    notes = made.patients[0].read("IGTV").notes
    assert notes == ("1 more study of the patient with a CT, but without its contours",)
    one_region = {"GTV": "a", "IGTV": "b"}

    def renamed(dataset):
        for roi in dataset.StructureSetROISequence:
            roi.ROIName = one_region.get(roi.ROIName, roi.ROIName)

    pair.edit(NUMBER, "structures", renamed)
    assert "study 2.25." in refusal(pair, per_study=True)
    assert "no ROI matches the usual names of an IGTV" in refusal(pair, per_study=True)


def test_a_segmentation_is_the_truth(one):
    """Made by highdicom of the GTV, in two segments."""
    study = drawn(NUMBER - 1)
    files = sorted(map(pydicom.dcmread, one.files(NUMBER, "CT")), key=lambda file: file.ImagePositionPatient[2])
    made = make_seg(files, np.stack([study.gtv, study.heart], axis=-1), ("IGTV", "Heart"))
    made.save_as(one.folder(NUMBER) / "seg.dcm")
    assert "2 RTSTRUCT or SEG have such a region" in refusal(one)
    mask, key = taken(one, structure_sets=("seg",), organs=("HEART",))
    np.testing.assert_array_equal(mask, study.gtv)
    assert (key["structure_set_kind"], key["structure_set_label"]) == ("SEG", "LESIONS")
    (patient,) = found(one, structure_sets=("seg",), organs=("HEART",)).patients
    np.testing.assert_array_equal(sitk.GetArrayFromImage(patient.read("HEART").image), study.heart)
    assert patient.read("HEART").notes == ()
    drop_drawn(one)
    np.testing.assert_array_equal(taken(one)[0], study.gtv)


def test_a_segmentation_of_something_else_does_not_disturb(one):
    """Whatever is wrong with it, unless it has the region."""
    files = sorted(map(pydicom.dcmread, one.files(NUMBER, "CT")), key=lambda file: file.ImagePositionPatient[2])
    made = make_seg(files, drawn(NUMBER - 1).heart, ("Heart",))
    made.SegmentationType = "SURFACE"
    made.save_as(one.folder(NUMBER) / "seg.dcm")
    np.testing.assert_array_equal(taken(one)[0], drawn(NUMBER - 1).igtv)
    (patient,) = found(one, pattern="heart", structure_sets=("seg",)).patients
    with pytest.raises(CIPAError, match=r"seg\.dcm: SegmentationType is SURFACE; give one that is BINARY"):
        patient.read("IGTV")


def test_the_page_has_every_word_that_chooses():
    page = (Path(__file__).parents[2] / "docs" / "data_formats.md").read_text(encoding="utf-8")
    table = page.partition("#### Which structure set counts")[2].partition("Several values narrow")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted({*WORDS, LATEST})
