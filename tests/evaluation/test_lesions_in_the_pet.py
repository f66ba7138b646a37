"""Lesions that a PET covers in part or not at all, and specks; their box, hull and order."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import generate_binary_structure, label
from scipy.spatial.distance import pdist
from skimage.measure import marching_cubes

from nnunet_cipa.evaluation import combine_uptake
from nnunet_cipa.evaluation.diameter import longest_diameter
from nnunet_cipa.evaluation.lesion_boxes import find_lesions
from nnunet_cipa.evaluation.uptake import measure_lesion
from tests.evaluation.test_uptake import image


def measured(mask, pet, spacing=(1.0, 1.0, 1.0)):
    grid = image(mask.astype(np.uint8), spacing)
    return [measure_lesion(lesion, grid, pet) for lesion in find_lesions(mask)]


def test_a_lesion_that_leaves_the_pet_has_the_uptake_of_what_is_covered():
    mask = np.zeros((20, 12, 12), dtype=bool)
    mask[4:16, 3:9, 3:9] = True
    pet = np.full((10, 12, 12), 2.0)
    pet[9] = 5
    (lesion,) = measured(mask, image(pet))  # slices 10 to 19 have no PET
    assert lesion.in_pet == pytest.approx(6 / 12)
    assert lesion.volume_ml == pytest.approx(12 * 36 / 1000)
    assert lesion.suv_max == 5
    assert lesion.suv_mean == pytest.approx((5 * 2 + 5) / 6)
    assert lesion.tlg == pytest.approx((5 * 2 + 5) * 36 / 1000)


def test_a_lesion_outside_keeps_its_size_and_the_total_is_of_the_others():
    mask = np.zeros((30, 12, 12), dtype=bool)
    mask[2:6, 2:6, 2:6] = mask[20:28, 2:10, 2:10] = True
    outside, inside = measured(mask, image(np.full((10, 12, 12), 3.0)))
    assert (outside.in_pet, inside.in_pet) == (0, 1)
    assert outside.volume_ml == pytest.approx(0.512)
    assert all(math.isnan(value) for value in (outside.suv_max, outside.suv_mean, outside.suv_peak, outside.tlg))
    both = combine_uptake([outside, inside])
    assert both.volume_ml == pytest.approx(0.512 + 0.064)
    assert both.in_pet == pytest.approx(0.064 / both.volume_ml)
    assert (both.suv_max, both.suv_mean, both.suv_peak) == pytest.approx((3, 3, 3))
    assert both.tlg == pytest.approx(3 * 0.064)
    nothing = combine_uptake([outside])
    assert nothing.in_pet == 0
    assert math.isnan(nothing.tlg)


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_specks(length, axis):
    mask = np.zeros((6, 7, 8), dtype=bool)
    place = [slice(0, 1)] * 3
    place[axis] = slice(0, length)
    mask[tuple(place)] = True  # in the corner of the image
    (lesion,) = measured(mask, image(np.full((6, 7, 8), 4.0), (1, 2, 3)), (1, 2, 3))
    assert lesion.volume_ml == pytest.approx(0.006 * length)
    assert (lesion.suv_max, lesion.suv_mean, lesion.suv_peak) == pytest.approx((4, 4, 4))
    # Its surface is one octahedron, or two side by side
    own, *others = np.roll((3.0, 2.0, 1.0), -axis)
    across = max(math.hypot(other, (length - 1) * own) for other in others)
    assert lesion.diameter_mm == pytest.approx(max(length * own, across))


@pytest.mark.parametrize("seed", range(4))
def test_the_diameter_is_that_of_the_surface_mesh(seed):
    generator = np.random.default_rng(seed)
    inside = generator.random((7, 9, 8)) < 0.3
    spacing = (0.9, 1.4, 3.0)
    mesh, *_ = marching_cubes(np.pad(inside, 1).astype(np.float32), 0.5, spacing=spacing[::-1])
    assert longest_diameter(inside, spacing) == pytest.approx(pdist(mesh).max(), rel=1e-6)


def test_lesions_are_the_18_connected_components_wherever_slices_are_empty():
    generator = np.random.default_rng(5)
    mask = generator.random((40, 12, 12)) < 0.08
    mask[[3, 11, 12, 27]] = False
    numbers, count = label(mask, generate_binary_structure(3, 2))
    lesions = find_lesions(mask)
    assert len(lesions) == count
    sizes = [np.count_nonzero(lesion.inside) for lesion in lesions]
    assert sizes == sorted(np.bincount(numbers[mask])[1:].tolist(), reverse=True)
    again = np.zeros_like(mask)
    for lesion in lesions:
        (number,) = set(numbers[lesion.place][lesion.inside].tolist())
        assert np.count_nonzero(numbers == number) == np.count_nonzero(lesion.inside)
        again[lesion.place] |= lesion.inside
    np.testing.assert_array_equal(again, mask)
    assert find_lesions(np.zeros((3, 4, 5), dtype=bool)) == []


def test_lesions_far_apart_take_little_more_memory_than_the_mask():
    """Numbers of components for the whole image would take four times its bytes."""
    mask = np.zeros((96, 256, 256), dtype=bool)
    mask[2:9, 3:40, 5:50] = mask[80:95, 200:250, 190:255] = True
    pet = image(np.ones((24, 64, 64)), (4, 4, 4))
    tracemalloc.start()
    try:
        assert len(measured_without_a_copy(mask, pet)) == 2
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * mask.nbytes


def measured_without_a_copy(mask, pet):
    grid = image(np.zeros((1, 1, 1), dtype=np.uint8))
    return [measure_lesion(lesion, grid, pet) for lesion in find_lesions(mask)]
