"""Slices that were left out of a region: what counts as one, and their interpolation."""

import numpy as np
import pytest

from nnunet_cipa.dicom.rtstruct.contours import contours_to_mask
from nnunet_cipa.dicom.rtstruct.gaps import fill_gaps, find_gaps
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.rtstruct.roi_contours import roi_contours
from nnunet_cipa.dicom.rtstruct.roi_mask import roi_mask
from nnunet_cipa.dicom.rtstruct.structures import read_structure_set
from nnunet_cipa.errors import CIPAError
from tests.dicom.geometry import circle, make_grid, to_points
from tests.dicom.rtstruct import save, structure_set

DEPTH, SIDE = 24, 40


def discs(radii, centre=(20, 20)):
    """A disc of each radius on the slice that it is the value of, none where it is 0."""
    row, column = np.indices((SIDE, SIDE))
    away = np.hypot(row - centre[1], column - centre[0])
    mask = np.zeros((DEPTH, SIDE, SIDE), dtype=np.uint8)
    for k, radius in radii.items():
        mask[k] = away < radius
    return mask


def lesion(first, last, centre=(20, 20)):
    """A ball as wide as it is long, but for thin ends."""
    middle, half = (first + last) / 2, (last - first) / 2 + 1
    return discs({k: 9 * np.sqrt(1 - ((k - middle) / half) ** 2) for k in range(first, last + 1)}, centre)


def only(mask, slices):
    kept = np.zeros_like(mask)
    kept[list(slices)] = mask[list(slices)]
    return kept


def left_out(mask, step_mm=5.0):
    return sorted({k for gap in find_gaps(mask, step_mm) for k in gap.slices})


WHOLE = lesion(3, 18)


@pytest.mark.parametrize("step_mm", [1.0, 3.27, 5.0])
@pytest.mark.parametrize(
    "drawn",
    [
        range(3, 19, 2),
        range(3, 19, 3),
        range(4, 19, 4),
        (3, 4, 6, 8, 10, 12, 14, 16, 17, 18),
        (3, 4, 7, 10, 13, 16, 17, 18),
        [k for k in range(3, 19) if k != 11],
        [k for k in range(3, 19) if k != 4],
        [k for k in range(3, 19) if k not in (7, 13)],
        [k for k in range(3, 19) if (k * 2) % 3],
        (9, 11),
    ],
)
def test_slices_that_were_left_out_are_found(drawn, step_mm):
    drawn = list(drawn)
    expected = [k for k in range(drawn[0], drawn[-1]) if k not in drawn]
    assert left_out(only(WHOLE, drawn), step_mm) == expected


def test_two_slices_of_a_fine_ct_are_left_out_and_of_a_coarse_one_part_lesions():
    mask = only(WHOLE, [k for k in range(3, 19) if k not in (10, 11)])
    assert left_out(mask, 2.0) == [10, 11]
    assert left_out(mask, 5.0) == []


@pytest.mark.parametrize(
    "mask",
    [
        WHOLE,
        lesion(8, 8),
        lesion(3, 9) | lesion(14, 20),
        lesion(3, 4) | lesion(8, 16),
        lesion(3, 3) | lesion(12, 20),
        lesion(3, 9, (12, 12)) | lesion(11, 17, (30, 30)),
        lesion(3, 3, (12, 12)) | lesion(5, 5, (30, 30)) | lesion(7, 7, (12, 30)),
        lesion(2, 8) | lesion(13, 20) | lesion(10, 11, (33, 33)),
        np.zeros_like(WHOLE),
    ],
)
def test_lesions_apart_pass(mask):
    assert left_out(mask) == []


def test_a_lesion_with_slices_left_out_beside_a_whole_one_is_found():
    spaced = only(lesion(4, 14, (10, 10)), range(4, 15, 2))
    assert left_out(spaced | lesion(2, 18, (29, 29))) == [5, 7, 9, 11, 13]


def test_specks_beside_a_tumour_do_not_count():
    specks = discs({5: 1.2, 7: 1.2, 9: 1.2}, (36, 36))
    assert left_out(WHOLE | specks) == []


def test_a_shape_that_moves_on_from_slice_to_slice_is_whole():
    slanted = sum((discs({k: 4}, (4 + 3 * k, 20)) for k in range(11)), np.zeros_like(WHOLE))
    assert left_out(slanted) == []


@pytest.mark.parametrize("step", [2, 3])
def test_slices_of_a_cone_are_interpolated(step):
    cone = discs({k: 3 + k * 0.5 for k in range(2, 21)})
    drawn = only(cone, range(2, 21, step))
    filled = fill_gaps(drawn, find_gaps(drawn, 3.0), (1.0, 1.0))
    # Between two discs the distance to the outline goes linearly, so that the disc between has the radius between
    for k in range(2, max(range(2, 21, step))):
        assert (filled[k] >= discs({k: 3 + k * 0.5 - 0.8})[k]).all()
        assert (filled[k] <= discs({k: 3 + k * 0.5 + 0.8})[k]).all()
    assert np.array_equal(filled[2::step], drawn[2::step])


def test_pixels_that_are_not_square_are_interpolated_in_mm():
    """A bar between two bars: by hand, the one between lies between them along x, whatever the rows' distance is."""
    drawn = np.zeros((3, 20, 30), dtype=np.uint8)
    drawn[0, 5:15, 4:16], drawn[2, 5:15, 8:20] = 1, 1
    filled = fill_gaps(drawn, find_gaps(drawn, 3.0), (10.0, 1.0))
    expected = np.zeros((20, 30))
    expected[5:15, 6:18] = 1
    assert np.array_equal(filled[1], expected)


def test_a_slice_with_a_contour_between_the_centres_of_voxels_was_not_left_out(tmp_path):
    grid = make_grid((SIDE, SIDE, DEPTH), (4.0, 4.0, 3.0))
    radii = {4: 5.3, 5: 0.3, 6: 5.3}
    rings = [to_points(grid, circle((20.5, 20.5), (r, r), 60), k) for k, r in radii.items()]
    structures = read_structure_set(save(structure_set({"IGTV": rings}), tmp_path))
    found = roi_mask(roi_contours(structures, structures.rois[0]), grid)
    assert [int(sum(found.image[:, :, k])) for k in (4, 5, 6)] == [88, 0, 88]
    assert found.notes == ()


GRID = make_grid((SIDE, SIDE, DEPTH), (1.0, 1.0, 3.0), "axial, feet first")


@pytest.fixture
def region(tmp_path):
    """A region of discs on every second slice from 4 to 10."""
    rings = [to_points(GRID, circle((20, 20), (r, r), 60), k) for k, r in ((4, 5.3), (6, 7.3), (8, 7.3), (10, 5.3))]
    structures = read_structure_set(save(structure_set({"IGTV": rings}), tmp_path))
    return roi_contours(structures, structures.rois[0])


def test_left_out_slices_are_refused_with_their_place_and_the_ways_on(region):
    z = [GRID.TransformIndexToPhysicalPoint((0, 0, k))[2] for k in (5, 7, 9)]
    said = rf"ROI 'IGTV' has nothing on slice 5 \(z {z[0]:.1f} mm\), 7 \(z {z[1]:.1f} mm\), 9 \(z {z[2]:.1f} mm\)"
    with pytest.raises(CIPAError, match=rf"{said}.*planning system, or choose with --missing-slices"):
        roi_mask(region, GRID)


def test_left_out_slices_are_accepted_or_interpolated_and_noted(region):
    accepted = roi_mask(region, GRID, MissingSlices.ACCEPT)
    plain = contours_to_mask([c.points for c in region.closed().contours], GRID, "IGTV")
    assert accepted.image == plain
    assert accepted.contours == 4
    (note,) = accepted.notes
    assert note.startswith("has nothing on slice 5 (z ")
    assert note.endswith("), between parts of one lesion")
    filled = roi_mask(region, GRID, MissingSlices.INTERPOLATE)
    (note,) = filled.notes
    assert note.startswith("interpolated between contours of one lesion on slice 5 (z ")
    areas = [int(sum(filled.image[:, :, k])) for k in range(3, 12)]
    drawn = [int(sum(plain[:, :, k])) for k in range(3, 12)]
    assert areas[1::2] == drawn[1::2]
    assert areas[::4] == [0, areas[4], 0]
    assert drawn[1] < areas[2] < drawn[3] == areas[4] > areas[6] > drawn[7]
