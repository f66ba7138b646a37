"""Each check of a predicted patient: a phantom in order has no warning, and what is broken is told."""

import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.predict.certainty import Certainty, Member
from nnunet_cipa.predict.checks import CHECKS, find_warnings
from nnunet_cipa.predict.lesions import measure_lesions
from tests.predict.phantom import with_mask


def mask_of(patient):
    return sitk.GetArrayFromImage(patient.mask)


def told(patient, values=None):
    """The warnings of a patient, with another mask if there is one."""
    if values is not None:
        patient, _ = with_mask(patient, values)
    return find_warnings(patient, measure_lesions(patient))


def model_with(patient, **changes):
    return replace(patient, model=replace(patient.model, **changes))


def test_a_phantom_in_order_has_no_warning(patient):
    assert mask_of(patient).any()
    assert told(patient) == ()


def test_a_lesion_of_three_voxels_is_told(phantom_patients):
    assert told(phantom_patients[1]) == (
        "IGTV: lesion 3 of 3 has less than 0.1 ml or 5 voxels, and may be noise.",
    )  # fmt: skip


def test_an_empty_mask_is_told_alone(patient):
    (sentence,) = told(patient, 0 * mask_of(patient))
    assert sentence.startswith("No tumour was found")


@pytest.mark.parametrize(("dice", "words"), [(0.9, ""), (0.4, "Unsure: "), (math.nan, "")])
def test_members_that_do_not_agree_are_told(patient, dice, words):
    members = (Member("fold_0", 100.0, 0.8), Member("fold_1", 250.0, 0.7))
    found = told(replace(patient, certainty=Certainty(members, dice, 0.5, 10.0, 1.0, {})))
    assert [sentence.startswith(words) for sentence in found] == [True] * bool(words)


def test_lesions_of_a_voxel_are_told(patient):
    values = mask_of(patient)
    free = np.argwhere(~values.any(axis=0) & (sitk.GetArrayViewFromImage(patient.ct)[20] > -1000))
    for row, column in free[[0, -1]]:
        values[20, row, column] = 1
    assert [sentence for sentence in told(patient, values) if "noise" in sentence] == [
        "IGTV: lesions 5, 6 of 6 have less than 0.1 ml or 5 voxels, and may be noise."
    ]


def test_more_than_a_litre_is_told(patient):
    values = mask_of(patient)
    values[10:40, 25:60, 25:60] = 1
    volume = np.count_nonzero(values) * np.prod(patient.ct.GetSpacing()) / 1000
    assert volume > 1000
    assert any(f"IGTV has {volume:.0f} ml, more than 1000 ml" in sentence for sentence in told(patient, values))


@pytest.mark.parametrize(("slices", "words"), [((0,), "first"), ((-1,), "last"), ((0, -1), "first and the last")])
def test_a_mask_on_the_end_of_the_ct_is_told(patient, slices, words):
    values = mask_of(patient)
    lesion = values[values.any(axis=(1, 2))][0]
    for index in slices:
        values[index] = lesion
    assert any(f"The mask reaches the {words} slice of the CT" in sentence for sentence in told(patient, values))


@pytest.mark.parametrize("edge", [(slice(None), 0), (slice(None), -1), (slice(None), slice(None), 0)])
def test_a_mask_on_the_edge_of_the_ct_is_told(patient, edge):
    values = mask_of(patient)
    values[edge][20:24, 40:44] = 1
    assert any("edge of the CT's field of view" in sentence for sentence in told(patient, values))


def shortened(patient, slices):
    """The patient with the lowest slices of the PET alone."""
    return replace(patient, pet=patient.pet[:, :, :slices])


def test_a_mask_where_the_pet_ends_is_told(patient):
    """The PET ends in the middle of the tumour, or well above it."""
    levels = np.flatnonzero(mask_of(patient).any(axis=(1, 2)))
    z = [
        patient.pet.TransformPhysicalPointToIndex(patient.ct.TransformIndexToPhysicalPoint((40, 40, int(level))))[2]
        for level in levels
    ]
    cut = told(shortened(patient, (z[0] + z[-1]) // 2))
    assert any("reaches the border of the PET, which ends within the CT" in sentence for sentence in cut)
    assert any("lies outside the PET" in sentence or "the PET covers" in sentence for sentence in cut)
    assert z[-1] + 4 < patient.pet.GetSize()[2]
    assert told(shortened(patient, z[-1] + 4)) == ()


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        (0.953, 0.8, "95% of the body on the CT"),
        (None, 0.62, "62% of the CT's field of view"),
        (0.995, 0.6, None),
        (None, 0.95, None),
    ],
)
def test_a_pet_of_a_part_of_the_body_is_told(patient, body, field, words):
    found = told(replace(patient, facts=replace(patient.facts, pet_body_cover=body, pet_cover=field)))
    assert found == (() if words is None else (found[0],))
    assert words is None or f"The PET covers {words}." in found[0]


@pytest.mark.parametrize(("slices", "said"), [(5.0, False), (6.2, False), (6.3, True), (3.9, True), (4.1, False)])
def test_slices_unlike_those_of_the_training_are_told(patient, slices, said):
    """A quarter beyond the range of 5 to 5 mm."""
    ct = sitk.Image(patient.ct)
    ct.SetSpacing((*patient.ct.GetSpacing()[:2], slices))
    found = [sentence for sentence in told(replace(patient, ct=ct)) if "slices are" in sentence]
    assert bool(found) == said
    assert not said or found == [
        f"The CT's slices are {slices:.2f} mm apart; in the scans that the model was trained on it was 5.00 to 5.00 mm."
    ]


def test_without_a_fingerprint_the_median_of_the_plans_counts(patient):
    """In the order of the plans' axes, of which nnU-Net may have put another first: (5, 5.2, 9) there is x, y, z."""
    plans = {
        **patient.model.plans,
        "original_median_spacing_after_transp": [5.2, 5.2, 9.0], "transpose_backward": [2, 0, 1],
    }  # fmt: skip
    found = told(model_with(patient, plans=plans, fingerprint=None))
    assert found == (
        "The CT's slices are 5.00 mm apart; in the scans that the model was trained on it was 9.00 mm at the median.",
    )


@pytest.mark.parametrize(
    "fingerprint",
    [{}, {"spacings": []}, {"spacings": [["a", 1, 1]]}, {"spacings": [[1, 1]]}, {"spacings": [[0, 1, 1]]}, None],
)
def test_what_the_files_of_the_model_do_not_tell_is_told(patient, fingerprint):
    plans = {"plans_name": "nnUNetPlans", "foreground_intensity_properties_per_channel": {"0": {"percentile_00_5": 0}}}
    assert told(model_with(patient, plans=plans, fingerprint=fingerprint)) == (
        "The model's files do not tell the distance of its training scans' slices, so that it was not compared.",
        "The model's plans do not tell the CT of its training tumours, so that it was not compared.",
        "The model's plans do not tell the PET of its training tumours, so that it was not compared.",
    )


def largest(mask):
    parts, count = ndimage.label(mask, np.ones((3, 3, 3)))
    return parts == 1 + np.argmax(ndimage.sum_labels(mask, parts, range(1, count + 1)))


def uptake_times(patient, factor):
    return replace(patient, pet=patient.pet * factor)


def test_uptake_unlike_that_of_the_training_tumours_is_told(patient):
    """SUV that are a hundredth of what they should be, or ten times as much; expected by scipy."""
    lesion = largest(mask_of(patient) > 0)
    suv = sitk.GetArrayFromImage(sitk.Resample(patient.pet, patient.ct))[lesion]
    low = [sentence for sentence in told(uptake_times(patient, 0.01)) if "in the PET; 99 %" in sentence]
    assert len(low) == 4
    assert f"IGTV: lesion 1 has a median of {np.median(suv) / 100:.1f} SUV in the PET; 99 % of the tumour" in low[0]
    high = [sentence for sentence in told(uptake_times(patient, 10)) if "in the PET; 99 %" in sentence]
    assert f"lesion 1 has a median of {min(20, 10 * np.median(suv)):.1f} SUV in the PET" in high[0]


@pytest.mark.parametrize("storage", [Storage(), Storage(Intensity.RAW)])
def test_hu_unlike_those_of_the_training_tumours_are_told_as_they_are_read(patient, storage):
    """A model of tumours from -300 to 60 HU, as it is stored for each kind: above -200 all are alike in a window."""
    stored = [-300.0, 60.0] if storage.intensity is Intensity.RAW else [(-300 + 1200) / 1000 * 3.2, 3.2]
    suv = {"percentile_00_5": 0.0, "percentile_99_5": 100.0}
    known = {"0": dict(zip(("percentile_00_5", "percentile_99_5"), stored, strict=True)), "1": suv}
    plans = {**patient.model.plans, "foreground_intensity_properties_per_channel": known}
    of_lungs = model_with(patient, plans=plans, storage=storage)
    values = 0 * mask_of(patient)
    ct = sitk.GetArrayFromImage(patient.ct)
    lung = np.argwhere((ct[20] > -950) & (ct[20] < -700))
    y, x = lung[len(lung) // 2]
    values[19:22, y - 1 : y + 2, x - 1 : x + 2] = 1
    median = np.median(ct[values > 0])
    (sentence,) = [sentence for sentence in told(of_lungs, values) if "in the CT" in sentence]
    shown = median if storage.intensity is Intensity.RAW else max(-1200, median)
    assert f"lesion 1 has a median of {shown:.0f} HU in the CT" in sentence
    assert sentence.endswith(f"had -300 to {60 if storage.intensity is Intensity.RAW else -200} HU.")


def test_every_check_is_called(patient, monkeypatch):
    seen = []

    def check(predicted, lesions):
        seen.append((predicted.name, lesions.name))
        yield "seen"

    monkeypatch.setattr("nnunet_cipa.predict.checks.catalogue.CHECKS", (*CHECKS, check))
    assert told(patient) == ("seen",)
    assert seen == [(patient.name, patient.name)]
