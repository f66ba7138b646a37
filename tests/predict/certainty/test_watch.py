"""From a model and an image to its certainty, beside nnU-Net's own prediction."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_cipa.dataset_conversion.study_set.options import Storage
from nnunet_cipa.options import UsageError
from nnunet_cipa.predict.certainty import CertaintyOptions, MemberPredictor, watch_members
from nnunet_cipa.predict.model.trained import TrainedModel
from tests.predict.certainty.predictors import PROPERTIES, make

SHAPE = PROPERTIES["shape_before_cropping"]


@pytest.fixture
def model(tmp_path):
    return TrainedModel(
        tmp_path, "T__nnUNetPlans__2d", "Dataset701_X", "checkpoint_final.pth", {"fold_0": "a", "fold_2": "b"}, {}, {},
        None, Storage(), False,
    )  # fmt: skip


def image():
    return torch.from_numpy(np.random.default_rng(1).normal(size=(2, 6, 30, 40)).astype(np.float32))


def to_mask(predictor, logits):
    return convert_predicted_logits_to_segmentation_with_correct_shape(
        logits, predictor.plans_manager, predictor.configuration_manager, predictor.label_manager, PROPERTIES
    )


def predict(model, **how):
    options = CertaintyOptions(**how)
    predictor = make(MemberPredictor)
    members, note = watch_members(predictor, model, PROPERTIES, SHAPE, options)
    mask = to_mask(predictor, predictor.predict_logits_from_preprocessed_data(image())) > 0
    return members.summarise(mask, 0.001, options.unsure_below), note


def stock_masks():
    """Return the masks of the folds as stock nnU-Net predicts them one at a time."""
    for number in range(2):
        predictor = make(nnUNetPredictor)
        predictor.list_of_parameters = predictor.list_of_parameters[number : number + 1]
        yield to_mask(predictor, predictor.predict_logits_from_preprocessed_data(image())) > 0


def test_members_are_the_masks_of_the_folds(model):
    found, note = predict(model)
    masks = list(stock_masks())
    assert [member.name for member in found.members] == ["fold 0", "fold 2"]
    assert [member.volume_ml for member in found.members] == pytest.approx([mask.sum() / 1000 for mask in masks])
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
