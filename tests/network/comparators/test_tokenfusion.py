"""TokenFusion against what the authors' network gives for fixed weights, and against its published size."""

import numpy as np
import pytest
import torch

from nnunet_cipa.network import comparators
from nnunet_cipa.network.comparators.tokenfusion import exchange_tokens
from nnunet_cipa.weights import load_encoder
from tests.data.comparators.fixture import load_shapes, reference_weights
from tests.data.fixture import reference_input
from tests.network.comparators.original import build, read_fixture
from tests.network.helpers import assert_close, image

SIDES = {"mask0": 64, "mask6": 32, "mask27": 8}  # of the maps of tokens before blocks 0, 6, 27


@pytest.fixture(scope="module")
def original():
    return read_fixture("TokenFusion")


@pytest.fixture(scope="module")
def network():
    return build("tokenfusion", "TokenFusion").double()


@pytest.fixture(scope="module")
def scores():
    """Scores before each block."""
    return []


@pytest.fixture(scope="module")
def outputs(network, scores):
    """Maps of CT's and PET's sample, and the ensemble's, by the fixture's names."""
    found = {}
    hooks = [
        network.ensemble.register_forward_hook(lambda _, inputs, mean: found.update(pair=inputs[0], logits=mean)),
        network.decoder.register_forward_pre_hook(lambda _, inputs: found.update(features=inputs[0])),
        *(net.register_forward_hook(lambda *call: scores.append(call[-1])) for net in network.encoder.scores),
    ]
    with torch.no_grad():
        network(torch.cat([torch.from_numpy(x) for x in reference_input(10, 256)], dim=1).double())
    for hook in hooks:
        hook.remove()
    for modality in range(2):
        found[f"logits{modality}"] = found["pair"][modality, 0, ::2, ::2]
        for level, (feature, step) in enumerate(zip(found["features"], (4, 4, 2, 1), strict=True)):
            found[f"f{level}_{modality}"] = feature[modality, :8, ::step, ::step]
        for (name, side), step in zip(SIDES.items(), (4, 2, 1), strict=True):
            found[f"{name}_{modality}"] = scores[int(name[4:])][modality].reshape(side, side)[::step, ::step]
    return found | {"logits": found["logits"][0, 0]}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["logits", "logits0", "logits1", *(f"{name}_{m}" for name in ("f0", "f1", "f2", "f3", *SIDES) for m in range(2))],
)
def test_maps(name, outputs, original):
    """The original ran in float64, and was rounded to float32."""
    assert_close(outputs[name], original[name], 2e-7)


@pytest.mark.slow
def test_as_many_tokens_are_exchanged(outputs, scores, original):
    below = [[int((score[modality] < 0.02).sum()) for modality in range(2)] for score in scores]
    np.testing.assert_array_equal(below, original["exchanged"])


def test_an_exchanged_token_is_the_other_modalitys_weighed_by_its_own_score():
    tokens = image(4, 3, 2)  # two samples of CT, two of PET
    scores = torch.full((4, 3, 1), 0.5, dtype=torch.float64)
    scores[0, 1], scores[3, 2] = 0.01, 0.019
    expected = 0.5 * tokens
    expected[0, 1] = 0.5 * tokens[2, 1]
    expected[3, 2] = 0.5 * tokens[1, 2]
    assert torch.equal(exchange_tokens(tokens, scores), expected)


def test_segformers_file_is_the_encoder_of_both_modalities(tmp_path):
    weights = {name: torch.from_numpy(array) for name, array in reference_weights("TokenFusion").items()}
    weights |= {name: weights[name.replace(".ln_1.", ".ln_0.")] for name in weights if ".ln_1." in name}
    file = {}
    for name, tensor in weights.items():
        if name.startswith("encoder.") and ".score_nets." not in name:
            file[name.removeprefix("encoder.").replace(".module.", ".").replace(".ln_0.", ".")] = tensor
    torch.save({name: tensor for name, tensor in file.items() if ".ln_1." not in name}, tmp_path / "mit_b3.pth")
    network, whole = (comparators.build("tokenfusion", 2, 1, patch_size=(32, 32)) for _ in range(2))
    comparators.load_original(whole, weights)
    assert load_encoder(network, tmp_path / "mit_b3.pth") == len(file)
    expected = whole.encoder.trunk.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in network.encoder.trunk.state_dict().items())


def test_the_penalty_is_the_sum_of_all_scores():
    network = comparators.build("tokenfusion", 2, 2, patch_size=(32, 32), variant="nano").train()
    kept = []
    for net in network.encoder.scores:
        net.register_forward_hook(lambda *call: kept.append(call[-1]))
    for seed in range(2):
        kept.clear()
        output = network(image(2, 2, 32, 32, seed=seed, dtype=torch.float32))
        expected = sum(score.double().sum().item() for score in kept)
        assert output.penalty.item() == pytest.approx(1e-6 * expected, rel=1e-5)
    assert sum(score.numel() for score in kept) == 2 * 2 * (8 * 8 + 4 * 4 + 2 * 2 + 1)


def test_sizes():
    """45.91 M is printed in table 2 of the CVPR paper, for two classes."""
    with torch.device("meta"):
        network = comparators.build("tokenfusion", 2, 2, patch_size=(256, 256))
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert parts == {"intensities": 0, "ensemble": 2, "encoder": 45_381_200, "decoder": 526_081 + 257}
    assert sum(p.numel() for p in network.encoder.scores.parameters()) == 1_260_048
    assert len(load_shapes("TokenFusion")) == 847
