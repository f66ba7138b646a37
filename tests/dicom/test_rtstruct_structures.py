"""Reading structure sets: what is taken from them, which are refused."""

import numpy as np
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from nnunet_cipa.dicom.rtstruct.roi_contours import read_contours, roi_contours
from nnunet_cipa.dicom.rtstruct.structures import check_belongs, read_structure_set
from nnunet_cipa.errors import CIPAError
from tests.dicom.geometry import make_grid, rectangle, to_points
from tests.dicom.rtstruct import FRAME, SERIES, STUDY, contour, item, save, series_of, structure_set

GRID = make_grid()
SQUARE = to_points(GRID, rectangle(4, 5, 12, 17), 2)
TRIANGLE = to_points(GRID, [(4, 5), (12, 7), (9.5, 20)], 3)


@pytest.fixture
def made():
    return structure_set({"IGTV": [SQUARE, TRIANGLE], "Empty": [], "Heart": [TRIANGLE]})


def roi_of(structures, name):
    return next(roi for roi in structures.rois if roi.name == name)


def test_what_a_structure_set_says(made, tmp_path):
    structures = read_structure_set(save(made, tmp_path))
    assert [(roi.number, roi.name) for roi in structures.rois] == [(1, "IGTV"), (2, "Empty"), (3, "Heart")]
    assert {roi.frame_of_reference_uid for roi in structures.rois} == {FRAME}
    assert structures.study_uids == {STUDY}
    assert structures.referenced_series_uids == {SERIES}
    assert (structures.label, structures.patient_id, structures.sop_instance_uid) == ("plan", "P1", "1.2.3.4")


@pytest.mark.parametrize("implicit", [False, True])
def test_contours_of_the_chosen_roi(made, tmp_path, implicit):
    if implicit:
        made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    structures = read_structure_set(save(made, tmp_path))
    square, triangle = read_contours(structures, roi_of(structures, "IGTV"))
    assert np.allclose(square, SQUARE, atol=1e-5)
    assert np.allclose(triangle, TRIANGLE, atol=1e-5)
    (only,) = read_contours(structures, roi_of(structures, "Heart"))
    assert np.array_equal(only, triangle)


def test_damage_in_another_roi_does_no_harm(made, tmp_path):
    made.ROIContourSequence[2].ContourSequence[0].ContourGeometricType = "CUBE"
    structures = read_structure_set(save(made, tmp_path))
    assert len(read_contours(structures, roi_of(structures, "IGTV"))) == 2
    with pytest.raises(CIPAError, match="ROI 'Heart': contour 1 is CUBE, which is not known here"):
        read_contours(structures, roi_of(structures, "Heart"))


def no_data(count):
    """A contour without points, which says that it has some, or nothing of it."""

    def change(one):
        del one.ContourData
        one.NumberOfContourPoints = count

    return change


def first_points(count):
    def change(one):
        one.ContourData, one.NumberOfContourPoints = one.ContourData[: 3 * count], count

    return change


def kind(value):
    return lambda one: setattr(one, "ContourGeometricType", value)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (no_data(0), "0 points"),
        (no_data(2), "0 points"),
        (first_points(1), "1 points"),
        (first_points(2), "2 points"),
        (kind("POINT"), "POINT"),
        (kind("point"), "point"),
        (kind("OPEN_PLANAR"), "OPEN_PLANAR"),
        (kind("OPEN_NONPLANAR"), "OPEN_NONPLANAR"),
    ],
)
def test_what_encloses_nothing_is_left_out_and_noted(tmp_path, change, why):
    stray = contour(TRIANGLE)
    change(stray)
    alone = contour(TRIANGLE)
    change(alone)
    structures = read_structure_set(
        save(structure_set({"IGTV": [SQUARE, stray, TRIANGLE], "Other": [alone]}), tmp_path)
    )
    found = roi_contours(structures, structures.rois[0]).closed()
    assert [one.number for one in found.contours] == [1, 3]
    assert found.notes == (f"left out, as it encloses nothing: contour 2 ({why})",)
    with pytest.raises(CIPAError, match=rf"ROI 'Other' encloses nothing: contour 1 \({why}\); draw it"):
        roi_contours(structures, structures.rois[1]).closed()
    assert roi_contours(structures, structures.rois[1]).closed(may_be_empty=True).contours == ()


@pytest.mark.parametrize("word", ["INTERPOLATED_PLANAR", "CLOSED PLANAR", "closed_planar", ""])
def test_other_words_for_closed_are_taken(tmp_path, word):
    parts = [contour(SQUARE), contour(TRIANGLE, word), contour(SQUARE), contour(TRIANGLE, word)]
    structures = read_structure_set(save(structure_set({"IGTV": parts}), tmp_path))
    found = roi_contours(structures, structures.rois[0]).closed()
    assert [one.number for one in found.contours] == [1, 2, 3, 4]
    unusual = {"INTERPOLATED_PLANAR": "INTERPOLATED_PLANAR", "": "without a type"}.get(word)
    assert found.notes == ((f"taken as closed: contour 2, 4 ({unusual})",) if unusual else ())


@pytest.mark.parametrize("name", ["Empty", "no item", "no sequence"])
def test_an_empty_roi_is_refused(made, tmp_path, name):
    if name == "no item":
        del made.ROIContourSequence[1]
    elif name == "no sequence":
        del made.ROIContourSequence[1].ContourSequence
    structures = read_structure_set(save(made, tmp_path))
    with pytest.raises(CIPAError, match=r"RS.dcm: ROI 'Empty' is empty"):
        read_contours(structures, roi_of(structures, "Empty"))


def set_value(**values):
    def change(made):
        for keyword, value in values.items():
            made.ROIContourSequence[0].ContourSequence[1][keyword].value = value

    return change


def delete(keyword):
    return lambda made: made.ROIContourSequence[0].ContourSequence[1].__delattr__(keyword)


def nothing_left(made):
    delete("ContourData")(made)
    delete("NumberOfContourPoints")(made)


def raw_numbers(made):
    """Text that is not a number, which pydicom does not write as such."""
    element = made.ROIContourSequence[0].ContourSequence[1]
    element.add_new("ContourData", "UT", "1\\2\\x\\4\\5\\6\\7\\8\\9")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_value(ContourGeometricType="CLOSED_NONPLANAR"), "contour 2 is CLOSED_NONPLANAR, which is not known"),
        (delete("ContourData"), "contour 2 has 0 coordinates for 3 points"),
        (set_value(NumberOfContourPoints=4), "contour 2 has 9 coordinates for 4 points"),
        (set_value(ContourData=["1", "2", "3", "4"]), "contour 2 has 4 coordinates"),
        (nothing_left, "contour 2 has neither points nor a number of them"),
        (raw_numbers, "contour 2 holds what is not a number"),
        (lambda made: made.ROIContourSequence.append(item(ReferencedROINumber=1)), "has 2 lists of contours"),
    ],
)
def test_contours_that_are_refused(made, tmp_path, change, said):
    change(made)
    structures = read_structure_set(save(made, tmp_path))
    with pytest.raises(CIPAError, match=f"RS.dcm: ROI 'IGTV'.* {said}"):
        read_contours(structures, structures.rois[0])


def test_xor_contours_are_taken(tmp_path):
    structures = read_structure_set(save(structure_set({"IGTV": [contour(SQUARE, "CLOSEDPLANAR_XOR")]}), tmp_path))
    (found,) = roi_contours(structures, structures.rois[0]).closed().contours
    assert found.exclusive


def test_a_missing_count_of_points_is_taken(made, tmp_path):
    delete("NumberOfContourPoints")(made)
    structures = read_structure_set(save(made, tmp_path))
    assert len(read_contours(structures, structures.rois[0])[1]) == 3


def series(**uids):
    return series_of(GRID, **uids)


def drop_references(made):
    del made.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence


@pytest.mark.parametrize(
    ("change", "own"),
    [
        (lambda made: None, series()),
        (drop_references, series()),
        (drop_references, series(series="1.2.3.1.8")),
        (lambda made: made.StructureSetROISequence[0].__delattr__("ReferencedFrameOfReferenceUID"), series()),
        (lambda made: setattr(made, "StudyInstanceUID", "1.9"), series()),
    ],
)
def test_structures_that_belong(made, tmp_path, change, own):
    change(made)
    structures = read_structure_set(save(made, tmp_path))
    check_belongs(structures, structures.rois[0], own)


def no_frame(made):
    del made.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
    del made.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID


@pytest.mark.parametrize(
    ("change", "other", "said"),
    [
        (lambda made: None, series(study="7.1", series="7.2"), f"is of another study, {STUDY}, .*7.2 of study 7.1"),
        (drop_references, series(study="7.1"), "is of another study"),
        (lambda made: None, series(series="7.2"), f"was drawn on series {SERIES}, not on the CT series 7.2"),
        (lambda made: None, series(frame="7.3"), f"has the frame of reference {FRAME}, .* has 7.3"),
        (no_frame, series(), r"has the frame of reference \(none\)"),
        (no_frame, series(frame=""), r"has the frame of reference \(none\)"),
    ],
)
def test_structures_of_something_else_are_refused(made, tmp_path, change, other, said):
    change(made)
    structures = read_structure_set(save(made, tmp_path))
    with pytest.raises(CIPAError, match=f"RS.dcm: ROI 'IGTV' {said}"):
        check_belongs(structures, structures.rois[0], other)


@pytest.mark.parametrize("implicit", [False, True])
def test_a_file_that_is_cut_short_anywhere_is_refused(made, tmp_path, implicit):
    if implicit:
        made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    path = save(made, tmp_path)
    whole = path.read_bytes()
    elements = {len(whole)}
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        try:
            structures = read_structure_set(path)
            read_contours(structures, structures.rois[0])
        except (CIPAError, IndexError):  # IndexError: cut just before the list of ROIs
            continue
        elements.add(length)
    assert elements == {len(whole)}


def test_other_files_are_refused(made, tmp_path):
    path = tmp_path / "RS.dcm"
    path.write_bytes(b"no dicom" * 100)
    with pytest.raises(CIPAError, match=r"RS\.dcm: cannot be read as RTSTRUCT"):
        read_structure_set(path)
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.2"
    with pytest.raises(CIPAError, match=r"RS\.dcm: is not an RTSTRUCT but RT Dose Storage"):
        read_structure_set(save(made, tmp_path))
    with pytest.raises(CIPAError, match=r"missing\.dcm"):
        read_structure_set(tmp_path / "missing.dcm")


def test_two_rois_of_one_number_are_refused(made, tmp_path):
    made.StructureSetROISequence[1].ROINumber = 1
    with pytest.raises(CIPAError, match="several ROIs have the number 1"):
        read_structure_set(save(made, tmp_path))


def test_a_deflated_file_is_refused(made, tmp_path):
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    with pytest.raises(CIPAError, match="is deflated"):
        read_structure_set(save(made, tmp_path))
