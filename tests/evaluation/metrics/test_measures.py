import copy
import math
import pickle

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import Measures, Volume, dice, hausdorff95, measure, read_mask


def blobs(seed, shape=(9, 20, 24)):
    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2)
    return smooth > np.quantile(smooth, 0.8)


@pytest.mark.parametrize("seed", range(4))
def test_dice_and_volumes_are_those_of_simpleitk(tmp_path, write, seed):
    spacing = (0.7, 1.3, 3.5)
    paths = [
        write(tmp_path / f"{name}.nii.gz", blobs(number).astype(np.uint8), spacing=spacing)
        for name, number in (("truth", seed), ("prediction", seed + 50))
    ]
    images = [sitk.ReadImage(path) for path in paths]
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*images)
    volumes = []
    for image in images:
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.Execute(image)
        volumes.append(shape.GetPhysicalSize(1) / 1000)
    found = measure(*(read_mask(path) for path in paths))
    assert 0.1 < found.dice < 0.9
    assert found.dice == pytest.approx(overlap.GetDiceCoefficient(), abs=1e-12)
    assert (found.truth_ml, found.predicted_ml) == pytest.approx(tuple(volumes), rel=1e-6)


def border_points(mask, spacing):
    """Positions in mm of the border voxels, as SimpleITK defines them."""
    padded = sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8))
    contour = sitk.BinaryContour(padded, fullyConnected=False)
    return np.argwhere(sitk.GetArrayFromImage(contour)) * spacing


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.27, 0.98, 1.4)])
def test_hd95_is_that_of_all_pairs_of_border_points(spacing):
    for seed in range(3):
        masks = blobs(seed), blobs(seed + 50)
        distances = cdist(*(border_points(mask, spacing) for mask in masks))
        expected = max(np.percentile(distances.min(axis=axis), 95) for axis in (0, 1))
        assert hausdorff95(*masks, spacing) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("axis", "shift"), [(0, 2), (1, 3), (2, 4)])
def test_hd95_of_a_shifted_box_is_the_shift(axis, shift):
    """The two faces along the shift are a sixth of the border each, more than the 5 % that are left out."""
    spacing = (3.0, 1.25, 0.8)
    box = np.zeros((24, 24, 24), dtype=bool)
    box[4:14, 4:14, 4:14] = True
    moved = np.roll(box, shift, axis)
    assert hausdorff95(box, moved, spacing) == pytest.approx(shift * spacing[axis])
    assert dice(box, moved) == pytest.approx((10 - shift) / 10)


def test_hd95_is_the_larger_of_both_directions():
    """A voxel, and a row of 101 from it on: 0 one way, and 95 % of 100 voxels the other way."""
    voxel, row = np.zeros((2, 3, 3, 120), dtype=bool)
    voxel[1, 1, 5] = True
    row[1, 1, 5:106] = True
    spacing = (3.0, 2.0, 0.5)
    assert hausdorff95(voxel, row, spacing) == pytest.approx(95 * 0.5)
    assert hausdorff95(row, voxel, spacing) == pytest.approx(95 * 0.5)


def test_distances_are_between_borders_not_volumes():
    """A voxel in the middle of a box lies in it, and 9 or more voxels from its border."""
    solid = np.zeros((30, 30, 30), dtype=bool)
    solid[5:25, 5:25, 5:25] = True
    centre = np.zeros_like(solid)
    centre[15, 15, 15] = True
    assert hausdorff95(centre, solid, (1, 1, 1)) > 9
    assert hausdorff95(solid, solid, (1, 1, 1)) == 0


def test_the_edge_of_the_image_is_a_border():
    full = np.ones((3, 40, 40), dtype=bool)
    corner = np.zeros_like(full)
    corner[:, :, 0] = True
    in_column = [2 * 40 + (40 if column in {0, 39} else 2) for column in range(40)]
    expected = np.percentile(np.repeat(np.arange(40) * 2.0, in_column), 95)
    assert hausdorff95(full, corner, (1, 1, 2)) == pytest.approx(expected)


OVERLAPS = ("dice", "iou", "sensitivity", "precision", "nsd", "lesion_f1")
DISTANCES = ("hd95_mm", "surface_mm", "centroid_mm")


@pytest.mark.parametrize(("truth", "prediction"), [(False, True), (True, False), (False, False)])
def test_empty_masks(tmp_path, write, truth, prediction):
    """One empty: overlaps 0, distances the diagonal; both: neither is defined. Volumes always are."""
    full = np.zeros((4, 5, 6), dtype=np.uint8)
    full[1:3, 1:3, 1:3] = 1
    paths = [write(tmp_path / f"{n}.nii.gz", full * there) for n, there in (("t", truth), ("p", prediction))]
    found = measure(*map(read_mask, paths))
    overlap, distance = (0, math.hypot(4 * 3, 5 * 1.25, 6 * 0.8)) if truth or prediction else (math.nan, math.nan)
    assert [getattr(found, name) for name in OVERLAPS] == pytest.approx([overlap] * len(OVERLAPS), nan_ok=True)
    assert [getattr(found, name) for name in DISTANCES] == pytest.approx([distance] * len(DISTANCES), nan_ok=True)
    # nothing is near what is not there, however large the tolerance
    generous = measure(*map(read_mask, paths), tolerance_mm=1000.0)
    assert generous.nsd == pytest.approx(overlap, nan_ok=True)
    assert (found.truth_ml, found.predicted_ml) == pytest.approx((truth * 0.024, prediction * 0.024))
    assert found.volume_error_ml == pytest.approx((prediction - truth) * 0.024)
    assert found.relative_volume_error == pytest.approx(-1 if truth else math.nan, nan_ok=True)
    assert (found.false_positive_ml, found.excess_ml) == pytest.approx((prediction * 0.024,) * 2)
    assert found.false_negative_ml == pytest.approx(truth * 0.024)


def test_masks_on_other_grids_are_not_compared(tmp_path, write):
    mask = np.ones((2, 3, 4), dtype=np.uint8)
    truth = read_mask(write(tmp_path / "truth.nii.gz", mask))
    prediction = read_mask(write(tmp_path / "prediction.nii.gz", mask, spacing=(1, 1, 1)))
    with pytest.raises(CIPAError, match=r"prediction\.nii\.gz: has spacing .*truth\.nii\.gz has"):
        measure(truth, prediction)
    assert isinstance(truth, Volume)


def test_measures_are_a_mapping_whose_names_are_attributes_too_also_in_another_process():
    made = Measures(dice=0.5, truth_ml=2.0)
    for one in (made, pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert dict(one) == {"dice": 0.5, "truth_ml": 2.0}
        assert (one.dice, one.truth_ml) == (0.5, 2.0)
        with pytest.raises(AttributeError, match="no metric 'beauty'"):
            one.beauty  # noqa: B018
