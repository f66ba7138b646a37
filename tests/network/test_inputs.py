"""How CT, PET and neighbouring slices come in."""

import pytest
import torch

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.windows import gather_windows, index_windows, split_windows
from tests.network.helpers import assert_close, image, randomise


def nano(**switches):
    torch.manual_seed(0)
    return randomise(CIPA(2, 2, patch_size=(32, 32), variant="nano", **switches)).eval()


@torch.no_grad()
def test_a_stack_is_its_slices_one_by_one():
    network, stack = nano(), image(2, 2, 3, 32, 32, dtype=torch.float32)
    logits = network(stack)
    assert logits.shape == (2, 2, 3, 32, 32)
    for i in range(3):
        assert_close(logits[:, :, i], network(stack[:, :, i]), 1e-5)


@torch.no_grad()
def test_a_stack_is_its_windows_with_missing_neighbours_zero():
    network, stack = nano(slices=3), image(2, 2, 3, 32, 32, dtype=torch.float32)
    ct, pet = stack.unbind(1)
    zero = torch.zeros_like(ct[:, 0])
    windows = [
        [zero, ct[:, 0], ct[:, 1], zero, pet[:, 0], pet[:, 1]],
        [ct[:, 0], ct[:, 1], ct[:, 2], pet[:, 0], pet[:, 1], pet[:, 2]],
        [ct[:, 1], ct[:, 2], zero, pet[:, 1], pet[:, 2], zero],
    ]
    logits = network(stack)
    for i, window in enumerate(windows):
        assert_close(logits[:, :, i], network(torch.stack(window, dim=1)), 1e-5)


@torch.no_grad()
def test_a_stack_of_one_slice():
    network, ct_pet = nano(slices=3), image(1, 2, 1, 32, 32, dtype=torch.float32)
    window = torch.zeros(1, 6, 32, 32)
    window[:, 1], window[:, 4] = ct_pet[:, 0, 0], ct_pet[:, 1, 0]
    assert_close(network(ct_pet)[:, :, 0], network(window), 1e-5)


@torch.no_grad()
def test_one_slice_is_three_copies_of_it():
    x = image(2, 2, 32, 32, dtype=torch.float32)
    one, three = nano(slices=1), nano(slices=3)
    assert torch.equal(one(x), three(x.repeat_interleave(3, dim=1)))


@torch.no_grad()
@pytest.mark.parametrize("slices", [1, 3])
def test_modalities_name_the_order_of_the_channels(slices):
    x = image(1, 2 * slices, 32, 32, dtype=torch.float32)
    swapped = torch.cat(x.chunk(2, dim=1)[::-1], dim=1)
    ct_first, pet_first = nano(slices=slices), nano(slices=slices, modalities=["PET", "CT"])
    assert torch.equal(ct_first(x), pet_first(swapped))
    assert not torch.equal(ct_first(x), pet_first(x))


def numbered(*shape):
    return torch.arange(1.0, 1 + torch.Size(shape).numel()).reshape(*shape, 1, 1)


def test_windows_of_numbered_slices():
    planes, index = index_windows(numbered(1, 2, 4), 3)
    windows = gather_windows(planes, index).flatten(1).tolist()
    assert windows == [[0, 1, 2, 0, 5, 6], [1, 2, 3, 5, 6, 7], [2, 3, 4, 6, 7, 8], [3, 4, 0, 7, 8, 0]]


def test_windows_do_not_reach_into_the_next_stack():
    planes, index = index_windows(numbered(2, 1, 2), 5)
    windows = gather_windows(planes, index).flatten(1).tolist()
    assert windows == [[0, 0, 1, 2, 0], [0, 1, 2, 0, 0], [0, 0, 3, 4, 0], [0, 3, 4, 0, 0]]


def test_slices_of_zeros_are_the_same_one():
    stack = torch.zeros(1, 2, 6, 1, 1)
    stack[:, 1, 2] = 7
    planes, index = index_windows(stack, 3)
    assert len(planes) == 2
    assert len(index.unique(dim=0)) == 4, "three windows that hold the slice, and the empty one"
    pet = gather_windows(planes, index)[:, 3:].flatten(1).tolist()
    assert pet == [[0, 0, 0], [0, 0, 7], [0, 7, 0], [7, 0, 0], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("slices", [1, 3, 5])
def test_windows_taken_apart_and_put_together(slices):
    windows = image(2, 2 * slices, 4, 4)
    planes, index = split_windows(windows, slices)
    assert planes.shape == (2 * slices, 2, 4, 4)
    assert torch.equal(gather_windows(planes, index), windows)
