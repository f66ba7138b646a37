"""The fill rule against scikit-image, and on lines through pixel centres."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from nnunet_cipa.dicom.rtstruct.raster import Patch, fill

SHAPE = (16, 18)


def filled(polygon):
    patch = fill(np.asarray(polygon, dtype=float))
    mask = np.zeros(SHAPE, dtype=bool)
    mask[patch.window] = patch.inside
    return mask


def expected(polygon):
    return polygon2mask(SHAPE, np.asarray(polygon, dtype=float)[:, ::-1])


def points(coordinate):
    return st.lists(st.tuples(coordinate(0, 17), coordinate(0, 15)), min_size=3, max_size=12)


@settings(deadline=None)
@given(points(lambda low, high: st.floats(low, high, allow_subnormal=False).map(lambda v: round(v, 6) + 1e-7)))
def test_any_polygon_is_filled_as_scikit_image_does(polygon):
    assert np.array_equal(filled(polygon), expected(polygon))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 34), st.integers(0, 30)), min_size=2, max_size=8))
def test_lines_along_the_axes_through_centres_count_as_inside(corners):
    steps = [(a, b) for (x, _), (_, y) in zip(corners, corners[1:] + corners[:1], strict=True) for a, b in [(x, y)]]
    staircase = [p for (x, y), (u, _) in zip(steps, steps[1:] + steps[:1], strict=True) for p in ((x, y), (u, y))]
    polygon = np.array(staircase) / 2
    assert np.array_equal(filled(polygon), expected(polygon))


@pytest.mark.parametrize(
    ("polygon", "area"),
    [
        ([(2, 3), (7, 3), (7, 9), (2, 9)], 6 * 7),
        ([(1.5, 2.5), (7.5, 2.5), (7.5, 9.5), (1.5, 9.5)], 6 * 7),
        ([(0, 0), (6, 0), (0, 6)], 28),
        ([(8, 2), (14, 8), (8, 14), (2, 8)], 85),
        ([(3.2, 4.2), (3.8, 4.2), (3.5, 4.8)], 0),
    ],
)
def test_areas_by_counting(polygon, area):
    assert filled(polygon).sum() == area


def test_a_repeated_last_point_changes_nothing():
    polygon = [(1, 1), (8.3, 2), (6, 9.7)]
    assert np.array_equal(filled(polygon), filled([*polygon, polygon[0]]))


@settings(deadline=None)
@given(points(st.integers), points(st.integers))
def test_common_area(polygon, other):
    count = (filled(polygon) & filled(other)).sum()
    patch = fill(np.array(polygon, dtype=float))
    assert patch.common_area(fill(np.array(other, dtype=float))) == count
    assert patch.area == filled(polygon).sum()


def test_patches_apart_share_nothing():
    corner = Patch(0, 0, np.ones((2, 2), dtype=bool))
    assert corner.common_area(Patch(5, 0, np.ones((3, 3), dtype=bool))) == 0
    assert Patch(5, 9, np.ones((3, 3), dtype=bool)).common_area(corner) == 0
