"""Contours of one slice: holes and islands, unions, what was drawn twice, and what is in doubt."""

import numpy as np
import pytest
from scipy.ndimage import binary_opening, gaussian_filter

from nnunet_cipa.dicom.rtstruct.contours import rasterise
from nnunet_cipa.dicom.rtstruct.outlines import outlines
from nnunet_cipa.dicom.rtstruct.placing import Contour
from nnunet_cipa.errors import CIPAError
from tests.dicom.geometry import make_grid, rectangle, to_points, traced_through_centres

SIZE = (60, 56)
GRID = make_grid((*SIZE, 1), (0.9765625, 0.9765625, 3.0))


def box(left, right, top, bottom):
    return rectangle(left, top, right, bottom)


def pixels(left, right, top, bottom):
    """The pixels of a box, by counting: those on its sides too."""
    made = np.zeros(SIZE[::-1], dtype=bool)
    made[int(np.ceil(top)) : int(np.floor(bottom)) + 1, int(np.ceil(left)) : int(np.floor(right)) + 1] = True
    return made


def rastered(polygons, exclusive=False):
    contours = [Contour(n, to_points(GRID, polygon, 0), exclusive) for n, polygon in enumerate(polygons, 1)]
    return rasterise(contours, GRID, "set.dcm: ROI 'IGTV'")


def mask_of(polygons, **more):
    return rastered(polygons, **more).mask[0] > 0


OUTER, HOLE, ISLAND = (4.5, 50.5, 3.5, 48.5), (14.5, 40.5, 13.5, 38.5), (20.5, 30.5, 19.5, 29.5)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("exclusive", [False, True])
def test_a_hole_and_an_island_in_it(order, exclusive):
    polygons = [box(*OUTER), box(*HOLE)[::-1], box(*ISLAND)]
    found = rastered([polygons[i] for i in order], exclusive=exclusive)
    assert np.array_equal(found.mask[0] > 0, pixels(*OUTER) & ~pixels(*HOLE) | pixels(*ISLAND))
    assert found.notes == ()


@pytest.mark.parametrize("thickness", [0.4, 0.7, 1, 2])
def test_a_thin_wall_beside_a_hole_is_one(thickness):
    left, right, top, bottom = HOLE
    outer = (left - thickness, right + 8, top - 8, bottom + 8)
    found = rastered([box(*outer), box(*HOLE)])
    assert np.array_equal(found.mask[0] > 0, pixels(*outer) & ~pixels(*HOLE))
    assert found.notes == ()


def test_a_hole_that_leaves_a_rim_alone_is_told():
    inner = (6.5, 48.5, 5.5, 46.5)
    found = rastered([box(*inner), box(*OUTER)])
    assert np.array_equal(found.mask[0] > 0, pixels(*OUTER) & ~pixels(*inner))
    assert found.notes == ("a hole that leaves little more than a rim: contour 1 in 2",)


@pytest.mark.parametrize(
    ("make", "thickness"),
    # Through the centres of a ring of one pixel both lines are the same, so that its hole is lost
    [(outlines, 1), (outlines, 2), (outlines, 3), (traced_through_centres, 2), (traced_through_centres, 3)],
)
def test_a_ring_comes_back_as_it_was_traced(make, thickness):
    row, column = np.indices(SIZE[::-1])
    distance = np.hypot(row - 27, column - 29)
    ring = (distance <= 20) & (distance > 20 - 1.4 * thickness)
    assert np.array_equal(mask_of(make(ring)), ring)


def test_a_hole_within_may_touch_at_a_point():
    hole = np.array([(4.5, 20.0), (20.5, 12.5), (30.5, 20.0), (20.5, 30.5)])
    assert mask_of([box(*OUTER), hole]).sum() == pixels(*OUTER).sum() - mask_of([hole]).sum()


@pytest.mark.parametrize("edge", [20.0, 20.5, 20.25])
@pytest.mark.parametrize("exclusive", [False, True])
def test_halves_that_share_an_edge_are_one(edge, exclusive):
    halves = [box(4, edge, 5, 40), box(edge, 36, 5, 40)]
    assert np.array_equal(mask_of(halves, exclusive=exclusive), pixels(4, 36, 5, 40))
    assert rastered(halves).notes == ()


def test_quarters_that_meet_in_a_centre_are_one():
    quarters = [box(x, x + 12, y, y + 12) for x in (8, 20) for y in (9, 21)]
    assert np.array_equal(mask_of(quarters), pixels(8, 32, 9, 33))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((4.5, 25.5, 4.5, 40.5), (21.5, 45.5, 4.5, 40.5)),
        ((4.5, 45.5, 20.5, 30.5), (20.5, 30.5, 4.5, 45.5)),
        ((4.5, 45.5, 4.5, 45.5), (13.5, 46.5, 15.5, 25.5)),
        ((4, 25, 4, 40), (25, 45, 10, 50)),
        ((4.5, 45.5, 4.5, 45.5), (25.5, 45.5, 15.5, 25.5)),
    ],
)
def test_contours_that_overlap_in_part_are_united(first, second):
    for pair in ((first, second), (second, first)):
        found = rastered([box(*pair[0]), box(*pair[1])])
        assert np.array_equal(found.mask[0] > 0, pixels(*first) | pixels(*second))
        if first != (4, 25, 4, 40):
            assert found.notes == ("united, as it overlaps with another in part: contour 1 with 2",)


def test_the_standards_word_for_exclusive_or_is_taken_by_its_meaning():
    first, second = (4.5, 25.5, 4.5, 40.5), (21.5, 45.5, 4.5, 40.5)
    found = rastered([box(*first), box(*second)], exclusive=True)
    assert np.array_equal(found.mask[0] > 0, pixels(*first) ^ pixels(*second))


DRAWN = (10.5, 31.5, 10.5, 31.5)


@pytest.mark.parametrize(
    "again",
    [
        box(*DRAWN),
        np.roll(box(*DRAWN)[::-1], 1, axis=0),
        box(10.5, 31.5, 11.5, 31.5),
        box(10.5, 30.5, 10.5, 30.5),
        box(10.9, 31.1, 10.9, 31.1),
        box(10.2, 31.8, 10.5, 31.9),
    ],
)
def test_a_contour_that_was_drawn_twice_counts_once(again):
    found = rastered([box(*DRAWN), again])
    assert np.array_equal(found.mask[0] > 0, pixels(*DRAWN) | mask_of([again]))
    assert found.notes == ("taken once, as it was drawn twice, exactly or nearly: contour 1 with 2",)


def test_a_hole_stays_one_when_what_surrounds_it_is_drawn_twice_or_of_two_parts():
    hole = (14.5, 24.5, 16.5, 24.5)
    for outer in ([DRAWN, DRAWN], [DRAWN, (10.5, 31.5, 11.5, 31.5)], [DRAWN, (12.5, 45.5, 12.5, 31.5)]):
        expected = np.any([pixels(*part) for part in outer], axis=0) & ~pixels(*hole)
        assert np.array_equal(mask_of([box(*hole), *(box(*part) for part in outer)]), expected)
    twice = [box(*OUTER), box(*hole), box(*hole)]
    assert np.array_equal(mask_of(twice), pixels(*OUTER) & ~pixels(*hole))


def test_a_piece_along_the_line_of_a_hole_is_an_island():
    hole, piece = (14.5, 28.5, 14.5, 28.5), (14.5, 20.5, 17.5, 25.5)
    for polygons in ([OUTER, hole, piece], [piece, hole, OUTER]):
        found = mask_of([box(*corners) for corners in polygons])
        assert np.array_equal(found, pixels(*OUTER) & ~pixels(*hole) | pixels(*piece))


def test_a_hole_that_crosses_another_part_is_in_doubt():
    hole, part = box(14.5, 28.5, 16.5, 24.5), box(24.5, 45.5, 12.5, 28.5)
    with pytest.raises(CIPAError, match=r"^set.dcm: ROI 'IGTV': of contours 2 and 3, which overlap.*is a hole"):
        rastered([box(*DRAWN), hole, part])


def test_several_pairs_are_told_in_one_note():
    polygons = [box(4.5, 9.5, y, y + 4) for y in np.arange(3.5, 45, 3)]
    (note,) = rastered(polygons).notes
    assert note.endswith("contour 1 with 2, 2 with 3, 3 with 4, 4 with 5, 5 with 6 and 8 more")


def test_bridges_between_islands_hold_nothing():
    bridge = [(5, 5), (15, 5), (15, 20), (30, 20), (30, 5), (45, 5), (45, 35), (30, 35), (30, 20), (15, 20), (15, 35)]
    found = mask_of([np.array([*bridge, (5, 35)], dtype=float)])
    assert np.array_equal(found, pixels(5, 15, 5, 35) | pixels(30, 45, 5, 35))


def blob(seed):
    """Smooth regions with holes; no part is thinner than three pixels."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=SIZE[::-1]), 2.2)
    thick = binary_opening(noise > 0.02, np.ones((3, 3)))
    thick[[0, -1]] = thick[:, [0, -1]] = False
    return binary_opening(thick, np.ones((3, 3)))


ROUNDINGS = {
    "float32": lambda points: points.astype(np.float32).astype(np.float64),
    "0.0001 mm": lambda points: np.round(points, 4),
    "0.001 mm": lambda points: np.round(points, 3),
    "0.01 mm": lambda points: np.round(points, 2),
}


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("spacing", [0.9765625, 0.5859375, 4.07283])
def test_contours_through_centres_give_their_mask_back_however_they_are_rounded(rounding, spacing):
    for seed in range(3):
        mask = blob(seed)
        grid = make_grid((*SIZE, 1), (spacing, spacing, 3.0), origin=(-249.51171875, -261.01171875, -700.0))
        contours = [to_points(grid, polygon, 0) for polygon in traced_through_centres(mask)]
        contours = [Contour(n, ROUNDINGS[rounding](points)) for n, points in enumerate(contours, 1)]
        assert np.array_equal(rasterise(contours, grid, "traced").mask[0] > 0, mask)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_a_side_through_centres_is_enough_for_the_tolerance(rounding):
    grid = make_grid((*SIZE, 1), (0.9765625, 0.9765625, 3.0), origin=(-249.51171875, -261.01171875, -700.0))
    points = ROUNDINGS[rounding](to_points(grid, box(10.3, 31.7, 10, 31), 0))
    assert np.array_equal(rasterise([Contour(1, points)], grid, "drawn").mask[0] > 0, pixels(10.3, 31.7, 10, 31))
