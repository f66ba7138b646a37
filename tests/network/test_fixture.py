"""The authors' network with fixed weights, as recorded in tests/data, against ours with the same weights."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from nnunet_cipa.network import CIPA
from nnunet_cipa.weights import load_cipa_release
from nnunet_cipa.weights.table import CONVERTED, LOADED
from tests.data.fixture import load_shapes, reference_input, reference_weights
from tests.network.helpers import assert_close

FIXTURE = "cipa_tiny_fixture.npz"


@pytest.fixture(scope="module")
def loaded():
    weights = {name: torch.from_numpy(array) for name, array in reference_weights(load_shapes()).items()}
    network = CIPA(2, 2, patch_size=(512, 512), slices=3).eval()
    return network, load_cipa_release(network, weights), weights


@pytest.fixture(scope="module")
def outputs(loaded):
    """Logits of the public forward pass, and the fused features that its decoder was given."""
    features = []
    with loaded[0].decoder.register_forward_pre_hook(lambda _, inputs: features.extend(inputs[0])), torch.no_grad():
        ct, pet = (torch.from_numpy(image) for image in reference_input(1))
        logits = loaded[0](torch.cat((ct, pet), dim=1))
    return logits, features


@pytest.fixture(scope="module")
def released(request):
    with np.load(request.path.parents[1] / "data" / FIXTURE) as file:
        return dict(file)


def test_every_released_tensor_is_loaded(loaded):
    network, table, weights = loaded
    assert len(weights) == 848
    assert len(table.names(LOADED)) == 847
    assert table.names(CONVERTED) == ["decoder.head.weight"]
    assert len(table.rows) == 848
    total = sum(tensor.double().sum() for name, tensor in weights.items() if "num_batches" not in name)
    state = network.state_dict()
    assert sum(t.double().sum() for t in state.values()).item() == pytest.approx(total.item(), rel=1e-9)


@pytest.mark.slow
def test_logits(outputs, released):
    background, tumour = outputs[0][0, :, 4::8, 4::8].numpy()
    assert not background.any()
    assert_close(tumour, released["logits"], 1e-5)


@pytest.mark.slow
def test_softmax_of_two_classes_is_the_released_sigmoid(outputs, released):
    probability = outputs[0].softmax(1)[0, 1, 4::8, 4::8]
    np.testing.assert_allclose(probability, expit(released["logits"]), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("level", range(4))
def test_fused_features(outputs, released, level):
    step = 4 if level < 2 else 1
    feature = outputs[1][level][0, ::step, ::step, :8].permute(2, 0, 1)
    assert_close(feature, released[f"f{level}"], 1e-5)
