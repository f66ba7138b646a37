"""The measures against other packages, on anisotropic grids; docs/evaluation.md has what differs and why."""

import math

import monai.metrics
import numpy as np
import pytest
import SimpleITK as sitk
import surface_distance
import torch
from medpy.metric import binary
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.measure import label

from nnunet_cipa.evaluation import Volume, count_overlap, match_lesions, measure, measure_slices, surface_distances

SPACINGS = [(1.0, 1.0, 1.0), (3.27, 0.98, 1.4), (0.7, 2.5, 1.1)]
SHAPE = (14, 30, 26)


def blobs(seed, share=0.12):
    """Smooth blobs, some of which touch the edge of the image."""
    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=SHAPE), 2)
    return smooth > np.quantile(smooth, 1 - share)


def pair(seed):
    """A truth and a prediction that share a part of it."""
    truth = blobs(seed)
    return truth, (np.roll(truth, (1, 2, -1), (0, 1, 2)) & ~blobs(seed + 100, 0.3)) | blobs(seed + 50, 0.02)


def volume(mask, spacing):
    return Volume("a", mask, spacing, (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1))


def scored(truth, prediction, spacing, **options):
    return measure(volume(truth, spacing), volume(prediction, spacing), **options)


def one_hot(mask):
    return torch.from_numpy(np.stack([~mask, mask])[None].astype(np.float32))


CASES = [(seed, spacing) for seed, spacing in enumerate(SPACINGS * 2)]


@pytest.mark.parametrize(("seed", "spacing"), CASES)
def test_medpy(seed, spacing):
    truth, prediction = pair(seed)
    found = scored(truth, prediction, spacing)
    assert 0.1 < found.dice < 0.8
    assert found.dice == pytest.approx(binary.dc(prediction, truth), abs=1e-12)
    assert found.iou == pytest.approx(binary.jc(prediction, truth), abs=1e-12)
    assert found.sensitivity == pytest.approx(binary.recall(prediction, truth), abs=1e-12)
    assert found.precision == pytest.approx(binary.precision(prediction, truth), abs=1e-12)
    assert found.surface_mm == pytest.approx(binary.assd(prediction, truth, spacing), abs=1e-9)
    assert found.relative_volume_error == pytest.approx(binary.ravd(prediction, truth), abs=1e-12)
    assert count_overlap(truth, prediction).specificity == pytest.approx(binary.specificity(prediction, truth))


@pytest.mark.parametrize(("seed", "spacing"), CASES)
def test_medpy_takes_the_percentile_of_both_directions_together(seed, spacing):
    """The known difference of MedPy's hd95, from our distances; it is never above ours."""
    truth, prediction = pair(seed)
    distances = surface_distances(truth, prediction, spacing, math.inf)
    together = np.percentile(np.concatenate((distances.from_truth, distances.from_prediction)), 95)
    assert binary.hd95(prediction, truth, spacing) == pytest.approx(together, abs=1e-9)
    assert distances.hausdorff95 >= together


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
@pytest.mark.parametrize(("seed", "spacing"), CASES)
def test_monai(seed, spacing):
    truth, prediction = pair(seed)
    found = scored(truth, prediction, spacing, tolerance_mm=2.0)
    images = one_hot(prediction), one_hot(truth)
    dice = monai.metrics.compute_dice(*images, include_background=False)
    hd95 = monai.metrics.compute_hausdorff_distance(*images, percentile=95, spacing=spacing)
    surface = monai.metrics.compute_average_surface_distance(*images, symmetric=True, spacing=spacing)
    nsd = monai.metrics.compute_surface_dice(*images, [2.0], spacing=spacing)
    assert found.dice == pytest.approx(dice.item(), abs=1e-6)
    assert found.hd95_mm == pytest.approx(hd95.item(), rel=1e-5)
    assert found.surface_mm == pytest.approx(surface.item(), rel=1e-5)
    assert found.nsd == pytest.approx(nsd.item(), abs=1e-6)


@pytest.mark.parametrize(("seed", "spacing"), CASES)
def test_simpleitk(seed, spacing):
    truth, prediction = pair(seed)
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (truth, prediction)]
    for image in images:
        image.SetSpacing(spacing[::-1])
    found = scored(truth, prediction, spacing)
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*images)
    assert found.dice == pytest.approx(overlap.GetDiceCoefficient(), abs=1e-12)
    assert found.iou == pytest.approx(overlap.GetJaccardCoefficient(), abs=1e-12)
    centres = []
    for image in images:
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.Execute(image)
        centres.append(shape.GetCentroid(1))
    assert found.centroid_mm == pytest.approx(math.dist(*centres), rel=1e-9)


@pytest.mark.parametrize(("seed", "spacing"), CASES)
def test_scipy_distance_transform(seed, spacing):
    """The distances themselves, one by one; SimpleITK draws the borders."""
    masks = pair(seed)
    borders = [
        sitk.GetArrayFromImage(
            sitk.BinaryContour(sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8)), fullyConnected=False)
        ).astype(bool)
        for mask in masks
    ]
    maps = [distance_transform_edt(~border, sampling=spacing) for border in borders]
    found = surface_distances(*masks, spacing, math.inf)
    np.testing.assert_allclose(found.from_truth, maps[1][borders[0]], atol=1e-9)
    np.testing.assert_allclose(found.from_prediction, maps[0][borders[1]], atol=1e-9)


def surface_distance_gaps(fine):
    """How far HD95, mean and NSD are from DeepMind's on two balls, their voxels ``fine`` times smaller."""
    spacing = (2.0 / fine, 1.0 / fine, 1.0 / fine)
    z, y, x = np.ogrid[tuple(slice(-32, 32, size) for size in spacing)]
    truth = z**2 + y**2 + x**2 <= 25**2
    prediction = (z - 2) ** 2 + (y - 2) ** 2 + x**2 <= 24**2
    other = surface_distance.compute_surface_distances(truth, prediction, spacing)
    found = scored(truth, prediction, spacing)
    directions = surface_distance.compute_average_surface_distance(other)
    return np.abs([
        found.hd95_mm - surface_distance.compute_robust_hausdorff(other, 95),
        found.surface_mm - np.mean(directions),
        found.nsd - surface_distance.compute_surface_dice_at_tolerance(other, 2),
    ])  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_surface_distance():
    """DeepMind's surface lies between voxels and is weighed by area: the finer the grid, the less the two differ."""
    coarse, fine = surface_distance_gaps(1), surface_distance_gaps(2)
    assert (coarse < (1.0, 0.5, 0.1)).all()
    assert (fine < 0.8 * coarse).all()


@pytest.mark.parametrize("seed", range(6))
def test_lesions_are_those_of_scikit_image(seed):
    truth, prediction = pair(seed)
    found = match_lesions(truth, prediction)
    for mask, other, count, alone, voxels in (
        (truth, prediction, found.true, found.true - found.found, found.missed_voxels),
        (prediction, truth, None, found.false, found.false_voxels),
    ):
        components = label(mask, connectivity=2)
        without = [number for number in range(1, components.max() + 1) if not other[components == number].any()]
        assert count in {None, components.max()}
        assert alone == len(without)
        assert voxels == np.isin(components, without).sum()
    assert found.f1 == pytest.approx(2 * found.found / (found.true + found.found + found.false))


def lesions_by_hand():
    """Two true lesions of 8 and 27 voxels; the prediction has 4 of the first, and two others of 6 and 1."""
    truth, prediction = np.zeros((2, 12, 20, 20), dtype=bool)
    truth[1:3, 1:3, 1:3] = truth[6:9, 10:13, 10:13] = True
    prediction[1:3, 1:3, 1] = prediction[10, 15:18, 2:4] = prediction[1, 18, 18] = True
    return truth, prediction


def test_volumes_and_lesions_by_hand():
    found = scored(*lesions_by_hand(), (2.0, 5.0, 10.0))
    ml = 0.1
    assert (found.true_lesions, found.found_lesions, found.false_lesions) == (2, 1, 2)
    assert found.lesion_f1 == pytest.approx(2 / (2 + 1 + 2))
    assert found.false_positive_ml == pytest.approx(7 * ml)
    assert found.false_negative_ml == pytest.approx(27 * ml)
    assert found.excess_ml == pytest.approx(7 * ml)
    assert found.sensitivity == pytest.approx(4 / 35)
    assert found.volume_error_ml == pytest.approx((11 - 35) * ml)
    assert found.relative_volume_error == pytest.approx((11 - 35) / 35)


def test_lesions_that_share_an_edge_are_one_and_that_share_a_corner_two():
    mask = np.zeros((4, 4, 4), dtype=bool)
    mask[0, 0, 0] = mask[0, 1, 1] = mask[1, 2, 2] = True
    assert match_lesions(mask, mask).true == 2


def test_a_false_voxel_far_away_counts():
    """Everything is cut to the box around both masks, so what is far from the truth must be in it."""
    truth, prediction = np.zeros((2, 20, 30, 40), dtype=bool)
    truth[2:6, 3:9, 3:9] = True
    prediction |= truth
    prediction[19, 29, 39] = True
    found = scored(truth, prediction, (3.0, 1.0, 1.0))
    distances = surface_distances(truth, prediction, (3.0, 1.0, 1.0), math.inf)
    assert distances.from_prediction.max() == pytest.approx(math.dist((15, 8, 8), (57, 29, 39)))
    assert found.false_lesions == 1
    assert found.nsd == pytest.approx(1 - 1 / (distances.from_truth.size + distances.from_prediction.size))


def test_a_shifted_box_by_hand():
    """Moved by two voxels along x of 1.5 mm: centroid 3 mm, and 8 of 10 columns overlap."""
    truth = np.zeros((20, 20, 30), dtype=bool)
    truth[5:15, 5:15, 5:15] = True
    found = scored(truth, np.roll(truth, 2, 2), (3.0, 1.0, 1.5))
    assert found.centroid_mm == pytest.approx(3)
    assert (found.dice, found.iou) == pytest.approx((0.8, 8 / 12))
    assert (found.volume_error_ml, found.excess_ml) == pytest.approx((0, 200 * 4.5 / 1000))


def test_pooled_measures_of_the_paper_by_hand():
    """Slices: a hit of half its area, one missed, one false, one empty. Pixels are summed before dividing."""
    truth, prediction = np.zeros((2, 4, 10, 10), dtype=bool)
    truth[0, 2:4, 2:6] = True
    prediction[0, 2:4, 2:4] = True
    truth[1, 5, 5] = True
    prediction[2, 1, 1:4] = True
    found = measure_slices(truth, prediction)
    tp, fp, fn, tn = 4, 3, 5, 400 - 12
    assert found.iou == pytest.approx(tp / (tp + fp + fn))
    assert found.f1 == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert found.acc == pytest.approx((tp / (tp + fn) + tn / (tn + fp)) / 2)
    # every column of both masks is border: half of the truth's pixels are 0, a quarter 1, a quarter 2 away
    first = np.percentile([0, 0, 0, 0, 1, 1, 2, 2], 95)
    assert found.hd95_px == pytest.approx((first + 2 * math.hypot(10, 10) + 0) / 4)


def test_pooled_measures_of_two_cases_are_those_of_both_together():
    first, second = pair(0), pair(1)
    together = measure_slices(*(np.concatenate(masks) for masks in zip(first, second, strict=True)))
    added = measure_slices(*first) + measure_slices(*second)
    assert (added.overlap, added.slices) == (together.overlap, together.slices)
    assert added.hd95_px == pytest.approx(together.hd95_px)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
@pytest.mark.parametrize("seed", range(3))
def test_slice_distances_are_those_of_monai(seed):
    truth, prediction = pair(seed)
    expected = []
    for a, b in zip(truth, prediction, strict=True):
        if a.any() and b.any():
            distance = monai.metrics.compute_hausdorff_distance(one_hot(b), one_hot(a), percentile=95)
            expected.append(distance.item())
        else:
            expected.append(math.hypot(*a.shape) if a.any() or b.any() else 0)
    assert measure_slices(truth, prediction).hd95_px == pytest.approx(np.mean(expected), rel=1e-6)
