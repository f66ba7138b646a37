"""PET that is moved against CT: closed forms of the movement, and what it leaves alone."""

import math

import numpy as np
import pytest
import torch
from nnunetv2.run.run_training import maybe_load_checkpoint
from scipy import ndimage

from nnunet_cipa import trainers
from nnunet_cipa.trainers import nnUNetTrainerCIPA, nnUNetTrainerCIPA_misaligned, nnUNetTrainerCIPASIM_misaligned
from nnunet_cipa.trainers.recipe.misalignment import Misaligned, Misalignment, MisalignmentTransform, move_in_plane
from tests.trainers.seeded_training import Settings, interrupt, results_of, same, trained

SIDES = 60, 48
SPACING = 2.0, 0.5
INSIDE = slice(12, -12), slice(12, -12)


def ramp(rows, columns):
    """A plane that is linear in place, by row and column."""
    return 3.0 * rows - 2.0 * columns


def places():
    return torch.meshgrid(*(torch.arange(float(side)) for side in SIDES), indexing="ij")


@pytest.mark.parametrize("shift", [(3.0, -1.25), (0.0, 0.0), (-2.0, 0.25), (0.7, 3.1)])
def test_a_ramp_is_shifted_by_exactly_that_many_mm(shift):
    rows, columns = places()
    moved = move_in_plane(ramp(rows, columns), shift, 0.0, SPACING)
    expected = ramp(rows - shift[0] / SPACING[0], columns - shift[1] / SPACING[1])
    torch.testing.assert_close(moved[INSIDE], expected[INSIDE], atol=1e-3, rtol=0)


@pytest.mark.parametrize("degrees", [-7.0, 2.0, 10.0])
def test_a_ramp_is_turned_in_mm_about_the_centre_and_then_shifted(degrees):
    rows, columns = places()
    angle, shift = math.radians(degrees), (1.0, -0.6)
    moved = move_in_plane(ramp(rows, columns), shift, angle, SPACING)
    y, x = ((place - (side - 1) / 2) * mm for place, side, mm in zip((rows, columns), SIDES, SPACING, strict=True))
    y, x = y - shift[0], x - shift[1]
    y, x = y * math.cos(angle) + x * math.sin(angle), x * math.cos(angle) - y * math.sin(angle)
    expected = ramp(*(place / mm + (side - 1) / 2 for place, mm, side in zip((y, x), SPACING, SIDES, strict=True)))
    inside = (y.abs() < SPACING[0] * (SIDES[0] - 1) / 2) & (x.abs() < SPACING[1] * (SIDES[1] - 1) / 2)
    assert inside.float().mean() > 0.4
    torch.testing.assert_close(moved[inside], expected[inside], atol=2e-3, rtol=0)


def test_a_quarter_turn_is_that_of_torch():
    plane = torch.rand(2, 31, 31)
    torch.testing.assert_close(move_in_plane(plane, (0, 0), math.pi / 2, (1, 1)), plane.rot90(1, (1, 2)))


def test_any_movement_is_that_of_scipy():
    plane, shift, angle = torch.rand(40, 30, generator=torch.Generator().manual_seed(0)), (2.3, -4.1), 0.3
    moved = move_in_plane(plane, shift, angle, SPACING)
    mm = np.diag(SPACING)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = np.linalg.inv(mm) @ np.linalg.inv(turn) @ mm
    centre = (np.array(plane.shape) - 1) / 2
    offset = centre - matrix @ (centre + np.array(shift) / SPACING)
    expected = ndimage.affine_transform(plane.numpy(), matrix, offset, order=1, mode="nearest")
    torch.testing.assert_close(moved, torch.from_numpy(expected), atol=1e-4, rtol=0)


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("shape", [(32, 40), (3, 32, 40)])
def test_other_channels_and_labels_stay_bit_for_bit(shape, channel):
    transform = MisalignmentTransform(Misalignment(), channel, SPACING)
    image, segmentation = torch.rand(2, *shape), torch.randint(0, 2, (1, *shape), dtype=torch.int16)
    given = {"image": image.clone(), "segmentation": segmentation.clone()}
    out = transform(**given)
    assert torch.equal(out["image"][1 - channel], image[1 - channel])
    assert torch.equal(out["segmentation"], segmentation)
    assert torch.equal(given["image"], image)
    assert not torch.allclose(out["image"][channel], image[channel], atol=0.01)


def test_all_slices_move_together_and_missing_ones_stay_missing():
    window = torch.rand(1, 1, 32, 32).repeat(2, 3, 1, 1)
    window[:, 0] = 0
    _, pet = MisalignmentTransform(Misalignment(), 1, (1, 1))(image=window)["image"]
    assert not pet[0].any()
    assert torch.equal(pet[1], pet[2])
    assert pet[1].any()


def test_draws_fill_their_ranges_on_both_sides():
    torch.manual_seed(0)
    transform = MisalignmentTransform(Misalignment(shift_mm=4, rotation_degrees=3), 1, (1, 1))
    drawn = [transform.get_parameters() for _ in range(500)]
    for values, most in (
        ([d["shift"][0] for d in drawn], 4),
        ([d["shift"][1] for d in drawn], 4),
        ([math.degrees(d["angle"]) for d in drawn], 3),
    ):
        assert -most <= min(values) < -0.95 * most
        assert 0.95 * most < max(values) <= most
        assert abs(np.mean(values)) < 0.1 * most


@pytest.mark.parametrize(
    "values", [{"probability": 1.1}, {"probability": -0.1}, {"shift_mm": -1}, {"rotation_degrees": math.nan}]
)
def test_values_out_of_range_are_refused(values):
    (name,) = values
    with pytest.raises(ValueError, match=rf"{name} is .*; it must be"):
        Misalignment(**values)


@pytest.fixture
def make_transforms(make_trainer, plans, monkeypatch):
    """Build the training transforms of a trainer for patches of 64 x 64."""

    def make(trainer_class=nnUNetTrainerCIPA_misaligned, misalignment=None, spacing=(1.0, 1.0)):
        plans["configurations"]["2d"].update(spacing=list(spacing), patch_size=[64, 64])
        trainer = make_trainer(trainer_class)
        if misalignment is not None:
            trainer.misalignment = misalignment
        return trainer.get_training_transforms([64, 64], (-0.2, 0.2), None, (0, 1), False)

    return make


def sample():
    """A square as label, CT and PET, smooth enough that halves tell its border."""
    segmentation = torch.zeros(1, 90, 90, dtype=torch.int16)
    segmentation[:, 30:60, 35:55] = 1
    return {"image": segmentation.float().repeat(2, 1, 1), "segmentation": segmentation}


def centre(plane):
    rows, columns = (torch.arange(float(side)) for side in plane.shape)
    return torch.stack([(plane.sum(1) * rows).sum(), (plane.sum(0) * columns).sum()]) / plane.sum()


def distances(transforms, count=40):
    """How far PET's square is from CT's in each of some samples, which the label has to lie on."""
    torch.manual_seed(0)
    np.random.seed(0)
    found = []
    for _ in range(count):
        out = transforms(**sample())
        ct, pet = out["image"]
        assert ((ct > 0.5) != (out["segmentation"][0] == 1)).float().mean() < 0.02
        found.append(float((centre(pet) - centre(ct)).norm()))
    return found


def test_pet_leaves_ct_and_label_in_as_many_samples_as_it_says(make_transforms):
    assert max(distances(make_transforms(nnUNetTrainerCIPA))) == 0
    assert max(distances(make_transforms(misalignment=Misalignment(probability=0)))) == 0
    always = distances(make_transforms(misalignment=Misalignment(probability=1, shift_mm=5)))
    assert min(always) > 0
    assert max(always) > 3
    sometimes = sum(distance > 0 for distance in distances(make_transforms(), count=200))
    assert 24 <= sometimes <= 56  # 40 on average, by chance 5.7 more or less


def test_the_shift_is_in_mm_of_the_plans_spacing(make_transforms):
    always = Misalignment(probability=1, shift_mm=4, rotation_degrees=0)
    near, far = (np.mean(distances(make_transforms(misalignment=always, spacing=(mm, mm)))) for mm in (4.0, 1.0))
    assert far == pytest.approx(4 * near, rel=0.05)


def test_the_channel_is_that_of_pet(make_transforms, dataset_json):
    dataset_json["modalities"] = {"0": "PET", "1": "CT"}
    transforms = make_transforms(misalignment=Misalignment(probability=1))
    out = transforms(**sample())
    pet, ct = out["image"]
    on_label = [((channel > 0.5) != (out["segmentation"][0] == 1)).float().mean() for channel in (pet, ct)]
    assert on_label[1] < 0.02 < on_label[0]


class nnUNetTrainer_movedFar(Misaligned, nnUNetTrainerCIPA):
    """As the documentation has it for a trainer that this package does not have."""

    settings = {"misalignment": Misalignment(probability=1, shift_mm=20)}


def test_any_trainer_takes_it_with_other_settings(make_transforms):
    assert max(distances(make_transforms(nnUNetTrainer_movedFar))) > 15


class nnUNetTrainer_misalignedTiny(Settings, nnUNetTrainerCIPASIM_misaligned):
    architecture = {"variant": "nano", "slices": 3, "sim": "encoder"}
    misalignment = Misalignment(probability=0.5)


class nnUNetTrainer_tiny(Settings, trainers.nnUNetTrainerCIPASIM):
    architecture = {"variant": "nano", "slices": 3, "sim": "encoder"}


@pytest.mark.slow
def test_a_seeded_training_repeats_and_continues_bit_for_bit(start):
    whole = trained(start(nnUNetTrainer_misalignedTiny))
    broken = start(nnUNetTrainer_misalignedTiny)
    interrupt(broken)
    again = start(nnUNetTrainer_misalignedTiny, results=results_of(broken))
    maybe_load_checkpoint(again, continue_training=True, validation_only=False)
    assert same(trained(again), whole)


def test_validation_samples_are_those_of_the_trainer_without_it(start):
    batches = []
    for trainer_class in (nnUNetTrainer_misalignedTiny, nnUNetTrainer_tiny):
        trainer = start(trainer_class)
        trainer.initialize()
        _, validation = trainer.get_dataloaders()
        np.random.seed(0)
        batches.append([next(validation) for _ in range(3)])
    for ours, plain in zip(*batches, strict=True):
        assert torch.equal(ours["data"], plain["data"])
        assert torch.equal(ours["target"], plain["target"])
