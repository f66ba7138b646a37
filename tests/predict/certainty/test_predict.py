"""``predict`` with its certainty: members are thresholds of SUV, so their volumes are known."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.predict import PredictOptions, predict_study
from nnunet_cipa.predict.certainty import CertaintyOptions
from tests.predict.test_masks import above, dice, read

SUV = (2.0, 3.0, 6.0)


def predict(study, out, model, **how):
    return predict_study(study, out, model, PredictOptions(certainty=CertaintyOptions(**how)))


def manifest(one):
    return json.loads((one.folder / "manifest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("crop", [False, True])
def test_members_are_the_folds(nifti_study, make_model, tmp_path, crop):
    one = predict(nifti_study, tmp_path / "out", make_model(*SUV, crop=crop))[0]
    masks = [above(nifti_study / one.patient_id, suv) for suv in SUV]
    found = manifest(one)["certainty"]
    voxel = np.prod(sitk.ReadImage(str(one.folder / "mask.nii.gz")).GetSpacing()) / 1000
    assert [member["name"] for member in found["members"]] == ["fold 0", "fold 1", "fold 2"]
    volumes = [member["volume_ml"] for member in found["members"]]
    assert volumes == pytest.approx([np.count_nonzero(mask) * voxel for mask in masks], rel=2e-3)
    assert (found["lowest_ml"], found["highest_ml"]) == (volumes[2], volumes[0])
    pairs = [dice(masks[first], masks[second]) for first, second in ((0, 1), (0, 2), (1, 2))]
    assert found["expected_dice_between_members"] == pytest.approx(np.mean(pairs), abs=2e-3)
    share = read(one.folder / "certainty_members.nii.gz")
    assert dice(share == 100, masks[2]) > 0.999
    assert dice(share >= 33, masks[0]) > 0.999
    assert (one.folder / "certainty_probability.nii.gz") in one.written


def test_the_mask_is_the_same_whatever_is_watched(nifti_study, make_model, tmp_path):
    model = make_model(*SUV)
    hows = ({"certainty": False}, {}, {"flips": True}, {"temperature": 3.0})
    outs = [predict(nifti_study, tmp_path / str(number), model, **how) for number, how in enumerate(hows)]
    for folders in zip(*outs, strict=True):
        masks = [read(one.folder / "mask.nii.gz") for one in folders]
        assert all((mask == masks[0]).all() for mask in masks)
    first = [one[0] for one in outs]
    assert manifest(first[0])["certainty"] is None
    assert not list(first[0].folder.glob("certainty*"))
    assert len(manifest(first[2])["certainty"]["members"]) == 12
    assert (first[2].folder / "certainty_mutual_information.nii.gz").is_file()
    assert manifest(first[3])["certainty"]["temperature"] == 3


def test_members_that_differ_are_told(nifti_study, make_model, tmp_path):
    model = make_model(*SUV)
    unsure, sure = (predict(nifti_study, tmp_path / str(limit), model, unsure_below=limit)[0] for limit in (1.0, 0.0))
    told = [warning for warning in manifest(unsure)["warnings"] if warning.startswith("Unsure")]
    assert [warning.partition("0.")[0] for warning in told] == [
        "Unsure: the model's 3 members agree with an expected Dice of "
    ]
    assert not any(warning.startswith("Unsure") for warning in sure.warnings)


def test_one_fold_is_compared_with_nothing(nifti_study, make_model, tmp_path):
    one = predict(nifti_study, tmp_path / "out", make_model(3.0))[0]
    assert manifest(one)["certainty"] is None
    flips = predict(nifti_study, tmp_path / "flips", make_model(3.0, name="flips"), flips=True)[0]
    assert manifest(flips)["certainty"]["expected_dice_between_members"] == pytest.approx(1)


def test_other_options_are_another_prediction(nifti_study, make_model, tmp_path):
    model = make_model(*SUV)
    assert not predict(nifti_study, tmp_path / "out", model)[0].failure
    assert "was predicted with other options" in predict(nifti_study, tmp_path / "out", model, flips=True)[0].failure
