"""Outlines against scikit-image's and matplotlib's rasterisation and scipy's components."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.path import Path as PolygonPath
from scipy import ndimage
from skimage.draw import polygon2mask

from nnunet_cipa.dicom.rtstruct.outlines import keyholes, outlines

masks = hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def rasterised(polygons, shape):
    mask = np.zeros(shape, dtype=bool)
    for polygon in polygons:
        mask ^= polygon2mask(shape, polygon[:, ::-1])
    return mask


def rasterised_by_matplotlib(polygons, shape):
    rows, columns = np.indices(shape)
    mask = np.zeros(shape, dtype=bool)
    for polygon in polygons:
        path = PolygonPath(np.concatenate([polygon, polygon[:1]]), closed=True)
        mask ^= path.contains_points(np.column_stack([columns.ravel(), rows.ravel()])).reshape(shape)
    return mask


def signed_area(polygon):
    columns, rows = polygon.T
    return (columns @ np.roll(rows, -1) - rows @ np.roll(columns, -1)) / 2


@settings(deadline=None)
@given(masks)
def test_outlines_give_the_mask_back(mask):
    polygons = outlines(mask)
    assert np.array_equal(rasterised(polygons, mask.shape), mask)
    assert np.array_equal(rasterised_by_matplotlib(polygons, mask.shape), mask)


@settings(deadline=None)
@given(masks)
def test_keyholes_give_the_mask_back_with_one_polygon_a_region(mask):
    polygons = keyholes(outlines(mask))
    assert np.array_equal(rasterised(polygons, mask.shape), mask)
    assert len(polygons) == ndimage.label(mask)[1]
    for polygon in polygons:
        assert np.any(polygon != np.roll(polygon, 1, axis=0), axis=1).all()


@settings(deadline=None)
@given(masks)
def test_outlines_touch_neither_each_other_nor_themselves(mask):
    points = [tuple(point) for polygon in outlines(mask) for point in polygon]
    assert len(points) == len(set(points))
    assert np.equal(np.multiply(points, 2) % 1, 0).all()


@settings(deadline=None)
@given(masks)
def test_a_keyhole_keeps_the_area(mask):
    polygons = outlines(mask)
    assert sum(map(signed_area, keyholes(polygons))) == sum(map(signed_area, polygons))


def test_a_single_pixel_is_a_diamond_round_its_centre():
    mask = np.zeros((5, 7))
    mask[2, 4] = 1
    (polygon,) = outlines(mask)
    assert {tuple(point) for point in polygon} == {(3.5, 2), (4.5, 2), (4, 1.5), (4, 2.5)}


def test_a_rectangle_has_eight_corners_and_half_a_pixel_less_area():
    mask = np.zeros((20, 30))
    mask[3:11, 5:25] = 1
    (polygon,) = outlines(mask)
    assert len(polygon) == 8
    assert signed_area(polygon) == 8 * 20 - 0.5
    assert (polygon.min(axis=0) == (4.5, 2.5)).all()
    assert (polygon.max(axis=0) == (24.5, 10.5)).all()


def test_pixels_that_touch_at_a_corner_are_two_regions():
    assert len(outlines(np.eye(3))) == 3
    assert len(keyholes(outlines(1 - np.eye(3)))) == 2


def test_a_hole_is_a_second_polygon_and_a_keyhole_one():
    mask = np.ones((9, 9))
    mask[3:6, 3:6] = 0
    polygons = outlines(mask)
    assert [round(signed_area(polygon), 1) for polygon in polygons] == [80.5, -8.5]
    (keyhole,) = keyholes(polygons)
    assert signed_area(keyhole) == 72


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_whole_and_empty_slices(dtype):
    assert outlines(np.zeros((4, 6), dtype=dtype)) == []
    assert keyholes([]) == []
    (polygon,) = outlines(np.ones((4, 6), dtype=dtype))
    assert (polygon.min(axis=0) == -0.5).all()
    assert (polygon.max(axis=0) == (5.5, 3.5)).all()
