"""``weights export``: a checkpoint to safetensors, and back."""

import copy
import json

import numpy as np
import pytest
import torch
from nnunetv2.run.load_pretrained_weights import load_pretrained_weights
from safetensors import safe_open

import nnunet_cipa
from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo
from nnunet_cipa.trainers.target import Target
from nnunet_cipa.weights import export_weights, import_weights
from nnunet_cipa.weights.files import read_checkpoint
from tests.trainers.conftest import DATASET, PLANS
from tests.weights.conftest import build
from tests.weights.targets import adapt

TRAINER = nnUNetTrainerCIPA_demo.__name__


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint with all that nnU-Net writes into one, and its weights."""
    plans, dataset_json = copy.deepcopy(PLANS), {**DATASET, "labels": {"background": 0, "GTV": [1, 2], "core": 2}}
    dataset_json["regions_class_order"] = [1, 2]
    plans["configurations"]["2d"]["patch_size"] = [64, 64]
    nnUNetTrainerCIPA_demo.edit_plans(plans, "2d", dataset_json)
    init_args = {"plans": plans, "configuration": "2d", "fold": 0, "dataset_json": dataset_json}
    state = {name: tensor.clone() for name, tensor in build(num_classes=2).state_dict().items()}
    content = {
        "network_weights": state,
        "optimizer_state": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": []},
        "grad_scaler_state": None,
        "logging": {"mean_fg_dice": [np.float64(0.5)]},
        "_best_ema": np.float64(0.5),
        "current_epoch": 3,
        "init_args": {**init_args, "device": torch.device("cpu")},
        "trainer_name": TRAINER,
        "inference_allowed_mirroring_axes": (0, 1),
    }
    path = tmp_path / "checkpoint_final.pth"
    torch.save(content, path)
    return path, state


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].dtype == second[name].dtype
        assert torch.equal(first[name], second[name]), name


def test_tensors_and_metadata_as_the_safetensors_library_reads_them(checkpoint, tmp_path):
    source, state = checkpoint
    out = tmp_path / "w.safetensors"
    assert export_weights(source, out) == len(state)
    with safe_open(out, "pt") as file:
        assert_same({name: file.get_tensor(name) for name in file.keys()}, state)  # noqa: SIM118 - no mapping
        metadata = file.metadata()
    assert {key: metadata.pop(key) for key in ("format", "nnunet_cipa", "trainer", "network", "configuration")} == {
        "format": "pt",
        "nnunet_cipa": nnunet_cipa.__version__,
        "trainer": TRAINER,
        "network": "nnunet_cipa.network.CIPA",
        "configuration": "2d",
    }
    assert {key: json.loads(value) for key, value in metadata.items()} == {
        "patch_size": [64, 64],
        "slices": 1,
        "arch_kwargs": {"patch_size": [64, 64], "modalities": ["CT", "PET"], "variant": "nano"},
        "labels": {"background": 0, "GTV": [1, 2], "core": 2},
        "regions_class_order": [1, 2],
        "mirror_axes": [0, 1],
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint_final.pth", "w.safetensors"]


def test_what_is_known_of_the_network_is_the_same_in_both(checkpoint, tmp_path):
    source, _ = checkpoint
    export_weights(source, tmp_path / "w.safetensors")
    assert read_checkpoint(tmp_path / "w.safetensors").facts == read_checkpoint(source).facts


def test_import_gives_a_file_for_pretrained_weights_with_the_same_tensors(checkpoint, tmp_path):
    source, state = checkpoint
    export_weights(source, tmp_path / "w.safetensors")
    table = import_weights(tmp_path / "w.safetensors", tmp_path / "back.pth")
    assert str(table) == f"tensors: {len(state)} loaded"
    stored = torch.load(tmp_path / "back.pth", weights_only=True)
    assert_same(stored["network_weights"], state)
    assert stored["patch_size"] == [64, 64]
    torch.manual_seed(5)
    network = nnunet_cipa.network.CIPA(2, 2, patch_size=(64, 64), variant="nano")
    load_pretrained_weights(network, tmp_path / "back.pth")
    assert_same(dict(network.state_dict()), state)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patch_size": (64, 96)}, r"has patch size \(64, 64\), not \(64, 96\)"),
        ({"num_classes": 3}, "has number of classes 2, not 3"),
    ],
)
def test_import_leaves_changes_to_adapt(checkpoint, tmp_path, arguments, message):
    export_weights(checkpoint[0], tmp_path / "w.safetensors")
    with pytest.raises(CIPAError, match=rf"w\.safetensors: {message}; bring it there with 'nnunet-cipa weights adapt'"):
        import_weights(tmp_path / "w.safetensors", tmp_path / "back.pth", **arguments)
    assert not (tmp_path / "back.pth").exists()


def test_adapt_makes_the_same_of_it_as_of_the_checkpoint(checkpoint, tmp_path, monkeypatch):
    source, _ = checkpoint
    export_weights(source, tmp_path / "w.safetensors")
    folder = tmp_path / "preprocessed" / "Dataset702_IGTV"
    folder.mkdir(parents=True)
    monkeypatch.setenv("nnUNet_preprocessed", str(folder.parent))
    plans = copy.deepcopy(PLANS)
    plans["configurations"]["2d"]["patch_size"] = [96, 64]
    (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(DATASET))
    target = Target(702, "nnUNetTrainerCIPASIM_demo")
    tables = [
        str(adapt(path, tmp_path / f"{n}.pth", target)) for n, path in enumerate((source, tmp_path / "w.safetensors"))
    ]
    assert tables[0] == tables[1]
    assert "one of the two networks has regions, the other has classes" in tables[1]
    first, second = (torch.load(tmp_path / f"{n}.pth", weights_only=True) for n in (0, 1))
    assert_same(first["network_weights"], second["network_weights"])


def test_tensors_that_share_memory_and_half_precision(tmp_path):
    base = torch.arange(8.0)
    torch.save(
        {"whole": base, "part": base[:4], "turned": base.reshape(2, 4).T, "half": base.bfloat16()}, tmp_path / "w.pth"
    )
    export_weights(tmp_path / "w.pth", tmp_path / "w.safetensors")
    read = read_checkpoint(tmp_path / "w.safetensors").weights
    assert torch.equal(read["part"], torch.arange(4.0))
    assert torch.equal(read["turned"], torch.arange(8.0).reshape(2, 4).T)
    assert read["half"].dtype == torch.bfloat16


def test_a_failed_export_leaves_what_was_there(checkpoint, tmp_path, monkeypatch):
    out = tmp_path / "w.safetensors"
    out.write_text("earlier")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nnunet_cipa.files.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        export_weights(checkpoint[0], out)
    assert out.read_text() == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint_final.pth", "w.safetensors"]


def test_places_and_names(checkpoint, tmp_path):
    source, _ = checkpoint
    with pytest.raises(CIPAError, match=r"w\.pth: must end in \.safetensors"):
        export_weights(source, tmp_path / "w.pth")
    with pytest.raises(CIPAError, match="no such directory"):
        export_weights(source, tmp_path / "absent" / "w.safetensors")
    export_weights(source, tmp_path / "w.safetensors")
    with pytest.raises(CIPAError, match="is the file to read"):
        export_weights(tmp_path / "w.safetensors", tmp_path / "w.safetensors")


def test_command(checkpoint, tmp_path, capsys):
    source, state = checkpoint
    out = tmp_path / "w.safetensors"
    assert main(["weights", "export", str(source), str(out)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"tensors: {len(state)} exported", f"written: {out}"]
    assert main(["weights", "export", str(tmp_path / "absent.pth"), str(out)]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"nnunet-cipa: error: {tmp_path / 'absent.pth'}: no such file")
    assert captured.err.count("\n") == 1
