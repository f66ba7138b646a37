"""Which CT and PET of a patient are taken where no contours tell."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.study_set.check import StudyCheckJob, check_study
from nnunet_cipa.dataset_conversion.study_set.unlabelled import read_unlabelled
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import IDS, drawn
from tests.dataset_conversion.lucid_dicom_faults import NUMBER, again, change, remove
from tests.dataset_conversion.test_dicom_drawn_on import own_pet_frame, turn, uid_of

OTHER_STUDY = {"StudyInstanceUID": "1.2.3.8", "FrameOfReferenceUID": "1.2.3.9", "StudyDate": "20210304"}


def taken(export, *series, **more):
    found = read_unlabelled(export.root, series, **more)
    assert found.failures == ()
    return found.patients


def refusal(export, *series, **more):
    (failure,) = read_unlabelled(export.root, series, **more).failures
    assert failure.patient == IDS[NUMBER - 1]
    return "; ".join(failure.problems)


def copied(export, kind):
    """UID of the series that ``again`` has made."""
    for path in export.folder(NUMBER).glob("*-2"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        if dataset.SeriesDescription == kind:
            return dataset.SeriesInstanceUID
    raise AssertionError(kind)


def test_a_patient_is_ready_to_be_checked_without_a_region(one):
    remove("structures")(one)
    (patient,) = taken(one)
    assert (patient.ct.patient_id, patient.part) == (IDS[NUMBER - 1], "test")
    checked = check_study(StudyCheckJob(patient, None, crop=True))
    assert checked.problems == ()
    assert (checked.facts.tumour_ml, checked.facts.tumour_slices) == (None, None)
    ct = sitk.GetArrayFromImage(patient.read("CT").image)
    np.testing.assert_array_equal(ct, drawn(NUMBER - 1).ct)


def test_the_only_ct_in_the_frame_of_the_pet_is_taken_and_told(one):
    ct = uid_of(one, "CT")
    again("CT", SeriesDescription="planning", FrameOfReferenceUID="1.2.3.9")(one)
    (patient,) = taken(one)
    assert patient.ct.series_uid == ct
    told = "was taken of 2 CT series as the only one in the study and frame of reference of a PET"
    assert told in patient.read("CT").notes


def test_a_ct_of_the_pets_study_goes_before_one_of_its_frame(one):
    ct = uid_of(one, "CT")
    again("CT", SeriesDescription="older", StudyInstanceUID="1.2.3.8")(one)
    assert [patient.ct.series_uid for patient in taken(one)] == [ct]
    change("CT", StudyInstanceUID="1.2.3.7")(one)
    assert "2 CT series; choose one with --series" in refusal(one)


def test_several_are_refused_with_a_list_and_chosen_by_uid(one):
    ct = uid_of(one, "CT")
    again("CT", SeriesDescription="lung window")(one)
    problem, other = refusal(one), copied(one, "lung window")
    assert "2 CT series; choose one with --series" in problem
    assert "lung window" in problem
    for uid in (ct, other):
        assert uid in problem
        assert [patient.ct.series_uid for patient in taken(one, uid)] == [uid]
    assert "--series names 2 CT series of one patient" in refusal(one, ct, other)


def two_studies(export):
    for kind in ("CT", "PET AC"):
        again(kind, SeriesDescription=f"second {kind}", **OTHER_STUDY)(export)
    return [
        (uid_of(export, "CT"), uid_of(export, "PET AC")),
        (copied(export, "second CT"), copied(export, "second PET AC")),
    ]


def test_two_studies_are_refused_with_a_list(one):
    first, second = two_studies(one)
    problem = refusal(one)
    assert "2 studies have a CT and a PET" in problem
    assert "second CT" in problem
    assert "of 20210304" in problem
    for pair in (first, second):
        for uid in pair:
            assert uid in problem
            assert [(one.ct.series_uid, one.pet.series_uid) for one in taken(one, uid)] == [pair]
    # Both by name, of two frames of reference that nothing ties together
    assert "so where they are to each other is not known" in refusal(one, first[0], second[1])


def test_each_study_can_be_taken(one):
    pairs = two_studies(one)
    patients = taken(one, per_study=True)
    assert sorted((patient.ct.series_uid, patient.pet.series_uid) for patient in patients) == sorted(pairs)
    assert len({patient.subject for patient in patients}) == 1
    remove("PET AC")(one)
    (patient,) = taken(one, per_study=True)
    assert patient.ct.series_uid == pairs[1][0]
    assert "1 more study of the patient with a CT, but without a PET" in patient.read("CT").notes


def test_ct_and_pet_of_two_studies_are_one_case(one):
    change("PET AC", StudyInstanceUID="1.2.3.8")(one)
    for per_study in (False, True):
        (patient,) = taken(one, per_study=per_study)
        assert (patient.ct.series_uid, patient.pet.series_uid) == (uid_of(one, "CT"), uid_of(one, "PET AC"))


def test_a_registration_ties_the_pet_to_the_ct(one):
    own_pet_frame(one, transform=turn((30.0, -20.0, 8.0)))
    (patient,) = taken(one)
    assert patient.read("PET").facts["registration"]["degrees"] == pytest.approx(9, abs=1e-4)
    (one.folder(NUMBER) / "reg.dcm").unlink()
    assert "so where they are to each other is not known" in refusal(one)


def test_what_is_missing_or_not_meant_is_told(one):
    nac = uid_of(one, "PET NAC")
    assert "cannot give SUV" in refusal(one, nac)
    with pytest.raises(CIPAError, match=r"--series 1\.2\.3: no such series was found"):
        read_unlabelled(one.root, ["1.2.3"])
    remove("PET AC")(one)
    assert "no PET series that can be used" in refusal(one)
    remove("CT")(one)
    assert "no CT series that can be used" in refusal(one)


def test_one_nifti_patient_is_read_from_a_folder_of_one_or_of_many(lucid):
    many = read_unlabelled(lucid.root)
    assert [patient.name for patient in many.patients] == [f"P{number:02d}" for number in range(1, 7)]
    (patient,) = read_unlabelled(lucid.root / "P02").patients
    assert (patient.name, patient.part) == ("P02", "test")
    assert patient.paths == many.patients[1].paths
    with pytest.raises(CIPAError, match="--series: is for DICOM"):
        read_unlabelled(lucid.root, ["1.2.3"])
    with pytest.raises(CIPAError, match="--suv-override: is for DICOM"):
        read_unlabelled(lucid.root / "P02", suv=SuvOptions(suv_override=lucid.root / "table.csv"))
    lucid.path("P02", "PET").unlink()
    (failure,) = read_unlabelled(lucid.root / "P02").failures
    assert "PET.nii.gz: missing" in failure.problems[0]
    with pytest.raises(CIPAError, match="not a folder"):
        read_unlabelled(lucid.root / "P09")
