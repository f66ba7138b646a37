"""The structured report and the segmentation of lesions, read by highdicom and pydicom."""

import sys

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.predict.lesions.measured import measure_lesions
from nnunet_cipa.predict.lesions.report import write_measurements
from tests.dicom.ct_series import SERIES, STUDY
from tests.dicom.geometry import make_grid
from tests.predict.lesions.patient import (
    BOXES,
    ORIGIN,
    PET_SERIES,
    SUV,
    boxes,
    diameter,
    on,
    predicted,
    volume,
    write_study,
)

SUV_UNIT = codes.cid85.StandardizedUptakeValueBodyWeight


def write(folder, patient, edit=None):
    paths = write_measurements(measure_lesions(patient), write_study(folder, edit), folder / "out" / "sr.dcm")
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted(path.name for path in paths)
    return hd.sr.srread(paths[0]), [hd.seg.segread(path) for path in paths[1:]]


def measured(group):
    """Value and unit of each measurement by its name and derivation."""
    found = {}
    for one in group.get_measurements():
        derivation = one.derivation.meaning if one.derivation else None
        found[one.name.meaning, derivation] = (one.value, one.unit.value)
    return found


def uptake(value):
    unit = SUV_UNIT.value
    return {
        ("SUVbw", "Maximum"): (value, unit),
        ("SUVbw", "Mean"): (value, unit),
        ("SUVbw", "Peak Value Within ROI"): (value, unit),
    }


def test_a_group_of_each_lesion_has_its_measures(tmp_path):
    report, _ = write(tmp_path, predicted(boxes(1, 2)))
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == ["IGTV 1", "IGTV 2"]
    for number, group in enumerate(groups, 1):
        expected = {
            ("Volume", None): (volume(number), "cm3"),
            **uptake(SUV[number]),
            ("Total Lesion Glycolysis", None): (SUV[number] * volume(number), "g"),
            ("Maximum 3D Diameter of a Mesh", None): (diameter(number), "mm"),
        }
        found = measured(group)
        assert {key: unit for key, (_, unit) in found.items()} == {key: unit for key, (_, unit) in expected.items()}
        for key, (value, _) in expected.items():
            assert found[key][0] == pytest.approx(value, rel=1e-5), key
        assert group.finding_type == codes.SCT.Neoplasm
        assert group.finding_sites == []  # nobody knows where in the body it is
        (of_volume,) = group.get_measurements(codes.SCT.Volume)
        assert of_volume.method == codes.DCM.SumOfSegmentedVoxelMethodForVolume
    (total,) = report.content.get_image_measurement_groups()
    assert total.tracking_identifier == "IGTV all"
    found = measured(total)
    assert found["Number of lesions", None] == (2, "1")
    assert found["Total Lesion Glycolysis", None][0] == pytest.approx(SUV[1] * volume(1) + SUV[2] * volume(2), rel=1e-5)
    assert {image.referenced_sop_instance_uid for image in total.source_images} == {
        f"{PET_SERIES}.{k}" for k in range(1, 19)
    }


def test_the_codes_are_those_of_the_standard(tmp_path):
    report, _ = write(tmp_path, predicted(boxes(1)))
    (group,) = report.content.get_volumetric_roi_measurement_groups()
    names = [(one.name.value, one.name.scheme_designator) for one in group.get_measurements()]
    suv = [(codes.DCM.Suvbw.value, "DCM")] * 3
    assert names == [
        (codes.cid7469.Volume.value, "SCT"),
        *suv,
        (codes.cid7466.TotalLesionGlycolysis.value, "DCM"),
        (codes.cid7470.Maximum3DDiameterOfAMesh.value, "IBSI"),
    ]
    derivations = [one.derivation for one in group.get_measurements() if one.derivation]
    assert derivations == [codes.cid7464.Maximum, codes.cid7464.Mean, codes.cid7464.PeakValueWithinROI]
    assert report.ConceptNameCodeSequence[0].CodeValue == codes.cid7021.PETMeasurementReport.value


def test_report_and_segmentation_tell_of_one_lesion_by_its_tracking_uid(tmp_path):
    report, (segmented,) = write(tmp_path, predicted(boxes(2, 1)))
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len({group.tracking_uid for group in groups}) == 2
    for number, group in enumerate(groups, 1):
        reference = group.referenced_segment
        segment = segmented.get_segment_description(reference.referenced_segment_numbers[0])
        assert reference.referenced_sop_instance_uid == segmented.SOPInstanceUID
        assert (segment.tracking_uid, segment.tracking_id) == (group.tracking_uid, group.tracking_identifier)
        assert segment.segment_label == f"IGTV {number}"
        assert reference.source_series_for_segmentation.value == SERIES
    uids = [f"{SERIES}.{k + 1}" for k in range(24)]
    pixels = segmented.get_pixels_by_source_instance(
        uids, ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    for number in (1, 2):
        np.testing.assert_array_equal(pixels[..., number - 1], boxes(number))
    slices = sum(BOXES[number][0].stop - BOXES[number][0].start for number in (1, 2))
    assert segmented.NumberOfFrames == slices


def test_it_is_preliminary_and_says_who_made_it(tmp_path):
    report, (segmented,) = write(tmp_path, predicted(boxes(1)))
    assert (report.CompletionFlag, report.PreliminaryFlag, report.VerificationFlag) == (
        "COMPLETE",
        "PRELIMINARY",
        "UNVERIFIED",
    )
    (group,) = report.content.get_volumetric_roi_measurement_groups()
    said = {item.name.meaning: item.value for item in group[0].ContentSequence if "Algorithm" in item.name.meaning}
    assert said["Algorithm Name"] == ORIGIN.model_name
    assert said["Algorithm Version"] == ORIGIN.model_version
    assert said["Algorithm Parameters"] == ORIGIN.versions[1]
    for made in (report, segmented):
        assert list(made.SoftwareVersions[1:]) == list(ORIGIN.versions)
    assert report.SeriesDescription == ORIGIN.series_description
    assert segmented.SeriesDescription == f"{ORIGIN.series_description}, by lesion"
    (observer,) = report.content.get_observer_contexts()
    assert observer.observer_identifying_attributes.name == "nnunet_cipa"


def test_it_is_in_the_cts_study_and_names_what_it_is_made_of(tmp_path):
    report, (segmented,) = write(tmp_path, predicted(boxes(1)))
    series = {one for study, one in report.get_evidence_series() if study == STUDY}
    assert series == {SERIES, PET_SERIES, segmented.SeriesInstanceUID}
    assert len(report.get_evidence()) == 24 + 18 + 1
    ct = pydicom.dcmread(next((tmp_path / "study").glob("*_7.dcm")))
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID", "StudyDate"):
        assert report.get_item(keyword).value == ct.get_item(keyword).value
    assert len({report.SeriesInstanceUID, segmented.SeriesInstanceUID, ct.SeriesInstanceUID}) == 3
    assert (report.Modality, report.SeriesNumber, segmented.SeriesNumber) == ("SR", 9003, 9004)


def test_no_lesion_is_told_and_has_no_segmentation(tmp_path):
    report, segmented = write(tmp_path, predicted(boxes()))
    assert segmented == []
    assert report.content.get_volumetric_roi_measurement_groups() == []
    (total,) = report.content.get_image_measurement_groups()
    assert measured(total) == {("Number of lesions", None): (0, "1")}


def test_what_the_pet_does_not_cover_is_not_reported(tmp_path):
    pet = on(make_grid((40, 32, 24), (2.0, 2.0, 3.0))[:, :, :17], np.full((17, 32, 40), 2, dtype=np.float32))
    report, _ = write(tmp_path, predicted(boxes(1, 2), pet=pet))
    whole, part = report.content.get_volumetric_roi_measurement_groups()
    assert measured(whole)["SUVbw", "Maximum"] == (2, SUV_UNIT.value)
    assert set(measured(part)) == {("Volume", None), ("Maximum 3D Diameter of a Mesh", None)}
    (total,) = report.content.get_image_measurement_groups()
    assert set(measured(total)) == {("Volume", None), ("Number of lesions", None)}


def test_labels_that_overlap_have_a_segmentation_each(tmp_path):
    values = boxes(1)
    values[BOXES[2]] = 2
    patient = predicted(values, {"whole": (1, 2), "Läsion\\": (1,), "Heart": (2,), "none": (7,)})
    report, segmented = write(tmp_path, patient)
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "sr.dcm",
        "sr_seg.dcm",
        "sr_seg_2.dcm",
        "sr_seg_3.dcm",
    ]
    groups = report.content.get_volumetric_roi_measurement_groups()
    named = [group.tracking_identifier for group in groups]
    assert named == ["whole 1", "whole 2", "L?sion? 1", "Heart 1"]
    assert [group.finding_type.meaning for group in groups] == ["Lesion", "Lesion", "Lesion", "Heart"]
    of = {one.SOPInstanceUID: one for one in segmented}
    for group in groups:
        reference = group.referenced_segment
        number = reference.referenced_segment_numbers[0]
        segment = of[reference.referenced_sop_instance_uid].get_segment_description(number)
        assert segment.tracking_uid == group.tracking_uid


def test_a_pet_of_another_study_is_named_with_that(tmp_path):
    def edit(piece, k):
        if str(piece.SeriesInstanceUID) == PET_SERIES:
            piece.StudyInstanceUID = STUDY + ".77"

    report, _ = write(tmp_path, predicted(boxes(1)), edit)
    assert (STUDY + ".77", PET_SERIES) in report.get_evidence_series()
    assert (STUDY, PET_SERIES) not in report.get_evidence_series()


def test_without_highdicom_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(CIPAError, match=r"--sr needs highdicom .* pip install 'nnunet-cipa\[seg\]'"):
        write(tmp_path, predicted(boxes(1)))


def test_what_is_not_a_uid_is_refused_before_anything_is_written(tmp_path):
    def edit(piece, k):
        if piece.SeriesInstanceUID == PET_SERIES:
            piece.SOPInstanceUID = f"1.2.x.{k}"

    with pydicom.config.disable_value_validation():
        subject = write_study(tmp_path, edit)
    with pytest.raises(CIPAError, match=r"SOPInstanceUID '1\.2\.x\.0' is not a UID"):
        write_measurements(measure_lesions(predicted(boxes(1))), subject, tmp_path / "out" / "sr.dcm")
    assert not (tmp_path / "out").exists()
