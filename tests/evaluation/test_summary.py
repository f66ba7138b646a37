import json
import math
import re

import numpy as np
import pytest
from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder2

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.summary import read_dice


def boxes(truth, prediction):
    masks = np.zeros((2, 2, 8, 8), dtype=np.uint8)
    masks[0, :, :, :truth] = masks[1, :, :, :prediction] = 1
    return masks


def test_dice_of_the_summary_that_nnunet_writes(dataset, tmp_path):
    cases = {"half": (2, 6), "same.1": (3, 3), "missed": (4, 0), "empty": (0, 0), "invented": (0, 8)}
    for name, widths in cases.items():
        dataset.add(name, *boxes(*widths))
    plans = {
        "dataset_name": "Dataset701_TEST",
        "plans_name": "nnUNetPlans",
        "configurations": {},
        "transpose_forward": [0, 1, 2],
        "label_manager": "LabelManager",
    }
    (tmp_path / "plans.json").write_text(json.dumps(plans))
    compute_metrics_on_folder2(
        str(dataset.folder / "labelsTs"),
        str(dataset.predictions),
        str(dataset.folder / "dataset.json"),
        str(tmp_path / "plans.json"),
        num_processes=1,
    )
    found = read_dice(dataset.predictions / "summary.json")
    expected = {"half": 2 * 2 / (2 + 6), "same.1": 1.0, "missed": 0.0, "empty": math.nan, "invented": 0.0}
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"metric_per_case": None},
        {"metric_per_case": [None]},
        {"metric_per_case": [{"prediction_file": "a.nii.gz"}]},
        {"metric_per_case": [{"prediction_file": "a.nii.gz", "metrics": {"2": {"Dice": 1.0}}}]},
        {"metric_per_case": [{"prediction_file": "a.nii.gz", "metrics": {"1": {"IoU": 1.0}}}]},
        {"metric_per_case": [{"prediction_file": "a.nii.gz", "metrics": {"1": {"Dice": None}}}]},
        {"metric_per_case": [{"prediction_file": "a.nii.gz", "metrics": {"1": {"Dice": "high"}}}]},
        {"metric_per_case": [{"prediction_file": 3, "metrics": {"1": {"Dice": 1.0}}}]},
    ],
)
def test_other_layout_is_refused(tmp_path, content):
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(content))
    with pytest.raises(CIPAError, match=re.escape(f"{path}: has no Dice of label 1 for each case")):
        read_dice(path)


def test_summary_of_nothing(tmp_path):
    path = tmp_path / "summary.json"
    path.write_text('{"metric_per_case": []}')
    with pytest.raises(CIPAError, match=re.escape(f"{path}: names no case")):
        read_dice(path)


def test_one_case_twice(tmp_path):
    path = tmp_path / "summary.json"
    entries = [{"prediction_file": f"{fold}/a.nii.gz", "metrics": {"1": {"Dice": 0.5}}} for fold in range(2)]
    path.write_text(json.dumps({"metric_per_case": entries}))
    with pytest.raises(CIPAError, match=re.escape(f"{path}: names a case twice")):
        read_dice(path)


def test_no_summary(tmp_path):
    with pytest.raises(CIPAError, match=re.escape(f"{tmp_path / 'summary.json'}: no such file")):
        read_dice(tmp_path / "summary.json")
