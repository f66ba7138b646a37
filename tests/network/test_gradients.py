"""Every parameter takes part, whatever the switches."""

import pytest
import torch

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.cipa.dcim_variants import DCIM_VARIANTS
from tests.network.helpers import WIDE, assert_all_take_part, gradients, image

NANO = [
    {},
    {"crm": False},
    {"dcim": False},
    {"crm": False, "dcim": False},
    {"region_size": 2},
    {"region_size": 8},
    {"slices": 3},
    *({"dcim_variant": name} for name in DCIM_VARIANTS if name != "pet_ct"),
]


@pytest.mark.parametrize("switches", NANO, ids=str)
def test_nano(switches):
    torch.manual_seed(0)
    network = CIPA(2, 2, patch_size=WIDE[switches.get("region_size", 4)], variant="nano", **switches).eval()
    assert_all_take_part(gradients(network, batch=2))


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("switches", [{}, {"region_size": 8}], ids=str)
def test_training_on_the_smallest_patch(batch, switches):
    """At stride 32 a patch of 32 x 32 is one pixel, with one value per channel for batch normalisation."""
    torch.manual_seed(0)
    network = CIPA(2, 2, patch_size=(32, 32), variant="nano", **switches).train()
    found = gradients(network, batch)
    assert [name for name, gradient in found.items() if gradient is None] == []
    assert [name for name, gradient in found.items() if not gradient.isfinite().all()] == []


def test_gradient_is_the_directional_derivative():
    """Central difference in float64 along one random direction of all parameters and the input at once."""
    torch.manual_seed(0)
    network = CIPA(2, 2, patch_size=(32, 32), variant="nano").double().eval()
    x = image(2, 2, 32, 32).requires_grad_()
    tensors = [x, *network.parameters()]
    direction = [image(*tensor.shape, seed=seed) for seed, tensor in enumerate(tensors)]

    def loss(step):
        with torch.no_grad():
            for tensor, move in zip(tensors, direction, strict=True):
                tensor.add_(move, alpha=step)
        return network(x).square().mean()

    slope = torch.autograd.grad(loss(0), tensors)
    expected = sum((gradient * move).sum() for gradient, move in zip(slope, direction, strict=True))
    h = 1e-8
    difference = (loss(h) - loss(-2 * h)) / (2 * h)
    assert expected.item() == pytest.approx(difference.item(), rel=1e-6)
