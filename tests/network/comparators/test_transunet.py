"""TransUNet against what the authors' network gives for fixed weights, and against its published size."""

import pytest
import torch
from timm.layers import StdConv2d
from torch import nn

from nnunet_cipa.network import comparators
from tests.data.comparators.fixture import load_shapes, reference_weights
from tests.data.fixture import reference_input
from tests.network.comparators.original import read_fixture
from tests.network.helpers import assert_close

# Of the fixture's features: channels first, and every n-th pixel.
STEPS = {"resnet": 1, "skip0": 2, "skip1": 4, "skip2": 8, "dec0": 2, "dec2": 8}


@pytest.fixture(scope="module")
def original():
    return read_fixture("TransUNet")


@pytest.fixture(scope="module")
def outputs():
    """Logits of one of the two, and its features by the fixture's names."""
    network = comparators.build("transunet", 2, 2, patch_size=(256, 256), slices=3).eval()
    comparators.load_original(network, {k: torch.from_numpy(v) for k, v in reference_weights("TransUNet").items()})
    encoder, decoder = network.encoder["CT"], network.decoder["CT"]
    found = {}

    def keep(name):
        return lambda module, inputs, output: found.update({name: output})

    for name, module in {
        "resnet": encoder.resnet,
        "tokens": encoder.dropout,
        "encoded": encoder.norm,
        "dec0": decoder.blocks[0],
        "dec2": decoder.blocks[2],
    }.items():
        module.register_forward_hook(keep(name))
    ct = torch.from_numpy(reference_input(1, 256)[0])
    with torch.no_grad():
        found["logits"] = network(torch.cat((ct, ct), dim=1)) / 2
    found["skip2"], found["skip1"], found["skip0"], found["resnet"] = found["resnet"]
    return {name: feature[0] for name, feature in found.items()}


def test_logits(outputs, original):
    assert_close(outputs["logits"][:, 2::4, 2::4], original["logits"], 1e-5)


@pytest.mark.parametrize("name", STEPS)
def test_features(name, outputs, original):
    step = STEPS[name]
    assert_close(outputs[name][:8, ::step, ::step], original[name], 5e-5)


@pytest.mark.parametrize("name", ["tokens", "encoded"])
def test_tokens(name, outputs, original):
    assert_close(outputs[name][:, :8], original[name], 5e-5)


def test_sizes():
    """186.46 M is printed in table 2 of the CVPR paper, without the ResNet and the positions."""
    with torch.device("meta"):
        network = comparators.build("transunet", 2, 2, patch_size=(512, 512))
    total = sum(parameter.numel() for parameter in network.parameters())
    assert total == 2 * 105_911_970
    missed = [p for part in network.modules() if isinstance(part, StdConv2d | nn.GroupNorm) for p in part.parameters()]
    missed += [encoder.positions for encoder in network.encoder.values()]
    assert round((total - sum(tensor.numel() for tensor in missed)) / 1e6, 2) == 186.46
    assert len(load_shapes("TransUNet")) == 409
