"""CMX against what the authors' network gives for fixed weights, and against its published size."""

import pytest
import torch

from nnunet_cipa.network import comparators
from nnunet_cipa.network.layers.recomputing import Recomputing
from tests.data.comparators.fixture import load_shapes
from tests.network.comparators.original import build, read_fixture, run_rectified
from tests.network.helpers import assert_close


@pytest.fixture(scope="module")
def network():
    return build("cmx", "CMX")


@pytest.fixture(scope="module")
def outputs(network):
    return run_rectified(network)


def test_logits_and_features(outputs):
    for name, expected in read_fixture("CMX").items():
        assert_close(outputs[name] if name == "logits" else outputs[name][: len(expected)], expected, 2e-6)


def test_sizes(network):
    """66.56 M is printed in table 2 of the CVPR paper; the parts are those of the original."""
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert parts == {
        "intensities": 0,
        "encoder": 2 * 24_196_288,
        "rectifications": 10_019_848,
        "fusions": 6_572_032,
        "decoder": 1_576_961,
    }
    assert sum(parts.values()) == 66_561_417
    assert len(load_shapes("CMX")) == len(network.state_dict()) == 837


def test_rates_of_stochastic_depth_are_the_originals():
    """A ramp over 16 blocks, of which stage 2 takes one value: entry 3 for CT, entry 4 for PET."""
    network = comparators.build("cmx", 2, 1, patch_size=(32, 32))
    ramp = [0.1 * block / 15 for block in range(16)]
    for modality, entry in (("ct", 3), ("pet", 4)):
        rates = [
            getattr(path, "drop_prob", 0.0)
            for stage in getattr(network.encoder, modality).stages
            for block in stage.blocks
            for path in (block.drop_path1, block.drop_path2)
        ]
        expected = ramp[:3] + 4 * [ramp[entry]] + ramp[7:]
        assert rates[::2] == rates[1::2] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["cmx", "cmnext"])
def test_what_is_computed_again_in_the_backward_pass_has_the_same_gradients(name):
    torch.manual_seed(0)
    network = comparators.build(name, 2, 2, patch_size=(32, 64), variant="nano").eval()
    pair = torch.randn(2, 2, 32, 64)
    found = []
    for enabled in (False, True):
        network.set_activation_checkpointing(enabled)
        assert {module.recompute for module in network.modules() if isinstance(module, Recomputing)} == {enabled}
        network.zero_grad()
        network(pair).square().mean().backward()
        found.append([parameter.grad.clone() for parameter in network.parameters()])
    torch.testing.assert_close(*found)
