import math

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.uptake import combine_uptake, measure_uptake

# The digital phantom of the IBSI reference manual; 0 is outside the ROI.
IBSI = [
    [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
    [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [0, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
    [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 6, 1, 1]],
    [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
]


def image(array, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0)):
    made = sitk.GetImageFromArray(np.asarray(array))
    made.SetSpacing(spacing)
    made.SetOrigin(origin)
    return made


def ball(shape, centre, radius, spacing=(1.0, 1.0, 1.0)):
    z, y, x = np.ogrid[tuple(slice(0, n) for n in shape)]
    steps = ((z - centre[0]) * spacing[2], (y - centre[1]) * spacing[1], (x - centre[2]) * spacing[0])
    return sum(step**2 for step in steps) <= radius**2


def test_the_reference_values_of_ibsis_digital_phantom():
    values = np.array(IBSI, dtype=np.float32)
    (lesion,) = measure_uptake(image((values > 0).astype(np.uint8), (2, 2, 2)), image(values, (2, 2, 2)))
    assert lesion.volume_ml == pytest.approx(0.592)  # YEKZ: 592 mm3
    assert lesion.suv_mean == pytest.approx(2.15, abs=0.005)  # Q4LE
    assert lesion.suv_max == 6  # 84IY
    assert lesion.diameter_mm == pytest.approx(13.1, abs=0.05)  # L0JK
    assert lesion.tlg == pytest.approx(159 / 74 * 0.592)


def test_the_peak_is_the_highest_mean_over_spheres_of_a_millilitre_at_voxels_of_the_lesion():
    generator = np.random.default_rng(0)
    spacing = (1.5, 2.0, 3.0)
    suv = generator.uniform(0, 10, (9, 12, 14)).astype(np.float32)
    mask = ball(suv.shape, (1, 6, 7), 6, spacing)  # its spheres leave the image
    (lesion,) = measure_uptake(image(mask.astype(np.uint8), spacing), image(suv, spacing))
    places = np.argwhere(np.ones_like(mask)) * spacing[::-1]
    radius = (3000 / (4 * math.pi)) ** (1 / 3)
    means = [
        suv.ravel()[np.linalg.norm(places - centre * spacing[::-1], axis=1) <= radius].mean(dtype=float)
        for centre in np.argwhere(mask)
    ]
    assert lesion.suv_peak == pytest.approx(max(means), rel=1e-6)
    assert lesion.suv_max == suv[mask].max()


def test_a_gradient_has_its_peak_at_the_lesions_last_plane():
    suv = np.broadcast_to(np.arange(40, dtype=np.float32), (40, 40, 40))
    (lesion,) = measure_uptake(image(ball(suv.shape, (20, 20, 20), 8).astype(np.uint8)), image(suv))
    assert lesion.suv_peak == pytest.approx(28)  # the mean of a symmetric sphere on a ramp is its centre's value
    assert lesion.suv_mean == pytest.approx(20)
    assert lesion.centroid_mm == pytest.approx((20, 20, 20))
    assert lesion.slices == (13, 29)
    assert lesion.diameter_mm == pytest.approx(17, abs=0.6)


def test_lesions_are_measured_apart_the_largest_first_and_together():
    mask = ball((30, 40, 60), (10, 20, 12), 4) | ball((30, 40, 60), (15, 20, 45), 7)
    suv = np.where(np.arange(60) < 30, 3.0, 5.0) * np.ones(mask.shape)
    large, small = measure_uptake(image(mask.astype(np.uint8)), image(suv))
    assert (large.suv_mean, small.suv_mean) == pytest.approx((5, 3))
    assert large.volume_ml > small.volume_ml > 0
    both = combine_uptake([large, small])
    assert both.volume_ml == pytest.approx(np.count_nonzero(mask) / 1000)
    assert both.tlg == pytest.approx(suv[mask].sum() / 1000)
    assert both.suv_mean == pytest.approx(suv[mask].mean())
    assert both.suv_max == 5
    assert both.slices == (7, 23)


def test_uptake_is_read_at_the_pets_own_voxels_and_volume_at_the_masks():
    suv = np.ones((10, 20, 20), dtype=np.float32)
    suv[5, 10, 10] = 9
    pet = image(suv, (4, 4, 4), (-38.0, -38.0, -18.0))
    mask = ball((60, 80, 80), (30, 42, 42), 9)
    (lesion,) = measure_uptake(image(mask.astype(np.uint8), origin=(-40.0, -40.0, -28.0)), pet)
    assert lesion.suv_max == 9  # interpolated at the mask's voxels it would be less
    assert lesion.volume_ml == pytest.approx(np.count_nonzero(mask) / 1000)
    assert not lesion.interpolated


def test_a_lesion_between_the_voxels_of_the_pet_is_interpolated():
    suv = np.broadcast_to(np.arange(8, dtype=np.float32), (8, 8, 8))
    mask = np.zeros((32, 32, 32), dtype=np.uint8)
    mask[13, 13, 13] = 1
    (lesion,) = measure_uptake(image(mask), image(suv, (4, 4, 4)))
    assert lesion.interpolated
    assert lesion.suv_max == lesion.suv_mean == pytest.approx(13 / 4)
    assert lesion.slices == (14, 14)


def test_no_tumour_is_no_lesion_and_one_outside_the_pet_is_refused():
    empty, suv = np.zeros((5, 5, 5), dtype=np.uint8), np.ones((5, 5, 5))
    assert measure_uptake(image(empty), image(suv)) == []
    with pytest.raises(CIPAError, match="outside the PET"):
        measure_uptake(image(np.ones_like(empty), origin=(100, 0, 0)), image(suv))
