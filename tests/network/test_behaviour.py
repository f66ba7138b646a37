"""Shapes, independence of samples, repeatability."""

import pytest
import torch

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.layers.basic import DropPath
from tests.network.helpers import assert_close, image, randomise


def nano(patch_size=(32, 64), **switches):
    torch.manual_seed(0)
    return randomise(CIPA(2, 2, patch_size=patch_size, variant="nano", **switches)).eval()


@torch.no_grad()
@pytest.mark.parametrize("region_size", [2, 4, 8])
@pytest.mark.parametrize("patch_size", [(96, 160), (32, 64), (64, 32)])
def test_any_multiple_of_32(patch_size, region_size):
    """96 x 160 is 3 x 5 at stride 32, no multiple of any region."""
    network = CIPA(2, 3, patch_size=patch_size, variant="nano", region_size=region_size).eval()
    logits = network(image(1, 2, *patch_size, dtype=torch.float32))
    assert logits.shape == (1, 3, *patch_size)
    assert logits.isfinite().all()


@torch.no_grad()
def test_a_network_without_crm_takes_any_size():
    network = nano(crm=False)
    assert network(image(1, 2, 96, 32, dtype=torch.float32)).shape == (1, 2, 96, 32)


@torch.no_grad()
def test_evaluation_is_repeatable():
    network, x = nano(), image(2, 2, 32, 64, dtype=torch.float32)
    assert torch.equal(network(x), network(x))


@torch.no_grad()
def test_samples_of_a_batch_do_not_see_each_other():
    network, x = nano(), image(3, 2, 32, 64, dtype=torch.float32)
    together = network(x)
    for i in range(3):
        assert_close(together[i], network(x[i : i + 1])[0], 1e-5)


def test_training_updates_running_statistics_and_drops_paths_at_random():
    network = nano().train()
    for module in network.modules():
        if isinstance(module, DropPath):
            module.rate = 0.5
    torch.manual_seed(0)
    before = {name: buffer.clone() for name, buffer in network.named_buffers() if "running" in name}
    x = image(2, 2, 32, 64, dtype=torch.float32)
    first, second = network(x), network(x)
    assert not torch.equal(first, second)
    assert before
    assert [
        name for name, buffer in network.named_buffers() if name in before and torch.equal(buffer, before[name])
    ] == []


def test_state_dict_round_trip(tmp_path):
    network, x = nano(), image(1, 2, 32, 64, dtype=torch.float32)
    torch.save(network.state_dict(), tmp_path / "state.pth")
    torch.manual_seed(1)
    other = CIPA(2, 2, patch_size=(32, 64), variant="nano").eval()
    with torch.no_grad():
        assert not torch.equal(other(x), network(x))
        other.load_state_dict(torch.load(tmp_path / "state.pth", weights_only=True))
        assert torch.equal(other(x), network(x))
