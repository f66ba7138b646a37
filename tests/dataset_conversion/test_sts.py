"""Soft-tissue-Sarcoma: which region becomes the label, in the synthetic patients under its names and in real ones."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.sts.layout import read_sts
from nnunet_cipa.dataset_conversion.sts.options import Options, Truth
from nnunet_cipa.dataset_conversion.study_set.convert import convert_study_set
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.rtstruct.roi_contours import roi_contours
from nnunet_cipa.dicom.rtstruct.roi_mask import roi_mask
from nnunet_cipa.dicom.rtstruct.structures import read_structure_set
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import IDS, cases, drawn, provenance, values, written

REAL = Path(__file__).parents[3] / "shared" / "data" / "sts"
BOTH = {"truth": Truth.MASS_WITH_EDEMA}


def convert(source, **options):
    chosen = Options(**{"processes": 1, **options})
    return convert_study_set(lambda: read_sts(source, chosen), chosen, chosen.key_table)


def named(export, mass, edema):
    """Give the GTV the name of the mass and the IGTV that of the edema."""
    names = {"GTV": mass, "IGTV": edema}

    def rename(dataset):
        for roi in dataset.StructureSetROISequence:
            roi.ROIName = names.get(roi.ROIName, roi.ROIName)

    for number in (1, 2):
        export.edit(number, "structures", rename)
    return export


def masks(conversion):
    return [values(written(conversion.folder, case, "mask")) for case in cases(conversion.folder)]


@pytest.mark.parametrize(
    "names", [("GTV_Mass", "GTV_Edema"), ("GTV_MASS_CT", "gtv edema_ct"), ("Tumor Mass", "Oedema")]
)
@pytest.mark.parametrize("truth", Truth)
def test_the_mass_or_the_mass_with_the_edema_is_the_label(pair, raw, names, truth):
    conversion = convert(named(pair, *names).root, truth=truth)
    assert cases(conversion.folder) == [*IDS[:2]]
    for index, mask in enumerate(masks(conversion)):
        study = drawn(index)
        assert (study.igtv & ~study.gtv.astype(bool)).any()
        expected = study.gtv if truth is Truth.MASS else (study.gtv | study.igtv)
        np.testing.assert_array_equal(mask, expected)


def test_a_patient_without_edema_has_the_mass_alone_and_is_told_of(pair, raw):
    conversion = convert(named(pair, "GTV_Mass", "Other").root, **BOTH)
    np.testing.assert_array_equal(masks(conversion)[0], drawn(0).gtv)
    told = [warning for warning in conversion.warnings if "has no second region to join" in warning]
    assert len(told) == 2


def test_two_masses_are_refused_until_one_is_named(pair, raw):
    named(pair, "GTV_Mass", "GTV_Mass_CT")
    with pytest.raises(CIPAError, match=r"'GTV_Mass(_CT)?', 'GTV_Mass(_CT)?' all match .*; name one with --roi"):
        convert(pair.root)
    np.testing.assert_array_equal(masks(convert(pair.root, pattern="gtv_mass"))[0], drawn(0).gtv)


def drawn_on_the_pet(export, number):
    """A second structure set that names the PET, with the regions the other way round."""
    header = pydicom.dcmread(export.files(number, "PET AC")[0], stop_before_pixels=True)

    def change(dataset):
        for roi in dataset.StructureSetROISequence:
            roi.ROIName = {"GTV_Mass": "GTV_Edema", "GTV_Edema": "GTV_Mass"}.get(roi.ROIName, roi.ROIName)
        (frame,) = dataset.ReferencedFrameOfReferenceSequence
        (study,) = frame.RTReferencedStudySequence
        (series,) = study.RTReferencedSeriesSequence
        series.SeriesInstanceUID = header.SeriesInstanceUID
        series.ContourImageSequence[0].ReferencedSOPInstanceUID = header.SOPInstanceUID
        for roi in dataset.ROIContourSequence:
            for contour in roi.get("ContourSequence", []):
                if "ContourImageSequence" in contour:
                    del contour.ContourImageSequence
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"2.25.{number}77"
        dataset.SeriesInstanceUID = f"2.25.{number}78"

    export.edit(number, "structures", change, copy=True)


def test_of_several_structure_sets_that_on_the_ct_counts(pair, raw):
    named(pair, "GTV_Mass", "GTV_Edema")
    drawn_on_the_pet(pair, 1)
    conversion = convert(pair.root)
    np.testing.assert_array_equal(masks(conversion)[0], drawn(0).gtv)
    assert provenance(conversion.folder, IDS[0])["values"]["GTV"]["chosen_by"] == ["ct preferred"]
    assert provenance(conversion.folder, IDS[1])["values"]["GTV"]["chosen_by"] == ["the only one"]


def test_mr_is_passed_over_and_told(pair, raw):
    named(pair, "GTV_Mass", "GTV_Edema")

    def to_mr(dataset):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        dataset.Modality = "MR"

    pair.edit(1, "CT", to_mr, copy=True)
    count = len(pair.files(1, "CT")) // 2
    assert f"passed over: {count} files of MR Image Storage" in convert(pair.root).told


def test_patients_keep_their_pseudonyms_and_have_a_table_and_groups(pair, raw, tmp_path):
    named(pair, "GTV_Mass", "GTV_Edema")
    for number, model in ((1, "Discovery ST"), (2, "Biograph")):
        pair.edit(number, "PET AC", lambda dataset, model=model: setattr(dataset, "ManufacturerModelName", model))
    conversion = convert(pair.root, group="model", key_table=tmp_path / "keys.csv")
    with (tmp_path / "keys.csv").open(newline="") as file:
        found = {row["case"]: (row["patient_id"], row["model"]) for row in csv.DictReader(file)}
    assert found == {IDS[0]: (IDS[0], "Discovery ST"), IDS[1]: (IDS[1], "Biograph")}
    folds = json.loads((conversion.folder / "splits_final.json").read_text())
    assert [fold["val"] for fold in folds] == [[IDS[1]], [IDS[0]]]
    assert not any("key-table" in warning for warning in convert(pair.root, overwrite=True).warnings)


def test_patient_ids_that_cannot_be_names_of_cases_are_replaced(pair, raw):
    named(pair, "GTV_Mass", "GTV_Edema")
    for path in sorted(pair.folder(1).iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.PatientID = "STS 001/x"
        path.unlink()
        dataset.save_as(path, enforce_file_format=True)
    assert cases(convert(pair.root).folder) == ["STS_0001", "STS_0002"]


def test_slices_with_the_mass_alone(pair, raw):
    conversion = convert(named(pair, "GTV_Mass", "GTV_Edema").root, tumour_slices=True)
    inside = np.flatnonzero(drawn(0).gtv.any(axis=(1, 2)))
    np.testing.assert_array_equal(masks(conversion)[0], drawn(0).gtv[inside[0] : inside[-1] + 1])


@pytest.fixture(scope="module")
def real():
    if not REAL.is_dir():
        pytest.skip(f"{REAL}: the two patients are not there")
    return REAL


def expected(folder, patient, modality):
    image = sitk.ReadImage(str(folder / "expected" / patient / f"{modality}_mask.nii.gz"))
    return sitk.GetArrayFromImage(image) > 0


def dice(found, truth):
    return 2 * np.count_nonzero(found & truth) / (np.count_nonzero(found) + np.count_nonzero(truth))


def test_real_patients_have_the_masks_that_another_library_made(real, raw):
    conversion = convert(real)
    for patient in ("STS_001", "STS_002"):
        found = values(written(conversion.folder, patient, "mask")) > 0
        assert dice(found, expected(real, patient, "CT")) >= 0.999


def test_real_patients_without_the_structure_set_of_the_ct_have_that_of_the_pet(real, raw, tmp_path):
    for modality in ("CT", "PET"):
        shutil.copytree(real / "STS_001" / modality / "image", tmp_path / "sts" / modality)
    shutil.copy(real / "STS_001" / "PET" / "mask" / "RS.dcm", tmp_path / "sts" / "RS.dcm")
    conversion = convert(tmp_path / "sts")
    assert any("in the CT's frame of reference" in warning for warning in conversion.warnings)
    found = values(written(conversion.folder, "STS_001", "mask")) > 0
    # Drawn on voxels five times as wide
    assert dice(found, expected(real, "STS_001", "CT")) > 0.9


@pytest.mark.parametrize("patient", ["STS_001", "STS_002"])
def test_contours_on_the_real_pet(real, patient):
    (candidate,) = group_series(scan_folder(real / patient / "PET" / "image").images)
    structures = read_structure_set(real / patient / "PET" / "mask" / "RS.dcm")
    region = roi_contours(structures, structures.rois[0])
    mask = roi_mask(region, build_series(candidate).grid()).image
    assert dice(sitk.GetArrayFromImage(mask) > 0, expected(real, patient, "PET")) >= 0.999
