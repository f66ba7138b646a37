"""``weights export --stock``: nnU-Net's predictor takes the model without ``nnUNet_extTrainer``."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo, nnUNetTrainerCIPASIM_demo
from nnunet_cipa.weights import export_stock
from tests.trainers.conftest import DATASET, PLANS
from tests.weights.conftest import build

FOLDS = ("fold_0", "fold_1")
PREDICT = """
import sys
import numpy as np, torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False, allow_tqdm=False)
predictor.initialize_from_trained_model_folder(sys.argv[1], None)
image = np.random.default_rng(0).uniform(0, 3.2, (2, 3, 64, 64)).astype(np.float32)
np.save(sys.argv[2], predictor.predict_logits_from_preprocessed_data(torch.from_numpy(image)).numpy())
"""


@pytest.fixture(params=[nnUNetTrainerCIPA_demo, nnUNetTrainerCIPASIM_demo], ids=["slices", "sim"])
def trained(request, tmp_path):
    """A model of two folds as nnU-Net's trainer leaves it."""
    plans, dataset_json = copy.deepcopy(PLANS), {**DATASET, "intensity_offset": {"0": -1.6, "1": -1.6}}
    plans["configurations"]["2d"]["patch_size"] = [64, 64]
    request.param.edit_plans(plans, "2d", dataset_json)
    arguments = plans["configurations"]["2d"]["architecture"]["arch_kwargs"]
    model = tmp_path / "results" / "Dataset701_Phantom" / f"{request.param.__name__}__nnUNetPlans__2d"
    model.mkdir(parents=True)
    for name, content in (("plans", plans), ("dataset", dataset_json)):
        (model / f"{name}.json").write_text(json.dumps(content))
    for number, fold in enumerate(FOLDS):
        more = {key: value for key, value in arguments.items() if key not in {"patch_size", "variant"}}
        state = build(**more).state_dict()
        state["decoder.head.weight"] = state["decoder.head.weight"] * (number + 1)
        (model / fold).mkdir()
        content = {
            "network_weights": state,
            "optimizer_state": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": []},
            "init_args": {"configuration": "2d", "fold": number, "plans": plans, "dataset_json": dataset_json},
            "trainer_name": request.param.__name__,
            "inference_allowed_mirroring_axes": (0, 1) if len(more) == 2 else (1, 2),
        }
        torch.save(content, model / fold / "checkpoint_final.pth")
    return model


def predicted(model, out, monkeypatch, trainers):
    if trainers:
        monkeypatch.setenv("nnUNet_extTrainer", trainers)
    else:
        monkeypatch.delenv("nnUNet_extTrainer", raising=False)
    subprocess.run([sys.executable, "-c", PREDICT, str(model), str(out)], check=True, capture_output=True, timeout=300)
    return np.load(out)


@pytest.mark.slow
def test_nnunet_predicts_the_same_without_the_variable(trained, tmp_path, monkeypatch, capsys):
    from nnunet_cipa.plugin import plugin_path

    main(["weights", "export", "--stock", str(trained), str(tmp_path / "out")])
    written = tmp_path / "out" / "Dataset701_Phantom" / "nnUNetTrainer__nnUNetPlans__2d"
    assert capsys.readouterr().out == f"written: {written}\n"
    expected = predicted(trained, tmp_path / "a.npy", monkeypatch, str(plugin_path()))
    assert np.ptp(expected) > 0.01
    np.testing.assert_array_equal(predicted(written, tmp_path / "b.npy", monkeypatch, None), expected)


def test_what_a_prediction_does_not_need_is_left_out(trained, tmp_path):
    written = export_stock(trained, tmp_path / "out")
    assert sorted(str(path.relative_to(written)) for path in written.rglob("*") if path.is_file()) == [
        "dataset.json", "fold_0/checkpoint_final.pth", "fold_1/checkpoint_final.pth", "plans.json",
    ]  # fmt: skip
    content = torch.load(written / "fold_1" / "checkpoint_final.pth", weights_only=True)
    assert content.keys() == {
        "network_weights", "trainer_name", "init_args", "inference_allowed_mirroring_axes",
    }  # fmt: skip


def damage(change):
    def fault(model):
        content = json.loads((model / "plans.json").read_text())
        change(content)
        (model / "plans.json").write_text(json.dumps(content))

    return fault


def remove(name):
    return lambda model: [path.unlink() for path in model.glob(name)]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (remove("fold_*/*.pth"), "has no fold_"),
        (remove("plans.json"), r"plans\.json: no such file"),
        (damage(lambda plans: plans["configurations"].pop("2d")), "no network for configuration '2d'"),
        (
            damage(lambda plans: plans["configurations"]["2d"]["architecture"].update(network_class_name="UNet")),
            "'UNet', none of this package",
        ),
        (damage(lambda plans: plans.update(dataset_name="../other")), r"names of data set and plans.*\.\./other"),
    ],
)
@pytest.mark.parametrize("trained", [nnUNetTrainerCIPA_demo], indirect=True)
def test_what_is_no_model_is_refused_and_nothing_is_left(trained, tmp_path, fault, told):
    fault(trained)
    with pytest.raises(CIPAError, match=told):
        export_stock(trained, tmp_path / "out")
    assert not list(tmp_path.glob("out/**/*"))


@pytest.mark.parametrize("trained", [nnUNetTrainerCIPA_demo], indirect=True)
def test_a_damaged_checkpoint_leaves_nothing_half_written(trained, tmp_path):
    path = trained / "fold_1" / "checkpoint_final.pth"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(CIPAError, match=r"checkpoint_final\.pth: is truncated"):
        export_stock(trained, tmp_path / "out")
    assert not [path for path in tmp_path.glob("out/**/*") if path.is_file() or path.name.startswith((".", "nnUNet"))]


@pytest.mark.parametrize("trained", [nnUNetTrainerCIPA_demo], indirect=True)
def test_a_model_that_is_there_is_kept(trained, tmp_path):
    export_stock(trained, tmp_path / "out")
    with pytest.raises(CIPAError, match="exists"):
        export_stock(trained, tmp_path / "out")
