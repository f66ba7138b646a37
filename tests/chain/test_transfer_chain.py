"""The route from GTV to IGTV by commands: one slice, fold all; adapt; three slices with SIM, one fold; predict."""

import itertools
import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from tests.chain.conftest import STORED

pytestmark = pytest.mark.slow
DATASET_ID = 701
SOURCE, TRAINER = "nnUNetTrainerCIPA_brief", "nnUNetTrainerCIPASIMTransfer_brief"


@pytest.fixture(scope="module")
def adapted(planned):
    """Train on all cases and adapt the checkpoint; returns the file and what was printed."""
    planned.train("all", trainer=SOURCE)
    checkpoint, out = planned.fold("all", SOURCE) / "checkpoint_final.pth", planned.folder / "adapted.pth"
    printed = planned.run(
        "nnunet-cipa", "weights", "adapt", checkpoint, out, "--dataset-id", DATASET_ID, "--trainer", TRAINER
    )
    return out, printed


@pytest.fixture(scope="module")
def transferred(planned, adapted):
    """Train fold 0 from the adapted file."""
    out, _ = adapted
    return planned.train(0, "-pretrained_weights", out, trainer=TRAINER)


def test_a_checkpoint_of_nnunet_is_adapted(planned, adapted):
    out, printed = adapted
    weights = load(out)["network_weights"]
    before = load(planned.fold("all", SOURCE) / "checkpoint_final.pth")["network_weights"]
    sim = {name for name in weights if name.startswith("encoder_sims.")}
    assert sim
    assert weights.keys() - sim == before.keys()
    assert f"{len(sim)} initial" in printed.splitlines()[-2]
    for level, part in itertools.product(range(4), ("weight", "bias")):
        name = f"encoder.stages.{level}.out_norm.{part}"
        torch.testing.assert_close(1.3 * weights[name], before[name])
    name = "encoder.patch_embed.proj.0.weight"  # of one slice, repeated: the window's centre is read
    torch.testing.assert_close(weights[name][:, 1], before[name].sum(1))
    assert not weights[name][:, ::2].any()


def test_training_starts_from_it_with_the_transfer_settings(planned, adapted, transferred):
    assert "Loading pretrained weights" in transferred
    before, after = load(adapted[0])["network_weights"], load(planned.fold(0, TRAINER) / "checkpoint_final.pth")
    assert after["inference_allowed_mirroring_axes"] == (1, 2)
    for name in ("encoder.stages.0.blocks.0.ss2d.in_proj.weight", "decoder.final_upsample.linear1.weight"):
        old, new = before[name], after["network_weights"][name]
        assert 0 < (new - old).norm() / old.norm() < 0.1
    rates = [group["lr"] for group in after["optimizer_state"]["param_groups"]]
    assert rates[:2] == pytest.approx([rate / 10 for rate in rates[2:]])


def test_plans_of_the_model_have_a_tile_and_the_network(planned, transferred):
    plans = json.loads((planned.results(TRAINER) / "plans.json").read_text())["configurations"]["2d"]
    assert plans["patch_size"] == [160, 64, 64]
    assert plans["architecture"]["arch_kwargs"] == {
        "patch_size": [64, 64], "modalities": ["CT", "PET"], **STORED, "variant": "nano", "slices": 3, "sim": "encoder"
    }  # fmt: skip


def test_prediction_is_the_network_on_the_whole_case(planned, transferred):
    """The stock prediction equals the network of the plans by hand: the whole case, flipped four ways, averaged."""
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    out = planned.folder / "transferred"
    planned.run(
        "nnUNetv2_predict", "-i", planned.raw / "imagesTs", "-o", out, "-d", DATASET_ID, "-c", "2d", "-tr", TRAINER,
        "-f", 0, "-device", "cpu", "-npp", 1, "-nps", 1, "--save_probabilities",
    )  # fmt: skip
    plans = PlansManager(str(planned.results(TRAINER) / "plans.json"))
    configuration = plans.get_configuration("2d")
    dataset_json = json.loads((planned.results(TRAINER) / "dataset.json").read_text())
    network = get_network_from_plans(
        configuration.network_arch_class_name, configuration.network_arch_init_kwargs, [], 2, 2, True, False
    ).eval()
    network.load_state_dict(load(planned.fold(0, TRAINER) / "checkpoint_final.pth")["network_weights"])
    masks = sorted(out.glob("*.nii.gz"))
    assert [p.name for p in masks] == sorted(p.name for p in (planned.raw / "labelsTs").glob("*.nii.gz"))
    for path in masks:
        case = path.name.removesuffix(".nii.gz")
        images = sorted(str(p) for p in (planned.raw / "imagesTs").glob(f"{case}_*.nii.gz"))
        data = DefaultPreprocessor(verbose=False).run_case(images, None, plans, configuration, dataset_json)[0]
        stack = torch.as_tensor(np.asarray(data)).float()[None]
        with torch.no_grad():
            flips = [(), (3,), (4,), (3, 4)]
            logits = torch.stack([network(stack.flip(axes)).flip(axes) for axes in flips]).mean(0)
        stock = np.load(out / f"{case}.npz")["probabilities"]
        # nnU-Net sums tiles in float16; in the corners of a tile, where its weight is tiny, that shows.
        np.testing.assert_allclose(stock, logits[0].softmax(0).numpy(), atol=2e-2)
        assert sitk.ReadImage(str(path)).GetSize() == sitk.ReadImage(images[0]).GetSize()


def load(path):
    return torch.load(path, map_location="cpu", weights_only=False)
