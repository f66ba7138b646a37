"""Comparators that are two networks, one for CT and one for PET."""

import copy

import pytest
import torch

from nnunet_cipa.network import comparators
from tests.network.comparators.test_any import SIZE, build, original_of
from tests.network.helpers import assert_close, gradients, image, randomise


@pytest.fixture(params=["swin_unet", "transunet"])
def network(request):
    return randomise(build(request.param)).double().eval()


@torch.no_grad()
def test_ct_and_pet_meet_in_the_logits_alone(network):
    ct, pet = (image(2, 1, *SIZE, seed=seed) for seed in range(2))
    pairs = [[network(torch.cat((a[None], b[None]), dim=1)) for b in pet] for a in ct]
    torch.testing.assert_close(pairs[0][0] - pairs[0][1], pairs[1][0] - pairs[1][1])
    assert (pairs[0][0] - pairs[0][1]).abs().max() > 1e-3
    assert (pairs[0][0] - pairs[1][0]).abs().max() > 1e-3


@torch.no_grad()
def test_both_take_the_original_and_share_nothing(network):
    comparators.load_original(network, copy.deepcopy(original_of(network)))
    ct, pet = (image(1, 1, *SIZE, seed=seed) for seed in range(2))
    mixed, of_ct, of_pet = (network(torch.cat(pair, dim=1)) for pair in ((ct, pet), (ct, ct), (pet, pet)))
    torch.testing.assert_close(mixed, (of_ct + of_pet) / 2)
    addresses = [parameter.data_ptr() for parameter in network.parameters()]
    assert len(set(addresses)) == len(addresses)


def test_another_size_than_the_patch_is_refused(network):
    with pytest.raises(ValueError, match=r"input is 64 x 64, .* patches of 32 x 64"):
        network(torch.zeros(1, 2, 64, 64, dtype=torch.float64))


def test_computing_blocks_again_changes_no_gradient(network):
    found = []
    network.float().train()
    for enabled in (False, True):
        network.set_activation_checkpointing(enabled)
        network.zero_grad()
        torch.manual_seed(3)  # what dropout and stochastic depth drop
        found.append(gradients(network, 2))
    for name, gradient in found[0].items():
        assert torch.equal(gradient, found[1][name])


def test_bfloat16_is_close(network):
    network.float()
    pair = image(1, 2, *SIZE, dtype=torch.float32)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        half = network(pair)
    assert half.dtype == torch.bfloat16
    with torch.no_grad():
        assert_close(half.float(), network(pair), 5e-2)
