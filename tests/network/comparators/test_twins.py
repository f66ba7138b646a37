"""Comparators that are two networks, one for CT and one for PET."""

import copy

import pytest
import torch

from nnunet_cipa.network import comparators
from tests.network.comparators.test_any import SIZE, build, original_of
from tests.network.helpers import image, randomise


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
