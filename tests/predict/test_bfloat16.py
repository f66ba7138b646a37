"""Prediction in bfloat16 on the CPU, of whatever network."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network.layers import precision
from nnunet_cipa.options import UsageError
from nnunet_cipa.predict import PredictOptions, predict_study
from nnunet_cipa.predict.load import load_predictor
from nnunet_cipa.predict.model.options import UseOptions
from nnunet_cipa.predict.model.read import read_trained_model

IN_HALF = PredictOptions(use=UseOptions(bf16=True))


@pytest.fixture
def processor(monkeypatch):
    """Take the processor for one that has bfloat16; torch imitates it where it does not."""
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: True)


@pytest.mark.parametrize(("bf16", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_network_computes_in_it(make_model, processor, bf16, dtype):
    use = UseOptions(bf16=bf16)
    predictor = load_predictor(read_trained_model(make_model(3.0), use, None), use)
    seen = []
    predictor.plain_network.register_forward_hook(lambda _, inputs, output: seen.append(output.dtype))
    (logits,) = predictor.members(torch.zeros(2, 2, 32, 32))
    assert set(seen) == {dtype}
    assert logits.isfinite().all()
    assert not torch.is_autocast_enabled("cpu")


def test_the_mask_is_that_of_float32_but_for_values_at_the_threshold(nifti_study, make_model, processor, tmp_path):
    model = make_model(3.0)
    masks = []
    for name, options in (("single", PredictOptions()), ("half", IN_HALF)):
        outcomes = predict_study(nifti_study, tmp_path / name, model, options)
        masks.append([sitk.GetArrayFromImage(sitk.ReadImage(str(one.folder / "mask.nii.gz"))) > 0 for one in outcomes])
        manifest = json.loads((outcomes[0].folder / "manifest.json").read_text())
        assert manifest["decides"]["options"]["bf16"] is options.use.bf16
    for single, half in zip(*masks, strict=True):
        assert 2 * np.count_nonzero(single & half) / (np.count_nonzero(single) + np.count_nonzero(half)) > 0.95


def test_a_prediction_in_the_other_precision_is_another_one(nifti_study, make_model, processor, tmp_path):
    model = make_model(3.0)
    predict_study(nifti_study, tmp_path / "out", model)
    again = predict_study(nifti_study, tmp_path / "out", model, IN_HALF)
    assert all("was predicted with other options" in one.failure for one in again)


def test_what_cannot_be(nifti_study, make_model, tmp_path, monkeypatch):
    model = make_model(3.0)
    with pytest.raises(UsageError, match="--bf16 is for --device cpu"):
        predict_study(nifti_study, tmp_path / "out", model, PredictOptions(use=UseOptions(bf16=True, device="cuda")))
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: False)
    with pytest.raises(CIPAError, match="--bf16: this processor has no instructions for bfloat16"):
        predict_study(nifti_study, tmp_path / "out", model, IN_HALF)
    assert not (tmp_path / "out").exists()
