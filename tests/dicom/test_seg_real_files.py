"""The DICOM SEG of a real CT, as its authors published it, on the CT's slices."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nnunet_cipa.dicom.export.write import read_target_ct
from nnunet_cipa.dicom.rtstruct.contours import contours_to_mask
from nnunet_cipa.dicom.rtstruct.roi_contours import read_contours
from nnunet_cipa.dicom.rtstruct.structures import read_structure_set
from nnunet_cipa.dicom.seg.frames import on_grid, pixels_of
from nnunet_cipa.dicom.seg.segmentation import read_segmentation
from tests.dicom.test_rtstruct_real_files import RIDER
from tests.real_files import source_distribution


@pytest.mark.slow
def test_segments_are_the_rois_that_they_were_made_of():
    """The segments have the descriptions of each other; pixels are counted in the file's bits."""
    data = source_distribution(*RIDER) / "data"
    ct, rtstruct, seg = (next(data.glob(f"{start}*")) for start in ("1.3.6.1.4", "1.2.246.352", "1.2.276.0"))
    series, structures = read_target_ct(ct, None), read_structure_set(rtstruct / "1-1.dcm")
    found = read_segmentation(seg / "1-1.dcm")
    assert found.referenced_series_uids == {series.series_uid}
    assert found.image_uids <= {piece.sop_instance_uid for piece in series.slices}
    total = 0
    for segment, roi in zip(found.segments, structures.rois, strict=True):
        mask = on_grid(found.frames, pixels_of(found, segment, None), series.grid(), is_source=True)
        drawn = sitk.GetArrayFromImage(contours_to_mask(read_contours(structures, roi), series.grid(), roi.name))
        assert 2 * np.count_nonzero(mask * drawn) / (mask.sum() + drawn.sum()) > 0.999
        total += int(mask.sum())
    assert total == int(np.unpackbits(np.frombuffer(pydicom.dcmread(seg / "1-1.dcm").PixelData, np.uint8)).sum())
