"""Contours in mm to masks: closed forms, orientations, refusals."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from nnunet_cipa.dicom.rtstruct.contours import contours_to_mask, to_mm
from nnunet_cipa.dicom.rtstruct.outlines import keyholes, outlines
from nnunet_cipa.errors import CIPAError
from tests.dicom.geometry import ORIENTATIONS, circle, far_from_line, grids, make_grid, rectangle, to_points


def mask_of(contours, grid):
    image = contours_to_mask(contours, grid, "set.dcm: ROI 'IGTV'")
    assert image.GetOrigin() == grid.GetOrigin()
    assert image.GetDirection() == grid.GetDirection()
    assert image.GetSpacing() == grid.GetSpacing()
    return sitk.GetArrayFromImage(image)


@pytest.mark.parametrize("direction", ORIENTATIONS)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 3.0), (0.5, 2.0, 1.25)])
def test_a_disc_has_its_area_on_its_slice_only(direction, spacing):
    grid = make_grid((90, 80, 5), spacing, direction)
    contour = to_points(grid, circle((41.3, 37.8), (30, 20)), 3)
    mask = mask_of([contour], grid)
    assert mask[[0, 1, 2, 4]].sum() == 0
    assert mask[3].sum() == pytest.approx(np.pi * 30 * 20, rel=0.003)


@pytest.mark.parametrize("direction", ORIENTATIONS)
def test_vertices_on_pixel_centres_give_the_same_mask_in_every_orientation(direction):
    grid = make_grid((40, 30, 6), (0.9765625, 0.7, 2.5), direction)
    mask = mask_of([to_points(grid, rectangle(5, 4, 20, 12), 2)], grid)
    expected = np.zeros((6, 30, 40))
    expected[2, 4:13, 5:21] = 1
    assert np.array_equal(mask, expected)


def test_columns_and_rows_are_not_exchanged():
    grid = make_grid((40, 30, 2), (2.0, 0.5, 3.0))
    x, y, z = grid.GetOrigin()
    contour = np.array([(x + 2 * c, y + 0.5 * r, z + 3) for c, r in rectangle(9.5, 3.5, 13.5, 23.5)])
    mask = mask_of([contour], grid)
    assert np.argwhere(mask).min(axis=0).tolist() == [1, 4, 10]
    assert np.argwhere(mask).max(axis=0).tolist() == [1, 23, 13]
    assert mask.sum() == 4 * 20


@pytest.mark.parametrize("direction", ["axial", "oblique"])
def test_a_hole_is_a_second_contour(direction):
    grid = make_grid((60, 60, 3), (0.8, 1.3, 2.0), direction)
    contours = [to_points(grid, circle((30, 30), (r, r)), 1) for r in (25.2, 12.3)]
    assert mask_of(contours, grid).sum() == pytest.approx(np.pi * (25.2**2 - 12.3**2), rel=0.005)
    island = to_points(grid, circle((30, 30), (5.1, 5.1)), 1)
    whole = mask_of([island, *contours], grid)
    assert whole.sum() == pytest.approx(np.pi * (25.2**2 - 12.3**2 + 5.1**2), rel=0.005)
    assert whole[1, 30, 30] == 1


@pytest.mark.parametrize("direction", ["axial", "tilted"])
@pytest.mark.parametrize("row", [20.0, 20.25])
def test_a_keyhole_is_a_hole_whose_channel_costs_nothing(direction, row):
    grid = make_grid((40, 40, 3), (0.8, 1.3, 2.0), direction)
    outer, inner = rectangle(4.5, 4.5, 35.5, 35.5), rectangle(14.5, 14.5, 25.5, 25.5)
    keyhole = np.concatenate(
        [outer, outer[:1], [(4.5, row), (14.5, row)], inner[[3, 2, 1, 0]], [(14.5, row), (4.5, row)]]
    )
    assert mask_of([to_points(grid, keyhole, 1)], grid).sum() == 31**2 - 11**2


@settings(max_examples=50, deadline=None)
@given(grids(), st.integers(0, 4), st.lists(st.tuples(st.floats(0, 23), st.floats(0, 19)), min_size=3, max_size=9))
def test_any_grid_gives_what_scikit_image_gives_in_continuous_index(grid, k, polygon):
    expected = polygon2mask((20, 24), np.array(polygon)[:, ::-1])
    # Where a line is so near to a centre that it counts as through it, the two differ on purpose
    clear = far_from_line(polygon, (20, 24), 0.011)
    contour = to_points(grid, polygon, k)
    if (expected & clear).any():
        assert np.array_equal(mask_of([contour], grid)[k][clear], expected[clear])
    elif clear.all():
        with pytest.raises(CIPAError, match="no voxel"):
            mask_of([contour], grid)


@settings(max_examples=50, deadline=None)
@given(grids((9, 8, 3)), st.integers(0, 2**32 - 1), st.sampled_from([lambda p: p, keyholes]), st.randoms())
def test_outlines_in_mm_give_the_mask_back(grid, seed, variant, random):
    mask = np.random.default_rng(seed).random((3, 8, 9)) < 0.6
    contours = [points for k in range(3) for points in to_mm(variant(outlines(mask[k])), k, grid)]
    random.shuffle(contours)
    assert np.array_equal(mask_of([np.round(points, 4) for points in contours], grid), mask)


def test_to_mm_agrees_with_itk():
    grid = make_grid(direction="oblique", spacing=(0.7, 1.9, 2.2))
    polygon = circle((11, 12), (5, 3), 7)
    assert np.allclose(to_mm([polygon], 4, grid)[0], to_points(grid, polygon, 4), atol=1e-9)


def square(grid, k=2.0, left=5.2):
    return to_points(grid, rectangle(left, 4.2, left + 12, 14.2), k)


@pytest.mark.parametrize("direction", ["axial", "oblique"])
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda g: square(g)[:2], "contour 2 has 2 points"),
        (lambda g: np.zeros((0, 3)), "contour 2 has 0 points"),
        (lambda g: square(g) * [[1, np.nan, 1]], "point 1 of contour 2 is .*nan.*not finite"),
        (lambda g: square(g) * [[1, 1, np.inf]], "not finite"),
        (lambda g: square(g, 2.5), "contour 2 lies between slices, at 2.50"),
        (lambda g: square(g, 3.22), "contour 2 lies between slices, at 3.22 .* 0.22 of a slice distance"),
        (lambda g: square(g, 7), "contour 2 lies on slice 7, and the image has 0 to 5"),
        (lambda g: square(g, -1), "contour 2 lies on slice -1"),
        (lambda g: np.concatenate([square(g)[:2], square(g, 4)[2:]]), "not parallel to the slices.* 2.00 to 4.00"),
        (lambda g: square(g, left=30), "contour 2 leaves the image.*columns 30.00 to 42.00.*40 x 30"),
        (lambda g: square(g, left=-1), "contour 2 leaves the image.*columns -1.00"),
        (lambda g: square(g) * [[1, 1e9, 1]], "point 1 of contour 2 is .*farther away than scanners reach"),
    ],
)
def test_refusals_name_roi_contour_and_numbers(direction, make, said):
    grid = make_grid(direction=direction)
    with pytest.raises(CIPAError, match=f"^set.dcm: ROI 'IGTV': .*{said}"):
        mask_of([square(grid, 3.0), make(grid)], grid)


def test_slightly_rounded_planes_are_taken():
    grid = make_grid(direction="tilted", spacing=(1.0, 1.0, 1.25))
    contour = np.round(square(grid, 2), 1)
    assert mask_of([contour], grid)[2].sum() == pytest.approx(120, abs=23)


def test_nothing_inside_is_refused():
    with pytest.raises(CIPAError, match="its 0 contours hold no voxel"):
        mask_of([], make_grid())


def test_several_faults_are_told_together():
    grid = make_grid()
    with pytest.raises(CIPAError, match=r"2 problems.*contour 1 .*contour 3 "):
        mask_of([square(grid)[:1], square(grid), square(grid)[:2]], grid)
