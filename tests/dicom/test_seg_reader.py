"""Segmentations that highdicom wrote become the masks that they were made of."""

import copy
from functools import partial

import highdicom as hd
import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.dicom.masks import onto_grid
from nnunet_cipa.dicom.seg.frames import on_grid, on_own_grid, pixels_of
from nnunet_cipa.dicom.seg.segmentation import read_segmentation
from nnunet_cipa.errors import CIPAError
from tests.dicom.ct_series import FRAME, SERIES, STUDY
from tests.dicom.geometry import make_grid
from tests.dicom.segmentations import make_seg, save, shuffle, written_ct

GRID = make_grid((16, 14, 6), (1.0, 1.5, 3.0))


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    return written_ct(tmp_path_factory.mktemp("ct"), GRID)


def lesions():
    """Two lesions, an empty slice between them: (slices, rows, columns)."""
    mask = np.zeros((6, 14, 16), dtype=np.uint8)
    mask[1:3, 3:9, 4:11] = 1
    mask[4, 5:7, 6:8] = 1
    return mask


def heart():
    mask = np.zeros((6, 14, 16), dtype=np.uint8)
    mask[2:5, 9:13, 1:5] = 1
    return mask


def read(path, name="IGTV", threshold=None):
    found = read_segmentation(path)
    segment, *_ = [one for one in found.segments if one.name == name]
    return found, pixels_of(found, segment, threshold)


def on_ct(path, grid, name="IGTV", threshold=None):
    found, pixels = read(path, name, threshold)
    return on_grid(found.frames, pixels, grid, is_source=True)


@pytest.mark.parametrize("edit", [None, shuffle])
@pytest.mark.parametrize("omit", [True, False])
def test_each_segment_is_the_mask_that_it_was_made_of(ct, tmp_path, edit, omit):
    series, files = ct
    both = np.stack([lesions(), heart()], axis=-1)
    path = save(make_seg(files, both, ("IGTV", "Heart"), omit_empty_frames=omit), tmp_path, edit)
    for name, mask in (("IGTV", lesions()), ("Heart", heart())):
        np.testing.assert_array_equal(on_ct(path, series.grid(), name), mask)


def test_what_it_says_of_itself(ct, tmp_path):
    _, files = ct
    found = read_segmentation(save(make_seg(files, lesions(), algorithm="AUTOMATIC"), tmp_path))
    assert (found.described.kind, found.described.label, found.described.predicted) == ("SEG", "LESIONS", False)
    assert [(one.number, one.name, one.algorithm) for one in found.segments] == [(1, "IGTV", "AUTOMATIC")]
    assert (found.frame_of_reference_uid, found.referenced_series_uids) == (FRAME, {SERIES})
    assert found.study_uids == {STUDY}
    assert found.image_uids == {one.SOPInstanceUID for one in files}


@pytest.mark.skipif(
    "LABELMAP" not in hd.seg.SegmentationTypeValues.__members__, reason="needs a highdicom that writes label maps"
)
def test_a_label_map_is_read_by_its_values(ct, tmp_path):
    series, files = ct
    values = np.where(heart() > 0, 2, lesions()).astype(np.uint8)
    path = save(make_seg(files, values, ("IGTV", "Heart"), "LABELMAP"), tmp_path)
    np.testing.assert_array_equal(on_ct(path, series.grid(), "Heart"), heart())
    np.testing.assert_array_equal(on_ct(path, series.grid()), lesions() & ~heart() & 1)


def as_volume(mask, grid, axes):
    """A highdicom Volume of a mask whose axes run in another order and direction, in the same place."""
    affine = np.eye(4)
    steps = np.reshape(grid.GetDirection(), (3, 3)) * grid.GetSpacing()
    affine[:3, :3], affine[:3, 3] = steps[:, ::-1], grid.GetOrigin()
    volume = hd.Volume(mask, affine, coordinate_system="PATIENT", frame_of_reference_uid=FRAME)
    return (
        volume.permute_spatial_axes([abs(axis) - 1 for axis in axes]).flip_spatial(
            [k for k, axis in enumerate(axes) if axis < 0] or []
        )
        if any(axis < 0 for axis in axes)
        else volume.permute_spatial_axes([abs(axis) - 1 for axis in axes])
    )


@pytest.mark.parametrize("axes", [(2, 1, 3), (3, 2, 1), (-1, 2, -3), (2, -3, -1)])
def test_other_orientations_are_put_in_place(ct, tmp_path, axes):
    series, files = ct
    path = save(make_seg(files, as_volume(lesions(), GRID, axes)), tmp_path)
    np.testing.assert_array_equal(on_ct(path, series.grid()), lesions())


def test_a_coarser_segmentation_goes_onto_the_ct_by_nearest_neighbour(ct, tmp_path):
    """Expected by the nearest centre, found with numpy alone."""
    series, files = ct
    coarse = make_grid((7, 8, 4), (2.6, 2.9, 4.5), origin=(-20.1, 13.0, -300.5))
    mask = np.zeros((4, 8, 7), dtype=np.uint8)
    mask[1:3, 2:5, 3:5] = 1
    found, pixels = read(save(make_seg(files, as_volume(mask, coarse, (1, 2, 3))), tmp_path))
    assert on_grid(found.frames, pixels, series.grid(), is_source=False) is None
    taken = sitk.GetArrayFromImage(onto_grid(on_own_grid(found, pixels), series.grid(), "it"))
    x, y, z = (np.abs(_centres(GRID, axis)[:, None] - _centres(coarse, axis)).argmin(axis=1) for axis in range(3))
    np.testing.assert_array_equal(taken, mask[np.ix_(z, y, x)])


def _centres(grid, axis):
    return grid.GetOrigin()[axis] + grid.GetSpacing()[axis] * np.arange(grid.GetSize()[axis])


def every_other_slice(seg):
    """As of a stack of slices that are 6 mm apart: those of the CT between are not in it."""
    seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = 6.0


def test_slices_apart_are_no_slices_of_the_ct(ct, tmp_path):
    series, files = ct
    mask = np.zeros((6, 14, 16), dtype=np.uint8)
    mask[0:5:2, 3:9, 4:11] = 1
    found, pixels = read(save(make_seg(files, mask), tmp_path, every_other_slice))
    assert on_grid(found.frames, pixels, series.grid(), is_source=True) is None
    taken = sitk.GetArrayFromImage(onto_grid(on_own_grid(found, pixels), series.grid(), "it"))
    assert taken[:5, 5, 6].tolist() == [1] * 5


@pytest.mark.parametrize("levels", [(0.0, 1.0), (0.3, 0.6)])
def test_fractions_are_read_by_consent(ct, tmp_path, levels):
    series, files = ct
    fractions = np.where(lesions() > 0, levels[1], np.where(heart() > 0, levels[0], 0.0))
    path = save(make_seg(files, fractions, kind="FRACTIONAL", fractional_type="PROBABILITY"), tmp_path)
    if levels == (0.0, 1.0):
        np.testing.assert_array_equal(on_ct(path, series.grid()), lesions())
    else:
        with pytest.raises(CIPAError, match=r"seg\.dcm: is FRACTIONAL, .* give --seg-threshold"):
            read(path)
    np.testing.assert_array_equal(on_ct(path, series.grid(), threshold=0.5), lesions())
    np.testing.assert_array_equal(on_ct(path, series.grid(), threshold=0.2), fractions > 0.2)


def drop(sequence):
    def edit(seg):
        for group in (*seg.SharedFunctionalGroupsSequence, *seg.PerFrameFunctionalGroupsSequence):
            group.pop(sequence, None)

    return edit


def set_value(seg, **values):
    for keyword, value in values.items():
        setattr(seg, keyword, value)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (drop("PlanePositionSequence"), "frame 1 does not say where it is"),
        (drop("PlaneOrientationSequence"), "frame 1 does not say where it is"),
        (drop("PixelMeasuresSequence"), "frame 1 does not say where it is"),
        (lambda seg: seg.PerFrameFunctionalGroupsSequence.pop(), "tells of 2 frames and holds 3"),
        (partial(set_value, SegmentationType="SURFACE"), "SegmentationType is SURFACE"),
        (partial(set_value, PixelData=b"\0\0"), "it holds 2 of "),
        (
            lambda seg: seg.SegmentSequence.append(copy.deepcopy(seg.SegmentSequence[0])),
            "several segments have the number 1",
        ),
    ],
)
def test_what_cannot_be_told_is_refused(ct, tmp_path, edit, told):
    _, files = ct
    path = save(make_seg(files, lesions()), tmp_path, edit)
    with pytest.raises(CIPAError, match=told) as raised:
        read(path)
    assert str(path) in str(raised.value)


def test_voxels_beyond_the_ct_are_refused(ct, tmp_path):
    series, files = ct
    moved = make_grid((16, 14, 6), (1.0, 1.5, 3.0), origin=(-10.5, 13.25, -300.0))
    mask = lesions()
    mask[1, 0, 15] = 1
    found, pixels = read(save(make_seg(files, as_volume(mask, moved, (1, 2, 3))), tmp_path))
    assert on_grid(found.frames, pixels, series.grid(), is_source=True) is None
    with pytest.raises(CIPAError, match=r"it: .* of its .* voxels lie beyond the CT"):
        onto_grid(on_own_grid(found, pixels), series.grid(), "it")


def test_another_kind_of_file_is_refused(ct):
    series, _ = ct
    with pytest.raises(CIPAError, match="is not a SEG but CT Image Storage; give the segmentation"):
        read_segmentation(series.slices[0].path)
