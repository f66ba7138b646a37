"""First and last slices of lesions, on masks whose overlaps are counted by hand."""

import math

import numpy as np

from nnunet_cipa.evaluation import dice_by_position, lesion_ends


def stack(depth, *boxes):
    """Boxes of (first slice, last slice, first column), each of four voxels a slice."""
    mask = np.zeros((depth, 2, 12), dtype=bool)
    for first, last, column in boxes:
        mask[first : last + 1, :, column : column + 2] = True
    return mask


def test_each_lesion_has_its_own_ends():
    assert np.flatnonzero(lesion_ends(stack(9, (1, 4, 0), (3, 7, 6)))).tolist() == [1, 3, 4, 7]


def test_lesions_that_touch_at_an_edge_are_one_and_at_a_corner_two():
    mask = np.zeros((4, 4, 4), dtype=bool)
    mask[0, 0, 0] = mask[1, 1, 0] = True
    assert np.flatnonzero(lesion_ends(mask)).tolist() == [0, 1]
    longer = mask.copy()
    longer[2, 2, 0] = True
    assert np.flatnonzero(lesion_ends(longer)).tolist() == [0, 2]
    corner = mask.copy()
    corner[2, 2, 1] = corner[3, 2, 1] = True
    assert np.flatnonzero(lesion_ends(corner)).tolist() == [0, 1, 2, 3]


def test_dice_of_ends_and_of_slices_between():
    truth, prediction = stack(6, (1, 4, 0)), stack(6, (2, 5, 0))
    ends, inner = dice_by_position(truth, prediction)
    assert ends == 2 * 4 / (8 + 4)
    assert inner == 1


def test_nothing_between_and_nothing_at_all_is_not_a_number():
    ends, inner = dice_by_position(stack(3, (1, 1, 0)), stack(3, (1, 1, 1)))
    assert ends == 2 * 2 / 8
    assert math.isnan(inner)
    assert all(math.isnan(score) for score in dice_by_position(stack(3), stack(3, (0, 2, 0))))
