import numpy as np
import pytest

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import false_positive_ml, read_mask

SPACING = (0.5, 2.0, 3.0)


def box(z, y, x):
    mask = np.zeros((12, 14, 16), dtype=np.uint8)
    mask[slice(*z), slice(*y), slice(*x)] = 1
    return mask


@pytest.fixture
def masks(tmp_path, write):
    def read(**arrays):
        return [read_mask(write(tmp_path / f"{name}.nii.gz", array, spacing=SPACING)) for name, array in arrays.items()]

    return read


def test_volume_is_that_of_the_part_in_the_organ_and_outside_the_truth(masks):
    """Prediction and organ share 4 x 5 x 6 voxels of 3 mm^3; the truth takes 4 x 5 x 2 of them."""
    found = masks(
        truth=box((0, 12), (0, 14), (0, 6)),
        prediction=box((2, 8), (3, 9), (4, 10)),
        organ=box((4, 12), (4, 14), (4, 16)),
    )
    assert false_positive_ml(*found) == pytest.approx(4 * 5 * (6 - 2) * 3 / 1000, rel=1e-6)


def test_nothing_outside_the_organ_counts(masks):
    truth, prediction = box((0, 1), (0, 1), (0, 1)), box((2, 8), (3, 9), (4, 10))
    assert false_positive_ml(*masks(truth=truth, prediction=prediction, organ=box((8, 12), (0, 14), (0, 16)))) == 0
    assert false_positive_ml(*masks(truth=truth, prediction=prediction, organ=0 * truth)) == 0


def test_other_grid_is_refused(tmp_path, write, masks):
    truth, prediction = masks(truth=box((0, 4), (0, 4), (0, 4)), prediction=box((0, 4), (0, 4), (0, 4)))
    organ = read_mask(write(tmp_path / "moved.nii.gz", box((0, 4), (0, 4), (0, 4)), SPACING, origin=(0.0, 0.0, 0.0)))
    with pytest.raises(CIPAError, match=r"moved\.nii\.gz: has origin"):
        false_positive_ml(truth, prediction, organ)
