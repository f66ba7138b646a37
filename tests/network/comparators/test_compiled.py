"""Training under torch.compile against eager PyTorch."""

import copy

import pytest
import torch

from nnunet_cipa.network import comparators
from nnunet_cipa.network.comparators.ensemble import EnsembleLoss
from tests.network.helpers import assert_close, image

SIZE = (32, 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", comparators.names())
def test_training_compiles_to_one_graph(name):
    torch.compiler.reset()
    torch.manual_seed(0)
    network = comparators.build(name, 2, 2, patch_size=SIZE, variant="nano").train()
    compiled = torch.compile(copy.deepcopy(network), fullgraph=True, backend="aot_eager")
    pair, target = image(2, 2, *SIZE, dtype=torch.float32), image(2, 2, *SIZE, seed=1, dtype=torch.float32)
    losses, gradients = [], []
    for module in (compiled, network):
        torch.manual_seed(0)
        loss = EnsembleLoss(torch.nn.MSELoss())(module(pair), target)
        loss.backward()
        losses.append(loss.detach())
        gradients.append(torch.cat([p.grad.flatten() for p in module.parameters() if p.requires_grad]))
    assert_close(*losses, 1e-5)
    assert_close(*gradients, 1e-5)
