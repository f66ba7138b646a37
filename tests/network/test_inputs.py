"""How CT, PET and neighbouring slices come in."""

import pytest
import torch

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.layers.windows import gather_windows, index_windows, split_windows
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
def test_a_stack_is_its_windows_with_copies_for_missing_neighbours():
    network, stack = nano(slices=3), image(2, 2, 3, 32, 32, dtype=torch.float32)
    ct, pet = stack.unbind(1)
    logits = network(stack)
    for i, window in enumerate(([0, 0, 1], [0, 1, 2], [1, 2, 2])):
        channels = torch.cat([ct[:, window], pet[:, window]], dim=1)
        assert_close(logits[:, :, i], network(channels), 1e-5)


@torch.no_grad()
@pytest.mark.parametrize("setting", [{}, {"sim": "input"}, {"sim": "features"}])
@pytest.mark.parametrize("slices", [3, 5])
def test_a_slice_alone_is_a_slice_between_copies_of_itself(slices, setting):
    network, alone = nano(slices=slices, **setting), image(1, 2, 1, 32, 32, dtype=torch.float32)
    copies = alone.repeat(1, 1, slices, 1, 1)
    padded = torch.zeros(1, 2, slices, 32, 32)
    padded[:, :, slices // 2] = alone[:, :, 0]
    expected = network(copies)[:, :, slices // 2]
    for logits in (
        network(alone)[:, :, 0],
        network(padded)[:, :, slices // 2],
        network(padded.flatten(1, 2)),
        network(copies.flatten(1, 2)),
    ):
        assert_close(logits, expected, 1e-5)


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


def windows_of(stack, slices):
    return gather_windows(*index_windows(stack, slices)).flatten(1).tolist()


def test_windows_of_numbered_slices():
    windows = windows_of(numbered(1, 2, 4), 3)
    assert windows == [[1, 1, 2, 5, 5, 6], [1, 2, 3, 5, 6, 7], [2, 3, 4, 6, 7, 8], [3, 4, 4, 7, 8, 8]]


def test_windows_do_not_reach_into_the_next_stack():
    windows = windows_of(numbered(2, 1, 2), 5)
    assert windows == [[1, 1, 1, 2, 2], [1, 1, 2, 2, 2], [3, 3, 3, 4, 4], [3, 3, 4, 4, 4]]


def test_slices_that_nnunet_padded_with_are_no_neighbours():
    """One before and two behind three slices; of the second the PET alone is zero, which is not padding."""
    stack = torch.zeros(1, 2, 6, 1, 1)
    stack[0, 0, 1:4, 0, 0] = torch.tensor([1.0, 2, 3])
    stack[0, 1, 1:4, 0, 0] = torch.tensor([7.0, 0, 9])
    empty = [0] * 6
    assert windows_of(stack, 3) == [empty, [1, 1, 2, 7, 7, 0], [1, 2, 3, 7, 0, 9], [2, 3, 3, 0, 9, 9], empty, empty]


def test_slices_of_zeros_are_the_same_one():
    stack = torch.zeros(1, 2, 6, 1, 1)
    stack[:, 1, 2] = 7
    planes, index = index_windows(stack, 3)
    assert len(planes) == 2
    assert len(index.unique(dim=0)) == 2, "the window around the slice, and the empty one"


@pytest.mark.parametrize(
    ("ct", "expected"),
    [
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
        ([0, 2, 3, 4, 0], [2, 2, 3, 4, 4]),
        ([0, 0, 3, 0, 0], [3, 3, 3, 3, 3]),
        ([1, 0, 3, 0, 5], [1, 3, 3, 3, 5]),
        ([1, 2, 0, 4, 5], [0, 0, 0, 0, 0]),
        ([0, 0, 0, 0, 0], [0, 0, 0, 0, 0]),
    ],
)
def test_missing_slices_of_a_window_are_the_nearest_one_towards_the_centre(ct, expected):
    window = torch.tensor([ct + [10 * value for value in ct]], dtype=torch.float32)[..., None, None]
    filled = gather_windows(*split_windows(window, 5)).flatten(1).tolist()
    assert filled == [expected + [10 * value for value in expected]]


@pytest.mark.parametrize("slices", [1, 3, 5])
def test_windows_taken_apart_and_put_together(slices):
    windows = image(2, 2 * slices, 4, 4)
    planes, index = split_windows(windows, slices)
    assert planes.shape == (2 * slices, 2, 4, 4)
    assert torch.equal(gather_windows(planes, index), windows)
