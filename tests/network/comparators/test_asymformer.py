"""AsymFormer against what the authors' network gives for fixed weights, and against its published size."""

import pytest
import torch

from nnunet_cipa.network import comparators
from tests.data.comparators.fixture import load_shapes, reference_weights
from tests.data.fixture import reference_input
from tests.network.comparators.original import read_fixture
from tests.network.helpers import assert_close


@pytest.fixture(scope="module")
def original():
    return read_fixture("AsymFormer")


@pytest.fixture(scope="module")
def network():
    network = comparators.build("asymformer", 2, 2, patch_size=(256, 256), slices=3).eval()
    comparators.load_original(network, {k: torch.from_numpy(v) for k, v in reference_weights("AsymFormer").items()})
    return network


@pytest.fixture(scope="module")
def outputs(network):
    """Logits and features by the fixture's names, sampled as there."""
    found = {}
    parts = {
        "low": network.decoder.head,
        "ct": network.encoder.ct,
        "merge0": network.encoder.pet.stages[0],
        "norm1": network.encoder.pet.stages[1],
        "conv1": network.fusions[0].reduction,
        **{f"merge{stage}": network.fusions[stage - 1] for stage in (1, 2, 3)},
    }
    hooks = [part.register_forward_hook(_keep(found, name)) for name, part in parts.items()]
    ct, pet = (torch.from_numpy(image) for image in reference_input(1, 256))
    with torch.no_grad():
        # The original reads the first of PET's channels, this network the slice in the middle.
        found["logits"] = network(torch.cat((ct, pet[:, [1, 0, 2]]), dim=1))[..., 2::4, 2::4]
    for hook in hooks:
        hook.remove()
    ct_features = found.pop("ct")
    found |= {"rgb0": ct_features[0], "rgb3": ct_features[3]}
    steps = {"low": 2, "rgb0": 4, "merge0": 4, "merge1": 2, "conv1": 2}
    found = {name: x[0, :8, :: steps.get(name, 1), :: steps.get(name, 1)] for name, x in found.items()}
    return found | {"norm1": found["norm1"].flatten(1)[:, ::4].T}


def _keep(found, name):
    def hook(module, inputs, output):
        found[name] = output

    return hook


NAMES = ("logits", "low", "rgb0", "rgb3", "merge0", "merge1", "merge2", "merge3", "norm1", "conv1")


@pytest.mark.parametrize("name", NAMES)
def test_numbers(name, outputs, original):
    assert_close(outputs[name], original[name], 1e-5)


def test_all_numbers_of_the_fixture_are_compared(original):
    assert set(original) == set(NAMES)


def test_sizes(network):
    """Table 2 of the CVPR paper prints 33.05 M; of two classes the head has 257 more than of one."""
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert parts == {"intensities": 0, "encoder": 31_134_848, "fusions": 1_519_440, "decoder": 395_265 + 257}
    assert sum(parts.values()) - 257 == 33_049_553
    assert len(load_shapes("AsymFormer")) == 470
    assert len(network.state_dict()) == 470


def test_of_three_slices_pet_is_read_in_the_middle():
    torch.manual_seed(0)
    network = comparators.build("asymformer", 2, 2, patch_size=(32, 32), slices=3, variant="nano").eval()
    window = torch.randn(1, 6, 32, 32)
    with torch.no_grad():
        logits = network(window)
        for channel, matters in enumerate((True, True, True, False, True, False)):
            other = window.clone()
            other[:, channel] += 1
            assert torch.equal(network(other), logits) != matters
