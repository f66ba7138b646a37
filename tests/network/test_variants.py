"""What holds for every variant."""

import pytest
import torch

from nnunet_cipa.network import CIPA, VARIANTS
from nnunet_cipa.network.layers.basic import DropPath
from tests.network.helpers import WIDE, assert_all_take_part, gradients, image

HIGHEST_DROP_PATH = {"tiny": 0, "small": 0.3, "base": 0.6, "nano": 0}


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request):
    return request.param


@pytest.fixture(scope="module")
def network(variant):
    torch.manual_seed(0)
    return CIPA(2, 2, patch_size=WIDE[4], variant=variant).eval()


@torch.no_grad()
def test_declared_widths_are_those_of_the_features(variant, network):
    height, width = WIDE[4]
    x = image(1, 2, height, width, dtype=torch.float32)
    expected = [
        (1, height // stride, width // stride, channels)
        for stride, channels in zip((4, 8, 16, 32), VARIANTS[variant].widths, strict=True)
    ]
    assert [tuple(feature.shape) for feature in network.fuse(network.encode(x))] == expected


def test_every_parameter_takes_part(network):
    assert_all_take_part(gradients(network, batch=1))


def test_stochastic_depth_of_the_encoder_is_a_ramp(variant, network):
    rates = [module.rate for module in network.encoder.modules() if isinstance(module, DropPath)]
    assert len(rates) == sum(VARIANTS[variant].depths)
    highest = HIGHEST_DROP_PATH[variant]
    assert rates == pytest.approx([highest * i / (len(rates) - 1) for i in range(len(rates))])
