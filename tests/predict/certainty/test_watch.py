"""From a model and an image to its certainty, beside nnU-Net's own prediction."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape

from nnunet_cipa.dataset_conversion.study_set.options import Storage
from nnunet_cipa.dicom.export.prediction import Prediction
from nnunet_cipa.options import UsageError
from nnunet_cipa.predict.certainty import CertaintyOptions, MemberWatch
from nnunet_cipa.predict.model.trained import TrainedModel
from tests.predict.certainty.predictors import FOLDS, PROPERTIES, make


@pytest.fixture
def model(tmp_path):
    return TrainedModel(
        tmp_path, "T", "2d", "Dataset701_X", "checkpoint_final.pth", {"fold_0": "a", "fold_2": "b"}, {}, {}, None,
        Storage(), False,
    )  # fmt: skip


def image():
    return torch.from_numpy(np.random.default_rng(1).normal(size=(2, 6, 30, 40)).astype(np.float32))


def to_mask(predictor, logits):
    return convert_predicted_logits_to_segmentation_with_correct_shape(
        logits, predictor.plans_manager, predictor.configuration_manager, predictor.label_manager, PROPERTIES
    )


def masks_of_folds():
    """Return the masks of the folds, each predicted by itself."""
    predictor = make()
    return [to_mask(predictor, logits) > 0 for logits in predictor.members(image())]


def case(mask):
    found = sitk.GetImageFromArray(mask.astype(np.uint8))
    found.SetSpacing((1.0, 1.0, 2.8))
    found.SetOrigin((5, 6, 7))
    return Prediction(Path("mask.nii.gz"), found, (1,))


def predict(model, grid=None, **how):
    predictor = make()
    watch = MemberWatch(predictor, model, CertaintyOptions(**how))
    for name, logits in zip(FOLDS, predictor.members(image()), strict=True):
        watch(name, logits, PROPERTIES, image())
    mask = case(np.mean(masks_of_folds(), axis=0) > 0.5)
    found = watch.certainty(mask, mask.image if grid is None else grid)
    return found, found.note


def test_members_are_the_masks_of_the_folds(model):
    found, note = predict(model)
    masks = masks_of_folds()
    assert [member.name for member in found.members] == ["fold 0", "fold 2"]
    assert [member.volume_ml for member in found.members] == pytest.approx([mask.sum() * 0.0028 for mask in masks])
    assert found.maps["members"] == pytest.approx(100 * np.mean(masks, axis=0))
    assert set(found.maps) == {"members", "probability"}
    assert "has no calibration.json" in note


def test_flips_are_members_of_their_own(model):
    found, _ = predict(model, flips=True)
    assert len(found.members) == 8
    assert set(found.maps) == {"members", "probability", "entropy", "mutual_information"}
    folds = predict(model)[0].maps["probability"].astype(float)
    # the mean of a fold's logits is not that of their probabilities, but near
    assert np.abs(folds - found.maps["probability"]).mean() < 3


def test_the_temperature_is_the_models_or_the_users(model):
    raw = predict(model)[0]
    content = {"temperature": 4.0, "sha256": {"fold_0": "a", "fold_2": "b"}}
    (model.folder / "calibration.json").write_text(json.dumps(content))
    found, note = predict(model)
    assert (found.temperature, note) == (4, "")
    inside = raw.maps["probability"].astype(int)
    assert np.abs(found.maps["probability"].astype(int) - 50).sum() < np.abs(inside - 50).sum()
    assert predict(model, temperature=1.0)[0].temperature == 1
    assert predict(replace(model, hashes={"fold_0": "a", "fold_2": "c"}))[0].temperature == 1


def test_maps_are_put_on_the_ct(model):
    """The CT has more voxels on every side, and its rows run the other way."""
    plain = predict(model)[0].maps["members"]
    array = np.zeros(np.add(plain.shape, 5), np.int16)
    ct = sitk.GetImageFromArray(array)
    ct.SetSpacing((1.0, 1.0, 2.8))
    ct.SetDirection((-1, 0, 0, 0, 1, 0, 0, 0, 1))
    ct.SetOrigin((5 + plain.shape[2] - 1 + 2, 6 - 3, 7 - 2.8))
    expected = array.astype(np.uint8)
    expected[1:-4, 3:-2, 2:-3] = plain[:, :, ::-1]
    assert (predict(model, grid=ct)[0].maps["members"] == expected).all()


def test_without_mirroring_the_folds_are_the_members(model):
    predictor = make(use_mirroring=False)
    watch = MemberWatch(predictor, model, CertaintyOptions(flips=True))
    for name, logits in zip(FOLDS, predictor.members(image()), strict=True):
        watch(name, logits, PROPERTIES, image())
    found = watch.certainty(case(masks_of_folds()[0]), case(masks_of_folds()[0]).image)
    assert [member.name for member in found.members] == ["fold 0", "fold 2"]


def test_watching_changes_nothing(model):
    predictor = make()
    watch = MemberWatch(predictor, model, CertaintyOptions(flips=True))
    for seen, alone in zip(predictor.members(image()), make().members(image()), strict=True):
        watch("fold_0" if watch._members is None else "fold_2", seen, PROPERTIES, image())
        assert torch.equal(seen, alone)


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ({"unsure_below": 1.2}, "--unsure-below 1.2: is not a Dice"),
        ({"unsure_below": float("nan")}, "--unsure-below nan"),
        ({"temperature": 0.0}, "--temperature 0: give a number from 0.05 to 20"),
        ({"flips": True, "certainty": False}, "--flips and --no-certainty"),
    ],
)
def test_options_that_say_nothing(how, problem):
    with pytest.raises(UsageError, match=problem):
        CertaintyOptions(**how).check()


def test_the_defaults_are_sound():
    CertaintyOptions().check()
