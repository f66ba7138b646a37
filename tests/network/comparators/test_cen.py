"""CEN against what the authors' network gives for fixed weights, and against its published size."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from nnunet_cipa.network import comparators
from nnunet_cipa.network.comparators.cen import ExchangingNorm
from nnunet_cipa.weights import load_encoder
from tests.data.comparators.fixture import load_shapes
from tests.network.comparators.original import build, read_fixture, run
from tests.network.helpers import assert_close, image

STEPS = {"exchange": 8, "f0": 8, "f1": 4, "f2": 2, "f3": 1, "rcu": 1, "crp": 1, "d3": 1, "d2": 2, "d1": 4, "d0": 8}


@pytest.fixture(scope="module")
def original():
    return read_fixture("CEN")


@pytest.fixture(scope="module")
def outputs():
    """Maps of CT's and PET's sample, and the ensemble's, by the fixture's names."""
    network = build("cen", "CEN").double()
    levels = network.decoder.levels
    network.encoder.layer1[0].act2.inplace = False  # or it rectifies what is kept
    hooked = {
        network.decoder: ("features", "pair"),
        network.ensemble: ("pair", "mean"),
        network.encoder.layer1[0].bn2: ("", "exchange"),
        levels[0].adapt: ("", "rcu"),
        levels[0].pool: ("", "crp"),
        **{levels[3 - place].out: ("", f"d{place}") for place in range(4)},
    }
    _, found = run(network, hooked, seed=10)
    found |= {f"f{level}": feature for level, feature in enumerate(found["features"])}
    picked = {f"{name}_{m}": found[name][m, :8, ::s, ::s] for name, s in STEPS.items() for m in range(2)}
    logits = {f"logits{m}": found["pair"][m, 0, ::2, ::2] for m in range(2)}
    return {**picked, **logits, "logits": found["mean"][0, 0]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["logits", "logits0", "logits1", *(f"{name}_{m}" for name in STEPS for m in range(2))])
def test_maps(name, outputs, original):
    """The original ran in float64, and was rounded to float32."""
    assert_close(outputs[name], original[name], 2e-7)


def test_a_channel_of_small_scale_is_the_other_modalitys():
    norm = ExchangingNorm(lambda: nn.BatchNorm2d(3)).double().eval()
    scales = {"CT": [0.5, -0.019, 1], "PET": [0.01, 2, -0.3]}
    for name, values in scales.items():
        norm[name].weight.data = torch.tensor(values, dtype=torch.float64)
    pair = image(4, 3, 2, 2)  # two samples of CT, two of PET
    ct, pet = (
        x * torch.tensor(values)[:, None, None] / (1 + 1e-5) ** 0.5
        for x, values in zip(pair.chunk(2), scales.values(), strict=True)
    )
    expected = torch.cat((ct, pet))
    expected[:2, 1], expected[2:, 0] = pet[:, 1], ct[:, 0]
    torch.testing.assert_close(norm(pair), expected)


def test_torchvisions_resnet_is_the_encoder_of_both_modalities(tmp_path):
    torch.manual_seed(0)
    resnet = resnet50().eval()
    torch.save(
        {name: x for name, x in resnet.state_dict().items() if not name.endswith("num_batches_tracked")},
        tmp_path / "resnet.pth",
    )
    network = comparators.build("cen", 2, 2, patch_size=(32, 32), variant="resnet50").eval()
    assert load_encoder(network, tmp_path / "resnet.pth") == 53 + 2 * 4 * 53  # convolutions, norms
    pair = image(2, 3, 64, 64, dtype=torch.float32)
    with torch.no_grad():
        x = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(pair))))
        for layer, feature in zip(
            (resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4), network.encoder(pair), strict=True
        ):
            x = layer(x)
            assert_close(feature, x, 1e-5)


def test_the_penalty_is_the_sum_of_half_of_the_scales():
    network = comparators.build("cen", 2, 2, patch_size=(32, 32), variant="nano")
    expected = 0.0
    for name, scale in network.named_parameters():
        if ".bn2." in name and name.endswith("weight"):
            scale.data = image(*scale.shape, dtype=torch.float32)
            half = len(scale) // 2
            expected += scale[:half].abs().sum().item() if ".CT." in name else scale[half:].abs().sum().item()
    output = network.train()(image(2, 2, 32, 32, dtype=torch.float32))
    assert output.penalty.item() == pytest.approx(3 * 2e-4 * expected, rel=1e-5)


@pytest.mark.parametrize(("variant", "millions"), [("resnet50", 99.07), ("resnet101", 118.11), ("resnet152", 133.80)])
def test_sizes(variant, millions):
    """118.11 M is printed in table 2 of the CVPR paper."""
    with torch.device("meta"):
        network = comparators.build("cen", 2, 2, patch_size=(256, 256), variant=variant)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


def test_the_parts_have_the_sizes_of_the_originals():
    with torch.device("meta"):
        network = comparators.build("cen", 2, 1, patch_size=(256, 256))
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert parts == {"intensities": 0, "ensemble": 2, "encoder": 42_605_504, "decoder": 75_506_177}
    assert len(load_shapes("CEN")) == 1233
