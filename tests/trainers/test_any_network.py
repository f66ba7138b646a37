"""What a trainer has, whatever its network is: seed, resuming, prediction from its folder, cost, adapted weights."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.run.run_training import maybe_load_checkpoint

from nnunet_cipa import trainers
from nnunet_cipa.benchmark.report.cost import count_cost
from nnunet_cipa.trainers.encoder_file import ENCODER_VARIABLE
from nnunet_cipa.trainers.robust.resuming import LATEST
from nnunet_cipa.trainers.target import plan_training
from nnunet_cipa.weights import adapt_weights
from tests.trainers import small_training
from tests.trainers.checkpoints import fold_of, load
from tests.trainers.small_training import SIDE, SLICES, Tiny

COMPARATORS = [name for name in trainers.__all__ if ".comparators." in getattr(trainers, name).network_class_name]
SMALL = {name: {"variant": "nano"} for name in (*COMPARATORS, "nnUNetTrainerCIPAStack")}
SMALL["nnUNetTrainerCIPASIM_dynamic"] = {"variant": "nano", "slices": 7, "sim": "encoder"}
EPOCHS = 3


@pytest.fixture(params=SMALL, scope="module")
def trainer_class(request):
    known = getattr(trainers, request.param)
    return type(f"{request.param}_tiny", (Tiny, known), {"architecture": SMALL[request.param]})


@pytest.fixture(scope="module")
def trained(trainer_class, data, tmp_path_factory):
    """Train to the end; and again, killed after two epochs and continued. Returns the folds' folders."""
    folders = []
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("nnUNet_preprocessed", "nnUNet_results", "nnUNet_n_proc_DA"):
            patch.setenv(variable, "")
        patch.setattr(small_training, "EPOCHS", EPOCHS)
        _, plans, dataset_json, _ = data(None)
        network = plan_training(trainer_class, plans, "2d", dataset_json).build_network()
        pretrained = {network.pretrained_name(name): tensor for name, tensor in network.state_dict().items()}
        if pretrained.keys() != {None}:
            file = tmp_path_factory.mktemp("encoder") / "encoder.pth"
            torch.save({name: tensor for name, tensor in pretrained.items() if name is not None}, file)
            patch.setenv(ENCODER_VARIABLE, str(file))
        threads = torch.get_num_threads()
        for stops in ([], [2]):
            results = tmp_path_factory.mktemp("results")
            for stop in [*stops, None]:
                trainer = small_training.make(*copy.deepcopy(data(results)), trainer_class)
                maybe_load_checkpoint(trainer, continue_training=True, validation_only=False)
                live(trainer, stop)
            folders.append(fold_of(results))
        torch.set_num_threads(threads)
    return folders


def live(trainer, stop):
    """Train, up to the start of an epoch if it is given."""
    start = trainer.on_epoch_start

    def end():
        if trainer.current_epoch == stop:
            raise InterruptedError
        start()

    trainer.on_epoch_start = end
    if stop is None:
        trainer.run_training()
        return
    with pytest.raises(InterruptedError):
        trainer.run_training()
    assert Path(trainer.output_folder, LATEST).is_file()


def test_a_training_that_was_killed_and_continued_ends_with_the_same_weights(trained):
    whole, continued = (load(folder / "checkpoint_final.pth") for folder in trained)
    assert whole["current_epoch"] == EPOCHS
    for name, tensor in whole["network_weights"].items():
        assert torch.equal(tensor, continued["network_weights"][name]), name


def test_nnunet_predicts_from_the_models_folder_by_its_own_trainer(trained, tmp_path):
    """As after weights export --stock: the plans alone tell the network."""
    from nnunet_cipa.weights import export_stock

    stock = export_stock(trained[0].parent, tmp_path)
    predictor = nnUNetPredictor(device=torch.device("cpu"), use_mirroring=False, allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(stock), (0,), "checkpoint_final.pth")
    volume = torch.from_numpy(np.random.default_rng(0).normal(size=(2, SLICES, SIDE, SIDE)).astype(np.float32))
    logits = predictor.predict_logits_from_preprocessed_data(volume)
    expected = predictor.network(volume[None]).detach()[0]
    assert logits.shape == (2, SLICES, SIDE, SIDE)
    # nnU-Net sums tiles in float16, which has no digits left for their corners.
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(logits.float()[inner], expected[inner], atol=1e-2, rtol=1e-2)


def test_the_report_counts_its_cost(trained):
    cost = count_cost(trained[0].parent, "2d")
    assert cost.problem == ""
    weights = load(trained[0] / "checkpoint_final.pth")["network_weights"]
    others = re.compile(r"\.(running_mean|running_var|num_batches_tracked)$|\.all_modules\.")  # nnU-Net has some twice
    assert cost.parameters == sum(tensor.numel() for name, tensor in weights.items() if not others.search(name))
    assert cost.multiply_adds > cost.parameters


def test_its_weights_are_adapted_to_more_classes(trained, trainer_class, plans, dataset_json, tmp_path):
    dataset_json["labels"]["node"] = 2
    training = plan_training(trainer_class, plans, "2d", dataset_json)
    network = training.build_network()
    table = adapt_weights(trained[0] / "checkpoint_final.pth", tmp_path / "out.pth", network, dataset_json)
    assert table.names("initial") == list(network.head_tensors())
    before = load(trained[0] / "checkpoint_final.pth")["network_weights"]
    after = load(tmp_path / "out.pth")["network_weights"]
    changed = {*network.head_tensors(), *table.names("resampled")}
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items() if name not in changed)
