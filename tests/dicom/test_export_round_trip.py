"""Mask to DICOM and back: with our reader, and by the formulas of the standard with pydicom, matplotlib, highdicom."""

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as PolygonPath
from scipy import ndimage

from nnunet_cipa.dicom.export.options import ExportOptions, RoiOptions
from nnunet_cipa.dicom.export.write import export_dicom, read_target_ct
from nnunet_cipa.dicom.rtstruct.contours import contours_to_mask
from nnunet_cipa.dicom.rtstruct.roi_contours import read_contours
from nnunet_cipa.dicom.rtstruct.structures import check_belongs, read_structure_set
from tests.dicom.ct_series import FRAME, SERIES, STUDY, write_ct
from tests.dicom.geometry import ORIENTATIONS, grids, make_grid

SIZE, SPACING = (40, 34, 12), (1.2, 0.9, 2.5)


def lesion(grid):
    """A ball of 12 mm radius with a hole of 5 mm, and a diagonal pair of voxels: (slices, rows, columns)."""
    centre = np.array(grid.TransformContinuousIndexToPhysicalPoint([n / 2 + 0.2 for n in grid.GetSize()]))
    indices = np.stack(np.meshgrid(*map(np.arange, grid.GetSize()), indexing="ij"), axis=-1)
    steps = np.reshape(grid.GetDirection(), (3, 3)) * grid.GetSpacing()
    distance = np.linalg.norm(indices @ steps.T + grid.GetOrigin() - centre, axis=-1)
    inside = (distance < 12) & (distance > 5)
    inside[0, 0, 1] = inside[1, 1, 1] = True
    return inside.transpose(2, 1, 0)


def image_of(mask, grid):
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.CopyInformation(grid)
    return image


def read_back(path, series):
    structures = read_structure_set(path)
    (roi,) = structures.rois
    check_belongs(structures, roi, series)
    return sitk.GetArrayFromImage(contours_to_mask(read_contours(structures, roi), series.grid(), "back"))


def dice(a, b):
    return 2 * np.count_nonzero(a * b) / (np.count_nonzero(a) + np.count_nonzero(b))


def drawn_by_the_standard(rtstruct, ct):
    """Masks by SOP instance UID: points to pixels by equation C.7.6.2.1-1 of PS3.3, polygons by matplotlib."""
    slices = {piece.SOPInstanceUID: piece for piece in map(pydicom.dcmread, ct.iterdir())}
    masks = {}
    for contour in pydicom.dcmread(rtstruct).ROIContourSequence[0].ContourSequence:
        (image,) = contour.ContourImageSequence
        piece = slices[image.ReferencedSOPInstanceUID]
        points = np.reshape(np.array(contour.ContourData, dtype=float), (-1, 3)) - piece.ImagePositionPatient
        rows, columns = np.split(np.array(piece.ImageOrientationPatient, dtype=float), 2)
        assert np.abs(points @ np.cross(rows, columns)).max() < 0.01
        pixels = np.column_stack([points @ rows / piece.PixelSpacing[1], points @ columns / piece.PixelSpacing[0]])
        grid = np.indices((piece.Rows, piece.Columns))[::-1].reshape(2, -1).T
        closed = PolygonPath(np.concatenate([pixels, pixels[:1]]), closed=True)
        mask = masks.setdefault(piece.SOPInstanceUID, np.zeros((piece.Rows, piece.Columns), dtype=bool))
        mask ^= closed.contains_points(grid).reshape(mask.shape)
    return masks


@pytest.mark.parametrize("direction", ORIENTATIONS)
def test_contours_and_segments_are_where_the_mask_is_in_every_orientation(direction, tmp_path):
    ct = write_ct(tmp_path / "ct", make_grid(SIZE, SPACING, direction))
    series = read_target_ct(ct, None)
    mask = lesion(series.grid())
    assert np.count_nonzero(mask) * np.prod(SPACING) > 1000
    # As the converter writes what nnU-Net predicts on
    sitk.WriteImage(sitk.DICOMOrient(image_of(mask, series.grid()), "LPS"), tmp_path / "mask.nii.gz")
    rtstruct, seg = export_dicom(
        tmp_path / "mask.nii.gz", ct, tmp_path / "out", ExportOptions(segmentation=True)
    ).written
    assert dice(read_back(rtstruct, series), mask) == 1
    drawn = drawn_by_the_standard(rtstruct, ct)
    segmented = hd.seg.segread(seg)
    uids = [piece.sop_instance_uid for piece in series.slices]
    frames = segmented.get_pixels_by_source_instance(uids, combine_segments=True, ignore_spatial_locations=True)
    assert np.array_equal(frames > 0, mask)
    for uid, wanted in zip(uids, mask, strict=True):
        assert np.array_equal(drawn.get(uid, np.zeros_like(wanted)), wanted)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(grid=grids((18, 16, 5)), seed=st.integers(0, 2**32 - 1), axes=st.sampled_from(["LPS", "RAS", "ASL", "PIR"]))
def test_any_mask_on_any_grid_comes_back(tmp_path_factory, grid, seed, axes):
    folder = tmp_path_factory.mktemp("any")
    ct = write_ct(folder / "ct", grid)
    series = read_target_ct(ct, None)
    rng = np.random.default_rng(seed)
    mask = rng.random((5, 16, 18)) < rng.uniform(0.05, 0.9)
    mask[2, 3, 4] = True
    # A crop of whole voxels around it
    low, high = (f(np.argwhere(mask), axis=0) for f in (np.min, np.max))
    z, y, x = (slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
    sitk.WriteImage(sitk.DICOMOrient(image_of(mask, series.grid())[x, y, z], axes), folder / "mask.nii.gz")
    (rtstruct,) = export_dicom(folder / "mask.nii.gz", ct, folder / "rs.dcm", ExportOptions()).written
    assert np.array_equal(read_back(rtstruct, series), mask)


def test_references_patient_and_status(tmp_path):
    ct = write_ct(tmp_path / "ct", make_grid(SIZE, SPACING))
    grid = read_target_ct(ct, None).grid()
    sitk.WriteImage(image_of(3 * lesion(grid).astype(np.uint8), grid), tmp_path / "mask.nii.gz")
    options = ExportOptions(segmentation=True, roi=RoiOptions(label=(3,), roi_name=("IGTV CIPA",)))
    paths = list(export_dicom(tmp_path / "mask.nii.gz", ct, tmp_path / "a.dcm", options).written)
    assert paths == [tmp_path / "a.dcm", tmp_path / "a_seg.dcm"]
    made, seg = map(pydicom.dcmread, paths)
    for item in (made, seg):
        assert (item.PatientName, item.PatientID, item.PatientBirthDate, item.PatientSex) == (
            "Möller^A",
            "P1",
            "19500102",
            "F",
        )
        assert (item.StudyInstanceUID, item.StudyDate, item.StudyID, item.AccessionNumber) == (
            STUDY,
            "20200304",
            "S1",
            "A7",
        )
        assert item.Manufacturer == "nnunet_cipa"
        assert item.SoftwareVersions
        assert item.FrameOfReferenceUID == FRAME
    new = {item[name].value for item in (made, seg) for name in ("SeriesInstanceUID", "SOPInstanceUID")}
    assert len(new) == 4
    assert not any(uid.startswith("1.2.3.") for uid in new)
    assert (made.Modality, made.ApprovalStatus) == ("RTSTRUCT", "UNAPPROVED")
    (roi,), (observation,), (drawn,) = (
        made.StructureSetROISequence,
        made.RTROIObservationsSequence,
        made.ROIContourSequence,
    )
    assert (roi.ROIName, roi.ROIGenerationAlgorithm, roi.ReferencedFrameOfReferenceUID) == (
        "IGTV CIPA",
        "AUTOMATIC",
        FRAME,
    )
    assert roi.ROINumber == observation.ReferencedROINumber == drawn.ReferencedROINumber
    (frame,) = made.ReferencedFrameOfReferenceSequence
    (study,) = frame.RTReferencedStudySequence
    (series,) = study.RTReferencedSeriesSequence
    assert (frame.FrameOfReferenceUID, study.ReferencedSOPInstanceUID, series.SeriesInstanceUID) == (
        FRAME,
        STUDY,
        SERIES,
    )
    assert len(series.ContourImageSequence) == 12
    assert all(len(str(number)) <= 16 for contour in drawn.ContourSequence for number in contour.ContourData)
    assert [contour.ContourNumber for contour in drawn.ContourSequence] == list(
        range(1, len(drawn.ContourSequence) + 1)
    )
    assert seg.SegmentSequence[0].SegmentLabel == "IGTV CIPA"
    # One keyhole for each region of each slice
    assert len(drawn.ContourSequence) == sum(ndimage.label(inside)[1] for inside in lesion(grid))


def test_contours_lie_on_slices_that_are_off_the_even_stack(tmp_path):
    def shift(piece, k):
        piece.ImagePositionPatient[2] += 0.08 * (k == 5)

    ct = write_ct(tmp_path / "ct", make_grid(SIZE, SPACING), edit=shift)
    series = read_target_ct(ct, None)
    sitk.WriteImage(image_of(lesion(series.grid()), series.grid()), tmp_path / "mask.nii.gz")
    (rtstruct,) = export_dicom(tmp_path / "mask.nii.gz", ct, tmp_path / "out", ExportOptions()).written
    assert len(drawn_by_the_standard(rtstruct, ct)) > 5
    assert np.array_equal(read_back(rtstruct, series), lesion(series.grid()))


def test_a_contour_of_more_than_64_kib_is_written_as_decimals(tmp_path):
    ct = write_ct(tmp_path / "ct", make_grid((96, 96, 2), (0.9765625, 0.9765625, 3.0), "oblique"))
    series = read_target_ct(ct, None)
    # A comb with bumps on its teeth
    mask = np.zeros((2, 96, 96), dtype=bool)
    mask[1, :, ::4], mask[1, ::2, 1::4], mask[1, 48] = True, True, True
    sitk.WriteImage(image_of(mask, series.grid()), tmp_path / "mask.nii.gz")
    (rtstruct,) = export_dicom(tmp_path / "mask.nii.gz", ct, tmp_path / "out", ExportOptions()).written
    (contour,) = pydicom.dcmread(rtstruct).ROIContourSequence[0].ContourSequence
    assert contour["ContourData"].VR == "DS"
    assert len("\\".join(map(str, contour.ContourData))) > 65536
    assert np.array_equal(read_back(rtstruct, series), mask)
