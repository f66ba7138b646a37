"""``weights adapt``: a checkpoint of one training to one that another can start from."""

import copy
import json

import numpy as np
import pytest
import torch
from nnunetv2.run.load_pretrained_weights import load_pretrained_weights
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

import nnunet_cipa.trainers as trainers
from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.trainers.target import Target
from nnunet_cipa.weights import adapt_weights, import_weights
from tests.network.helpers import assert_close, image, randomise
from tests.trainers.conftest import DATASET, PLANS
from tests.weights.targets import adapt

ID = 702
NAMES = {
    "2d": "nnUNetTrainerCIPA",
    "25d": "nnUNetTrainerCIPA25D",
    "sim": "nnUNetTrainerCIPASIM",
    "5slices": "nnUNetTrainerCIPASIM_5slices",
    "input": "nnUNetTrainerCIPASIM_input",
    "features": "nnUNetTrainerCIPASIM_features",
    "learnable": "nnUNetTrainerCIPASIM_learnable",
    "stack": "nnUNetTrainerCIPAStack",
    "dynamic": "nnUNetTrainerCIPASIM_dynamic",
    "transfer": "nnUNetTrainerCIPASIMTransfer",
    "noCRM": "nnUNetTrainerCIPA_noCRM",
}


@pytest.fixture(autouse=True)
def nano(monkeypatch):
    for name in NAMES.values():
        trainer_class = getattr(trainers, name)
        monkeypatch.setattr(trainer_class, "architecture", {**trainer_class.architecture, "variant": "nano"})


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Put plans for the target where nnU-Net has them."""
    folder = tmp_path / "preprocessed" / f"Dataset{ID}_IGTV"
    folder.mkdir(parents=True)
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))

    def write(patch_size=(64, 64), labels=None, **dataset):
        plans = copy.deepcopy(PLANS)
        plans["configurations"]["2d"]["patch_size"] = list(patch_size)
        (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
        dataset_json = {**DATASET, "labels": labels or {"background": 0, "IGTV": 1}, **dataset}
        (folder / "dataset.json").write_text(json.dumps(dataset_json))

    write()
    return write


@pytest.fixture
def trained(tmp_path):
    """Write a checkpoint as nnU-Net does, of a network with random weights, and return both."""

    def make(kind, patch_size=(64, 64), device="cpu", **dataset):
        plans, dataset_json = copy.deepcopy(PLANS), {**DATASET, **dataset}
        plans["configurations"]["2d"]["patch_size"] = list(patch_size)
        trainer_class = getattr(trainers, NAMES[kind])
        trainer_class.edit_plans(plans, "2d", dataset_json)
        network = randomise(build(plans, dataset_json, trainer_class)).eval()
        path = tmp_path / f"{kind}.pth"
        init_args = {"plans": plans, "configuration": "2d", "fold": "all", "dataset_json": dataset_json}
        content = {
            "network_weights": network.state_dict(),
            "optimizer_state": torch.optim.AdamW(network.parameters()).state_dict(),
            "grad_scaler_state": None,
            "logging": {"mean_fg_dice": [np.float64(0.5), np.float32(0.1), 0.3], "epochs": [np.int64(3)]},
            "_best_ema": np.float64(0.4),
            "current_epoch": 7,
            "init_args": {**init_args, "device": torch.device(device)},
            "trainer_name": NAMES[kind],
            "inference_allowed_mirroring_axes": (0, 1),
        }
        torch.save(content, path)
        return path, network

    return make


def build(plans, dataset_json, trainer_class):
    manager = PlansManager(plans)
    heads = manager.get_label_manager(dataset_json).num_segmentation_heads
    torch.manual_seed(0)
    return trainer_class.build_network_architecture(manager, manager.get_configuration("2d"), 2, heads, False)


def adapted(source, tmp_path, kind):
    """Adapt, and load the file as nnU-Net does into a network that was built as a training would."""
    out = tmp_path / "out.pth"
    table = adapt(source, out, Target(ID, NAMES[kind]))
    folder = tmp_path / "preprocessed" / f"Dataset{ID}_IGTV"
    plans, dataset_json = (json.loads((folder / n).read_text()) for n in ("nnUNetPlans.json", "dataset.json"))
    trainer_class = getattr(trainers, NAMES[kind])
    trainer_class.edit_plans(plans, "2d", dataset_json)
    network = build(plans, dataset_json, trainer_class)
    load_pretrained_weights(network, out)
    assert {row.name for row in table.rows} >= network.state_dict().keys()
    return network.eval(), table


@torch.no_grad()
@pytest.mark.parametrize(
    ("source", "target"),
    [("2d", "25d"), ("2d", "sim"), ("2d", "learnable"), ("2d", "5slices"), ("2d", "features"), ("2d", "input"),
     ("2d", "dynamic"),
     ("25d", "transfer"), ("25d", "5slices"), ("sim", "transfer"), ("sim", "learnable"), ("sim", "5slices")],
)  # fmt: skip
def test_logits_of_equal_slices_stay_the_same(source, target, plan, trained, tmp_path):
    path, old = trained(source)
    new, _ = adapted(path, tmp_path, target)
    plane = image(2, 2, 64, 64, dtype=torch.float32)
    before, after = (n(plane.repeat_interleave(n.slices, dim=1)) for n in (old, new))
    assert_close(after, before, 1e-4)


@torch.no_grad()
def test_a_stack_starts_from_single_slices_bit_for_bit_and_keeps_its_scans(plan, trained, tmp_path):
    path, old = trained("2d")
    new, table = adapted(path, tmp_path, "stack")
    stack = image(1, 2, 4, 64, 64, dtype=torch.float32)
    assert torch.equal(new(stack), old(stack))
    assert {name.partition(".")[0] for name in table.names("initial")} == {"stack_scans"}
    path, old = trained("stack")
    again, table = adapted(path, tmp_path, "stack")
    assert table.names("initial") == []
    assert torch.equal(again(stack), old(stack))


@torch.no_grad()
def test_composed_neighbours_start_from_sim_and_keep_their_attention(plan, trained, tmp_path):
    path, old = trained("sim")
    new, table = adapted(path, tmp_path, "dynamic")
    x = image(1, 2, 7, 64, 64, dtype=torch.float32)
    assert_close(new(x.flatten(1, 2)), old(x[:, :, 2:5].flatten(1, 2)), 1e-6)
    assert {name.partition(".")[0] for name in table.names("initial")} == {"neighbour_attention"}
    path, old = trained("dynamic")
    again, table = adapted(path, tmp_path, "dynamic")
    assert table.names("initial") == []
    assert torch.equal(again(x.flatten(1, 2)), old(x.flatten(1, 2)))


@torch.no_grad()
@pytest.mark.parametrize("target", ["sim", "input", "transfer", "learnable"])
def test_a_new_sim_changes_nothing_for_any_window(target, plan, trained, tmp_path):
    path, old = trained("25d")
    new, _ = adapted(path, tmp_path, target)
    x = image(2, 6, 64, 64, dtype=torch.float32)
    assert_close(new(x), old(x), 1e-5)


@torch.no_grad()
@pytest.mark.parametrize("target", ["25d", "sim", "5slices", "input", "features", "dynamic"])
def test_from_one_slice_any_window_begins_with_the_logits_of_its_centre(target, plan, trained, tmp_path):
    path, old = trained("2d")
    new, _ = adapted(path, tmp_path, target)
    ct, pet = image(2, 2, new.slices, 64, 64, dtype=torch.float32).unbind(1)
    centre = new.slices // 2
    pair = torch.stack((ct[:, centre], pet[:, centre]), dim=1)
    assert_close(new(torch.cat((ct, pet), dim=1)), old(pair), 1e-5)


@torch.no_grad()
def test_from_another_reading_of_sim_the_new_one_is_new(plan, trained, tmp_path):
    """What the old SIM did is lost, and the table says so; the new one begins without an effect."""
    path, old = trained("input")
    new, table = adapted(path, tmp_path, "sim")
    assert {name for name in table.names("unused") if name.startswith("sim.")} == set(table.names("unused")) != set()
    plain = CIPA(2, 2, patch_size=(64, 64), variant="nano", slices=3).eval()
    plain.load_state_dict({name: tensor for name, tensor in old.state_dict().items() if not name.startswith("sim.")})
    x = image(2, 6, 64, 64, dtype=torch.float32)
    assert_close(new(x), plain(x), 1e-5)


@torch.no_grad()
def test_a_file_that_was_adapted_to_windows_keeps_its_neighbours_when_it_is_adapted_again(plan, trained, tmp_path):
    path, old = trained("25d")
    adapted(path, tmp_path, "25d")
    (tmp_path / "out.pth").rename(tmp_path / "again.pth")
    new, _ = adapted(tmp_path / "again.pth", tmp_path, "sim")
    x = image(2, 6, 64, 64, dtype=torch.float32)
    assert_close(new(x), old(x), 1e-5)


def test_the_table_of_the_four_adaptations(plan, trained, tmp_path):
    path, old = trained("2d")
    count = len(old.state_dict())
    _, table = adapted(path, tmp_path, "25d")
    embedding = "encoder.patch_embed.proj.0.weight"
    assert table.names("converted") == [embedding]
    assert "from 1 to 3 slices, of which the centre is read" in str(table)
    assert str(table).endswith(f"tensors: 1 converted, {count - 1} loaded")
    _, table = adapted(path, tmp_path, "sim")
    new = {name for name in table.names("initial") if name.startswith("encoder_sims.")}
    assert set(table.names("initial")) == new != set()
    norms = {f"encoder.stages.{level}.out_norm.{part}" for level in range(4) for part in ("weight", "bias")}
    assert set(table.names("converted")) == {embedding, *norms}
    assert str(table).count("divided by 1.3") == len(norms)
    _, table = adapted(path, tmp_path, "5slices")
    assert "from 1 to 5 slices, of which the centre is read" in str(table)
    three, _ = trained("25d")
    for target, reason in (
        ("input", "divided by 1.3, by which a new SIM multiplies"),
        ("5slices", "from 3 to 5 slices"),
    ):
        _, table = adapted(three, tmp_path, target)
        assert [row.reason for row in table.rows if row.name == embedding] == [reason]
    plan(patch_size=(96, 64))
    _, table = adapted(path, tmp_path, "25d")
    assert len(table.names("resampled")) == 12
    assert "from 16 x 16 to 24 x 16 positions" in str(table)


def test_patches_that_are_not_square_are_resampled_by_what_the_checkpoint_says(plan, trained, tmp_path):
    """64 x 256 has as many positions as 128 x 128: only the plans in the checkpoint tell them apart."""
    path, _ = trained("2d", patch_size=(64, 256))
    _, table = adapted(path, tmp_path, "25d")
    assert "from 16 x 64 to 16 x 16 positions" in str(table)
    plan(patch_size=(128, 64))
    again = tmp_path / "again.pth"
    (tmp_path / "out.pth").rename(again)
    _, table = adapted(again, tmp_path, "sim")
    assert "from 16 x 16 to 32 x 16 positions" in str(table)


@pytest.mark.parametrize(
    ("labels", "more", "reason"),
    [
        ({"background": 0, "GTV": 1, "node": 2}, {}, "the file has 2 outputs, the network 3"),
        ({"background": 0, "IGTV": [1, 2], "GTV": [2]}, {"regions_class_order": [1, 2]}, "regions"),
    ],
)
def test_other_classes_leave_the_head_at_its_initial_value(labels, more, reason, plan, trained, tmp_path):
    path, _ = trained("2d")
    plan(labels=labels, **more)
    _, table = adapted(path, tmp_path, "25d")
    (row,) = [row for row in table.rows if row.status == "initial"]
    assert row.name == "decoder.head.weight"
    assert reason in row.reason


def test_the_file_holds_cpu_tensors_and_nothing_to_unpickle(plan, trained, tmp_path):
    path, _ = trained("2d")
    adapted(path, tmp_path, "sim")
    content = torch.load(tmp_path / "out.pth", weights_only=True)
    assert (content.keys(), content["slices"]) == ({"network_weights", "patch_size", "slices"}, 3)
    assert {tensor.device.type for tensor in content["network_weights"].values()} == {"cpu"}


def test_imported_weights_can_be_adapted(plan, released, tmp_path):
    torch.save(released, tmp_path / "released.pth")
    import_weights(tmp_path / "released.pth", tmp_path / "imported.pth", (64, 64))
    _, table = adapted(tmp_path / "imported.pth", tmp_path, "sim")
    assert "decoder.head.weight" in table.names("loaded")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset_id": 703}, "703: no such dataset in .*nnUNetv2_plan_and_preprocess -d 703"),
        ({"trainer": "nnUNetTrainerCIPAX"}, "--trainer nnUNetTrainerCIPAX: nnU-Net finds no such trainer"),
        ({"plans": "other"}, r"other\.json: no such file"),
        ({"configuration": "3d_lowres"}, "no configuration 3d_lowres, only 2d"),
        ({"configuration": "3d_fullres"}, "3d_fullres is three-dimensional"),
        ({"configuration": "2d_cascade"}, "cascade"),
    ],
    ids=str,
)
def test_trainings_that_cannot_be_are_refused(arguments, message, plan, trained, tmp_path, monkeypatch):
    monkeypatch.delenv("nnUNet_extTrainer", raising=False)
    path, _ = trained("2d")
    target = Target(**{"dataset_id": ID, "trainer": NAMES["25d"], **arguments})
    with pytest.raises(CIPAError, match=message):
        adapt(path, tmp_path / "out.pth", target)
    assert not (tmp_path / "out.pth").exists()


def test_other_networks_are_refused(trained, tmp_path):
    path, _ = trained("2d")
    with pytest.raises(CIPAError, match=r"Linear: is not a network of this package.*give a trainer of this package"):
        adapt_weights(path, tmp_path / "out.pth", torch.nn.Linear(1, 1), DATASET)
    assert not (tmp_path / "out.pth").exists()


OWN = (
    "from nnunet_cipa.trainers import nnUNetTrainerCIPA\n\n\nclass nnUNetTrainerOfAUser(nnUNetTrainerCIPA):\n    pass\n"
)


def test_a_trainer_is_found_once_its_directory_is_added_as_told(plan, trained, tmp_path, monkeypatch):
    monkeypatch.delenv("nnUNet_extTrainer", raising=False)
    path, out, target = trained("2d")[0], tmp_path / "out.pth", Target(ID, "nnUNetTrainerOfAUser")
    with pytest.raises(CIPAError, match="add its directory to nnUNet_extTrainer"):
        adapt(path, out, target)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "of_a_user.py").write_text(OWN)
    monkeypatch.setenv("nnUNet_extTrainer", str(tmp_path / "own"))
    adapt(path, out, target)
    assert out.is_file()


def test_one_of_the_configurations_that_are_told(plan, trained, tmp_path):
    path, out = trained("2d")[0], tmp_path / "out.pth"
    with pytest.raises(CIPAError, match="give one of these as --configuration") as error:
        adapt(path, out, Target(ID, NAMES["25d"], configuration="3d_lowres"))
    _, listed = str(error.value).split("only ")
    adapt(path, out, Target(ID, NAMES["25d"], configuration=listed.split(", ")[1]))
    assert out.is_file()


def test_checkpoints_that_do_not_fit_are_refused(plan, trained, tmp_path):
    target = Target(ID, NAMES["25d"])
    without_crm, _ = trained("noCRM")
    with pytest.raises(CIPAError, match=r"noCRM\.pth: the file lacks fusions\.0\.crm\.norm\.weight"):
        adapt(without_crm, tmp_path / "out.pth", target)
    adapt(without_crm, tmp_path / "its_own.pth", Target(ID, NAMES["noCRM"]))
    other = tmp_path / "tiny.pth"
    torch.save({"network_weights": CIPA(2, 2, patch_size=(64, 64)).state_dict()}, other)
    with pytest.raises(CIPAError, match=r"tiny\.pth: encoder\.patch_embed.* has shape \(96, 3, 4, 4\)"):
        adapt(other, tmp_path / "out.pth", target)
    torch.save({"layer.weight": torch.zeros(3)}, other)
    with pytest.raises(CIPAError, match=r"tiny\.pth: is not a checkpoint of this package"):
        adapt(other, tmp_path / "out.pth", target)
    path, _ = trained("2d")
    with pytest.raises(CIPAError, match="is the file to read"):
        adapt(path, path, target)
    assert not (tmp_path / "out.pth").exists()


def test_command(plan, trained, tmp_path, capsys):
    path, _ = trained("2d")
    out = tmp_path / "out.pth"
    arguments = ["weights", "adapt", path, out, "--dataset-id", ID, "--trainer", NAMES["sim"]]
    assert main([str(a) for a in arguments]) == 0
    printed = capsys.readouterr().out
    assert "divided by 1.3" in printed
    assert printed.endswith(f"written: {out}\n")
    assert main([str(a) for a in [*arguments, "--configuration", "3d"]]) == 1
    assert "no configuration 3d," in capsys.readouterr().err
