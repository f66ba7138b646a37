"""Swin-Unet against what the authors' network gives for fixed weights, and against its published size."""

import numpy as np
import pytest
import torch

from nnunet_cipa.network import comparators
from tests.data.comparators.fixture import HERE, load_shapes, reference_weights
from tests.data.fixture import reference_input
from tests.network.helpers import assert_close


@pytest.fixture(scope="module")
def original():
    with np.load(HERE / "Swin-Unet_fixture.npz") as file:
        return dict(file)


def build(size, window):
    """Build both networks with the fixed weights, whose position biases are those of the window.

    In float64, whose rounding no processor's BLAS brings near the bound; the fixture is in float32.
    """
    table = (2 * window - 1) ** 2
    shapes = {
        name: ((table, *shape[1:]) if name.endswith("bias_table") else shape, kind)
        for name, (shape, kind) in load_shapes("Swin-Unet").items()
    }
    weights = {k: torch.from_numpy(v) for k, v in reference_weights("Swin-Unet", shapes).items()}
    network = comparators.build("swin_unet", 2, 2, patch_size=(size, size), slices=3).eval()
    comparators.load_original(network, weights)
    return network.double()


@pytest.fixture(scope="module")
def outputs():
    """Logits of one of the two, and its features by the fixture's names, channels last."""
    network = build(256, 8)
    encoder, decoder = network.encoder["CT"], network.decoder["CT"]
    modules = {
        "embed": encoder.patch_embed,
        "enc0": encoder.merges[0],
        "enc2": encoder.merges[2],
        "enc3": encoder.stages[3],
        "up0": decoder.expands[0],
        "up2": decoder.expands[2],
    }
    found = {}
    for name, module in modules.items():
        module.register_forward_hook(lambda _, inputs, output, name=name: found.update({name: output[0].flatten(0, 1)}))
    ct = torch.from_numpy(reference_input(1, 256)[0]).double()
    with torch.no_grad():
        found["logits"] = network(torch.cat((ct, ct), dim=1))[0, :, 2::4, 2::4] / 2
    return found


def test_logits(outputs, original):
    assert_close(outputs["logits"], original["logits"], 1e-6)


@pytest.mark.parametrize("name", ["embed", "enc0", "enc2", "enc3", "up0", "up2"])
def test_features(name, outputs, original):
    tokens = outputs[name]
    assert_close(tokens[:: len(tokens) // len(original[name]), :8], original[name], 1e-6)


def test_another_window(original):
    ct = torch.from_numpy(reference_input(1, 224)[0]).double()
    with torch.no_grad():
        logits = build(224, 7)(torch.cat((ct, ct), dim=1))[0, :, 2::8, 2::8] / 2
    assert_close(logits, original["logits_224"], 1e-6)


def test_sizes():
    """54.29 M is printed in table 2 of the CVPR paper, which the position biases are not counted in."""
    with torch.device("meta"):
        network = comparators.build("swin_unet", 2, 2, patch_size=(512, 512))
    counts = {name: parameter.numel() for name, parameter in network.named_parameters()}
    assert sum(counts.values()) == 54_545_544
    without = sum(count for name, count in counts.items() if not name.endswith("bias_table"))
    assert round(without / 1e6, 2) == 54.29
    assert len(load_shapes("Swin-Unet")) == 218


def test_windows_are_as_rectangular_as_the_patch():
    network = comparators.build("swin_unet", 2, 2, patch_size=(160, 96), variant="nano")
    assert {block.window_size for half in network.encoder.values() for stage in half.stages for block in stage} == {
        (5, 3)
    }


def test_a_variant_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="variant is 'large'; choose one of tiny, nano"):
        comparators.build("swin_unet", 2, 2, patch_size=(64, 64), variant="large")
