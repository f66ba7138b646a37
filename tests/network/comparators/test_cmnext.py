"""CMNeXt against what the authors' network gives for fixed weights, and against its published size."""

import math

import pytest
import torch

from nnunet_cipa.network import comparators
from tests.data.comparators.fixture import load_shapes
from tests.network.comparators.original import build, read_fixture, run_rectified
from tests.network.helpers import assert_close


@pytest.fixture(scope="module")
def network():
    return build("cmnext", "CMNeXt")


def test_logits_and_features(network):
    outputs = run_rectified(network)
    for name, expected in read_fixture("CMNeXt").items():
        if name == "logits":
            assert_close(outputs[name], expected, 1e-5)
        else:
            assert_close(outputs[name][: len(expected)], expected, 2e-5)


def test_sizes(network):
    """58.68 M is printed in table 2 of the CVPR paper; the parts are those of the original."""
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert parts == {
        "intensities": 0,
        "encoder": 24_196_288 + 16_317_296,
        "rectifications": 10_019_848,
        "fusions": 6_572_032,
        "decoder": 1_576_449,
    }
    assert sum(parts.values()) == 58_681_913
    assert len(load_shapes("CMNeXt")) == len(network.state_dict()) == 896


def test_initial_values_are_the_originals():
    """Depthwise convolutions are filled as if they had one group."""
    torch.manual_seed(0)
    network = comparators.build("cmnext", 2, 2, patch_size=(32, 32))
    block = network.encoder.pet.stages[3][0]
    for layer, outputs in (
        (network.encoder.ct.stages[3].blocks[0].mlp.dwconv, 9 * 2048),
        (block.mlp[1], 9 * 2048),
        (network.fusions[3].branch[1], 9 * 512),
        (network.decoder.fuse[0], 512),
    ):
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / outputs), rel=0.05)
        assert layer.bias is None or not layer.bias.any()
    assert network.fusions[3].projs["PET"].weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert block.scale1.unique().tolist() == block.scale2.unique().tolist() == pytest.approx([0.01])


def test_rates_of_stochastic_depth_are_the_originals():
    """A ramp over 16 blocks, the same for CT and PET."""
    network = comparators.build("cmnext", 2, 1, patch_size=(32, 32))
    ramp = pytest.approx([0.1 * block / 15 for block in range(16)])
    assert [block.drop_path.drop_prob for stage in network.encoder.pet.stages for block in stage] == ramp
    blocks = [block for stage in network.encoder.ct.stages for block in stage.blocks]
    assert [getattr(block.drop_path1, "drop_prob", 0.0) for block in blocks] == ramp
