import numpy as np
import pytest
import torch

from nnunet_cipa.trainers import nnUNetTrainerCIPA
from nnunet_cipa.trainers.recipe.augmentation import RandomResizedCropTransform

ROTATION = (-np.pi, np.pi)


def crop(image, segmentation, fraction):
    return RandomResizedCropTransform(fraction)(image=image, segmentation=segmentation)


def test_whole_patch_is_the_identity():
    image, segmentation = torch.rand(2, 24, 32), torch.randint(0, 2, (1, 24, 32))
    out = crop(image.clone(), segmentation.clone(), (1.0, 1.0))
    torch.testing.assert_close(out["image"], image)
    assert torch.equal(out["segmentation"], segmentation)


def test_crop_magnifies_a_linear_ramp():
    ramp = torch.arange(100.0).expand(1, 100, 100).clone()
    out = crop(ramp, torch.zeros(1, 100, 100, dtype=torch.int16), (0.8, 0.8))["image"]
    slopes = out[0, 50, 10:90].diff()
    torch.testing.assert_close(slopes, torch.full_like(slopes, 0.8), atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(64, 64), (5, 64, 48)])
def test_image_and_segmentation_move_together_and_labels_stay(shape):
    segmentation = torch.zeros(1, *shape, dtype=torch.int16)
    segmentation[..., 20:40, 16:30] = 3
    image = segmentation.float().repeat(2, *[1] * len(shape))
    torch.manual_seed(0)
    for _ in range(20):
        out = crop(image.clone(), segmentation.clone(), (0.7, 0.9))
        assert out["image"].shape == image.shape
        assert out["segmentation"].dtype == torch.int16
        assert set(out["segmentation"].unique().tolist()) <= {0, 3}
        wrong = (out["image"][0] > 1.5) != (out["segmentation"][0] == 3)
        assert wrong.float().mean() < 0.02


def test_fraction_stays_in_its_range():
    torch.manual_seed(0)
    transform = RandomResizedCropTransform((0.7, 0.9))
    kept = []
    for _ in range(200):
        drawn = transform.get_parameters(image=torch.zeros(1, 100, 200))
        rows, columns = drawn["rows"], drawn["columns"]
        assert 0 <= rows.start < rows.stop <= 100
        assert 0 <= columns.start < columns.stop <= 200
        kept.append((rows.stop - rows.start) / 100)
        assert (columns.stop - columns.start) / 200 == pytest.approx(kept[-1], abs=0.01)
    assert min(kept) == pytest.approx(0.7, abs=0.02)
    assert max(kept) == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(("regions", "ignore_label", "channels"), [(None, None, 1), ([[1, 2], [2]], 3, 3)])
def test_training_transforms_finish_the_labels_as_nnunet_does(regions, ignore_label, channels):
    transforms = nnUNetTrainerCIPA.get_training_transforms(
        [64, 64], ROTATION, None, (0, 1), False, [False, True], regions=regions, ignore_label=ignore_label
    )
    segmentation = torch.randint(0, 4 if regions else 2, (1, 90, 90), dtype=torch.int16)
    segmentation[:, :5] = -1
    torch.manual_seed(0)
    np.random.seed(0)
    for _ in range(20):
        out = transforms(image=torch.rand(2, 90, 90), segmentation=segmentation.clone())
        assert out["image"].shape == (2, 64, 64)
        assert out["segmentation"].shape == (channels, 64, 64)
        assert out["segmentation"].min() >= 0
