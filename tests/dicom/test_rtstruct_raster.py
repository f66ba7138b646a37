"""The fill rule against scikit-image, and on lines through pixel centres."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from nnunet_cipa.dicom.rtstruct.raster import fill
from tests.dicom.geometry import far_from_line

SHAPE = (16, 18)


def filled(polygon):
    patch = fill(np.asarray(polygon, dtype=float), SHAPE)
    mask = np.zeros(SHAPE, dtype=bool)
    mask[patch.window] = patch.inside
    return mask


def expected(polygon):
    return polygon2mask(SHAPE, np.asarray(polygon, dtype=float)[:, ::-1])


def points(coordinate):
    return st.lists(st.tuples(coordinate(0, 17), coordinate(0, 15)), min_size=3, max_size=12)


@settings(deadline=None)
@given(points(lambda low, high: st.floats(low, high, allow_subnormal=False)))
def test_any_polygon_is_filled_as_scikit_image_does_away_from_its_line(polygon):
    clear = far_from_line(polygon, SHAPE, 0.011)
    assert np.array_equal(filled(polygon)[clear], expected(polygon)[clear])


def test_the_tolerance_is_small_where_no_centre_is_meant():
    polygon = np.array([(2.0003, 3.37), (7.21, 3.84), (7.64, 9.71), (2.0003, 8.17)])
    assert np.array_equal(filled(polygon), expected(polygon))
    assert np.array_equal(filled(polygon - (0.00025, 0)), expected(polygon - (0.0004, 0)))
    assert expected(polygon).sum() < expected(polygon - (0.0004, 0)).sum()


@pytest.mark.parametrize("off", [(0.4, 0.3), (-0.4, 1.7), (15.5, 4.2), (16.6, 2.1), (30.0, 0.0), (-40.0, -40.0)])
def test_what_lies_beyond_the_image_is_left_out(off):
    polygon = np.array([(-3.2, -4.1), (9.3, -2.2), (11.7, 6.4), (4.4, 21.9), (-5.6, 8.8)]) + off
    wide = polygon2mask((120, 120), polygon[:, ::-1] + 50)
    assert np.array_equal(filled(polygon), wide[50 : 50 + SHAPE[0], 50 : 50 + SHAPE[1]])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 34), st.integers(0, 30)), min_size=2, max_size=8))
def test_lines_along_the_axes_through_centres_count_as_inside(corners):
    steps = [(a, b) for (x, _), (_, y) in zip(corners, corners[1:] + corners[:1], strict=True) for a, b in [(x, y)]]
    staircase = [p for (x, y), (u, _) in zip(steps, steps[1:] + steps[:1], strict=True) for p in ((x, y), (u, y))]
    polygon = np.array(staircase) / 2
    found, wanted = filled(polygon), expected(polygon)
    # scikit-image leaves out some centres where lines cross
    assert not (wanted & ~found).any()
    assert not (found & ~wanted & far_from_line(polygon, SHAPE, 1e-6)).any()


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
