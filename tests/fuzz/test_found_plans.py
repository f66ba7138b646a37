"""Plans and dataset.json that the fuzzer found: each ended in another error before."""

import copy

import pytest

from nnunet_cipa.errors import CIPAError
from tests.fuzz.mutations import edit
from tests.trainers.conftest import DATASET, PLANS
from tests.trainers.planning import plan_cipa


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("configurations",), [1], "no sound configuration"),
        (("configurations", "2d"), [], "no sound configuration"),
        (("configurations", "2d", "inherits_from"), ["2d"], "no sound configuration"),
        (("configurations", "2d", "inherits_from"), "2d", "no sound configuration"),
        (("configurations", "2d", "patch_size"), [64, [64]], "patch_size is"),
        (("configurations", "2d", "patch_size"), [64, 10**9], "patch_size is"),
        (("configurations", "2d", "patch_size"), [64, -64], "patch_size is"),
        (("configurations", "2d", "spacing"), "ab", "spacing is"),
        (("configurations", "2d", "spacing"), [1.0, float("nan")], "spacing is"),
        (("transpose_forward",), 7, "transpose_forward is"),
        (("label_manager",), [], "labels are"),
    ],
)
def test_damaged_plans(path, value, told):
    plans = copy.deepcopy(PLANS)
    edit(plans, path, value)
    with pytest.raises(CIPAError, match=told):
        plan_cipa(plans, "2d", DATASET, {})


@pytest.mark.parametrize(
    "labels",
    [None, [], {}, {"GTV": 1}, {"background": 1, "GTV": 0}, {"background": 0, "GTV": "1"},
     {"background": 0, "GTV": 0.5},
     {"background": 0, "GTV": [[1]]}, {"background": 0, "GTV": 10**30}, {"background": 0, "GTV": [1, 2]}],
)  # fmt: skip
def test_damaged_labels(labels):
    with pytest.raises(CIPAError, match=r"dataset\.json: labels are"):
        plan_cipa(copy.deepcopy(PLANS), "2d", {**DATASET, "labels": labels}, {})
