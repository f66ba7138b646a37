"""A region of a file on a series in a folder, as a user of Python reads it."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.dicom import read_roi
from nnunet_cipa.errors import CIPAError
from tests.dicom.geometry import make_grid, rectangle, to_points
from tests.dicom.rtstruct import SERIES, contour, item, save, structure_set

STS = Path(__file__).parents[3] / "shared" / "data" / "sts"
SHAPE, SPACING, ORIGIN = (20, 24), (2.0, 1.5, 3.0), (-10.0, -20.0, -30.0)
SLICES = 8
# PixelSpacing has the rows' distance first
GRID = make_grid((SHAPE[1], SHAPE[0], SLICES), (SPACING[1], SPACING[0], SPACING[2]), origin=ORIGIN)


@pytest.fixture
def series(write):
    """Its folder, and its grid as it should be."""
    written = write("CT", slices=SLICES, shape=SHAPE, spacing=SPACING, origin=ORIGIN, series_uid=SERIES)
    return written.folder, GRID


def box(grid, k):
    return to_points(grid, rectangle(3.5, 4.5, 12.5, 10.5), k)


def test_a_region_is_a_mask_on_its_series(series, tmp_path):
    folder, grid = series
    path = save(structure_set({"Tumör, links": [box(grid, k) for k in (2, 3, 4)], "Other": [box(grid, 6)]}), tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = read_roi(str(path), str(folder), "tumör.*")
    expected = np.zeros((SLICES, *SHAPE), dtype=np.uint8)
    expected[2:5, 5:11, 4:13] = 1
    assert np.array_equal(sitk.GetArrayFromImage(image), expected)
    for one in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(image, one)() == pytest.approx(getattr(grid, one)())


def test_the_series_that_the_file_names_is_taken_of_several(series, write, tmp_path):
    folder, grid = series
    write("CT", slices=4, shape=SHAPE, folder="dicom/other")
    write("PT", slices=4, shape=SHAPE, folder="dicom/pet")
    path = save(structure_set({"IGTV": [box(grid, 2)]}), tmp_path)
    assert read_roi(path, folder, "IGTV").GetSize() == grid.GetSize()


def test_the_series_whose_images_the_contours_name_is_taken_whatever_the_file_names(series, write, tmp_path):
    folder, _ = series
    other = write("CT", slices=SLICES, shape=SHAPE, spacing=SPACING, origin=(-13.0, -20.0, -30.0), folder="dicom/other")
    part = contour(box(GRID, 2))
    part.ContourImageSequence = [item(ReferencedSOPInstanceUID=other.datasets[2].SOPInstanceUID)]
    path = save(structure_set({"IGTV": [part]}), tmp_path)
    assert read_roi(path, folder, "IGTV").GetOrigin() == pytest.approx((-13.0, -20.0, -30.0))


def test_a_pet_that_was_drawn_on_is_taken(write, tmp_path):
    written = write("PT", slices=SLICES, shape=SHAPE, spacing=SPACING, origin=ORIGIN, series_uid=SERIES)
    path = save(structure_set({"GTV": [box(GRID, 2)]}), tmp_path)
    assert sitk.GetArrayFromImage(read_roi(path, written.folder, "gtv")).sum() == 6 * 9


def test_what_is_tolerated_is_warned_of(series, tmp_path):
    folder, grid = series
    parts = [box(grid, 2), contour(box(grid, 3)[:1], "POINT"), box(grid, SLICES)]
    path = save(structure_set({"Heart": parts}), tmp_path)
    with pytest.warns(UserWarning, match="RS.dcm: ROI 'Heart'") as found:
        image = read_roi(path, folder, "Heart")
    assert sitk.GetArrayFromImage(image).sum() == 6 * 9
    assert [str(one.message).partition(": ")[2].partition(": ")[2] for one in found] == [
        "left out, as it encloses nothing: contour 2 (POINT)",
        "left out, as it lies beyond the first or the last slice: contour 3",
    ]
    assert {one.filename for one in found} == {__file__}


def test_missing_slices_are_refused_or_interpolated(series, tmp_path):
    folder, grid = series
    path = save(structure_set({"IGTV": [box(grid, 2), box(grid, 4)]}), tmp_path)
    with pytest.raises(CIPAError, match=r"nothing on slice 3 .*missing_slices in Python"):
        read_roi(path, folder, "IGTV")
    with pytest.warns(UserWarning, match="interpolated between contours of one lesion on slice 3"):
        image = read_roi(path, folder, "IGTV", missing_slices="interpolate")
    assert sitk.GetArrayFromImage(image).sum(axis=(1, 2)).tolist() == [0, 0, 54, 54, 54, 0, 0, 0]
    with pytest.raises(ValueError, match="'guess' is not a valid MissingSlices"):
        read_roi(path, folder, "IGTV", missing_slices="guess")


@pytest.mark.parametrize(
    ("kinds", "said"),
    [((), "holds no CT or PET; give the folder"), (("CT", "CT"), r"holds CT .*; CT .*give the folder of the one")],
)
def test_the_series_has_to_be_there_and_beyond_doubt(kinds, said, write, tmp_path):
    (tmp_path / "dicom").mkdir()
    for number, kind in enumerate(kinds):
        write(kind, folder=f"dicom/{number}")
    path = save(structure_set({"IGTV": [np.zeros((3, 3))]}), tmp_path)
    with pytest.raises(CIPAError, match=said):
        read_roi(path, tmp_path / "dicom", "IGTV")


def test_another_series_of_the_frame_of_reference_is_taken_with_a_warning(write, tmp_path):
    written = write("CT", slices=SLICES, shape=SHAPE, spacing=SPACING, origin=ORIGIN, series_uid="1.2.3.1.8")
    path = save(structure_set({"IGTV": [box(GRID, 2)]}), tmp_path)
    with pytest.warns(UserWarning, match=rf"was drawn on {SERIES}, in the same frame of reference as 1.2.3.1.8"):
        image = read_roi(path, written.folder, "IGTV")
    assert sitk.GetArrayFromImage(image).sum() == 6 * 9


@pytest.mark.parametrize("uid", [SERIES, "1.2.3.1.8"])
def test_another_frame_of_reference_is_refused(uid, write, tmp_path):
    written = write("CT", slices=SLICES, shape=SHAPE, series_uid=uid, FrameOfReferenceUID="1.2.3.10")
    path = save(structure_set({"IGTV": [box(GRID, 2)]}), tmp_path)
    with pytest.raises(CIPAError, match=r"has the frame of reference 1.2.3.9|was drawn on series"):
        read_roi(path, written.folder, "IGTV")


@pytest.mark.skipif(not STS.is_dir(), reason="the Soft-tissue-Sarcoma patients are not beside the repository")
@pytest.mark.parametrize("kind", ["CT", "PET"])
@pytest.mark.parametrize("patient", ["STS_001", "STS_002"])
def test_regions_of_mim_are_what_mirp_made_of_them(patient, kind):
    folder = STS / patient / kind
    with pytest.warns(UserWarning, match="was drawn on 1.3.*, in the same frame of reference as 1.3"):
        found = read_roi(folder / "mask" / "RS.dcm", folder / "image", f"GTV_Mass_{kind}")
    expected = sitk.ReadImage(str(STS / "expected" / patient / f"{kind}_mask.nii.gz"))
    assert np.allclose(found.GetOrigin(), expected.GetOrigin(), atol=1e-3)
    assert np.allclose(found.GetSpacing(), expected.GetSpacing(), atol=1e-4)
    assert np.array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(expected))
