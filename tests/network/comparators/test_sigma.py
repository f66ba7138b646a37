"""Sigma against what the authors' network gives for fixed weights, and against its published size."""

import numpy as np
import pytest
import torch

from nnunet_cipa.network import comparators
from tests.data.comparators.fixture import HERE, load_shapes, reference_weights
from tests.data.fixture import reference_input
from tests.network.helpers import assert_close


@pytest.fixture(scope="module")
def original():
    with np.load(HERE / "Sigma_fixture.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def network():
    network = comparators.build("sigma", 2, 1, patch_size=(256, 256), slices=3).eval()
    comparators.load_original(network, {k: torch.from_numpy(v) for k, v in reference_weights("Sigma").items()})
    return network


@pytest.fixture(scope="module")
def outputs(network):
    """Logits, and the features of each stage by the fixture's names, channels first."""
    found, hooks = {}, []

    def keep(stage, names):
        def hook(module, inputs, output):
            for name, feature in zip(
                names, (*inputs, *(output if isinstance(output, tuple) else [output])), strict=True
            ):
                found[name.format(stage)] = feature[0].permute(2, 0, 1)

        return hook

    for stage in range(4):
        names = "enc{}_ct", "enc{}_pet", "cross{}_ct", "cross{}_pet"
        hooks.append(network.interactions[stage].register_forward_hook(keep(stage, names)))
        hooks.append(
            network.fusions[stage].register_forward_hook(keep(stage, ("cross{}_ct", "cross{}_pet", "fused{}")))
        )
    with torch.no_grad():
        pair = torch.cat([torch.from_numpy(image) for image in reference_input(1, 256)], dim=1)
        found["logits"] = network(pair)[0, 0, 2::4, 2::4]
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.slow
def test_logits(outputs, original):
    assert_close(outputs["logits"], original["logits"], 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("stage", range(4))
@pytest.mark.parametrize("name", ["enc{}_ct", "enc{}_pet", "cross{}_ct", "cross{}_pet", "fused{}"])
def test_features(name, stage, outputs, original):
    expected = original[name.format(stage)]
    step = {0: 4, 1: 2}.get(stage, 1)
    assert_close(outputs[name.format(stage)][: len(expected), ::step, ::step], expected, 1e-5)


def test_sizes(network):
    """48.28 M is printed in table 2 of the CVPR paper, cut off; the parts are those of the original."""
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert parts == {
        "intensities": 0,
        "encoder": 22_125_792,
        "interactions": 6_779_520,
        "fusions": 7_591_680,
        "decoder": 11_789_600,
    }
    assert sum(parts.values()) == 48_286_592
    assert len(load_shapes("Sigma")) == 668
