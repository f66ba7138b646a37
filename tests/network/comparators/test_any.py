"""What every comparator has to do, whatever its layers are."""

import copy

import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import comparators
from tests.network.helpers import assert_all_take_part, assert_close, gradients, image

SIZE = (32, 64)
SMALL = {name: {"variant": "nano"} for name in comparators.names()}


def build(name, num_classes=2, **more):
    torch.manual_seed(0)
    return comparators.build(name, 2, num_classes, patch_size=SIZE, **{**SMALL.get(name, {}), **more})


def original_of(network):
    """Return the network's tensors under the names of the original."""
    found = {}
    for name, tensor in network.state_dict().items():
        theirs = network.original_names(name)
        whole = tensor.unflatten(0, (len(theirs), -1)) if len(theirs) > 1 else tensor[None]
        found |= dict(zip(theirs, whole, strict=True))
    return found


@pytest.fixture(params=comparators.names())
def name(request):
    return request.param


def test_one_slice_is_repeated_for_the_three_channels_of_the_encoder(name):
    one, three = build(name).eval(), build(name, slices=3).eval()
    assert one.state_dict().keys() == three.state_dict().keys()
    pair = image(2, 2, *SIZE, dtype=torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(one(pair), three(pair.repeat_interleave(3, dim=1)))


def test_each_slice_of_a_stack_is_a_centre(name):
    network = build(name, slices=3).eval()
    stack = image(1, 2, 4, *SIZE, dtype=torch.float32)
    with torch.no_grad():
        whole = network(stack)
        for z in range(1, 3):
            window = stack[:, :, z - 1 : z + 2].flatten(1, 2)
            assert_close(whole[:, :, z], network(window), 1e-5)


def test_every_parameter_takes_part(name):
    assert_all_take_part(gradients(build(name).train(), 2))


def test_the_original_goes_in_and_a_head_of_one_class_becomes_two(name):
    one, two = build(name, num_classes=1).eval(), build(name).eval()
    source = copy.deepcopy(original_of(one))
    comparators.load_original(one, source)  # of two parts that are the same original, it is in both
    pair = image(1, 2, *SIZE, dtype=torch.float32)
    comparators.load_original(two, source)
    with torch.no_grad():
        torch.testing.assert_close(two(pair).softmax(1)[:, 1:], one(pair).sigmoid())


def test_an_original_that_is_not_whole_or_of_another_size_changes_nothing(name):
    network = build(name)
    source, before = original_of(network), copy.deepcopy(network.state_dict())
    first = next(iter(source))
    for change, message in (
        ({k: v for k, v in source.items() if k != first}, f"lacks {first}"),
        (source | {"more.weight": torch.zeros(1)}, "no place for more.weight"),
        *((source | {part: torch.zeros(1, 2, 3)}, rf"{part}.* has shape .*\(1, 2, 3\)") for part in list(source)[::7]),
    ):
        with pytest.raises(CIPAError, match=message):
            comparators.load_original(network, change)
    for key, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[key])


def test_sizes_that_it_does_not_take_are_refused_and_the_next_one_is_offered(name):
    network = build(name)
    odd = (SIZE[0] + 1, SIZE[1])
    with pytest.raises(ValueError, match=r"patch_size .33, 64."):
        network(torch.zeros(1, 2, *odd))
    height, width = type(network).admit(odd)
    assert (height, width) > odd
    assert comparators.build(name, 2, 2, patch_size=(height, width), **SMALL.get(name, {})).patch_size == (
        height,
        width,
    )


def test_a_name_that_there_is_not():
    with pytest.raises(ValueError, match=r"unknown comparator 'comparator'; choose one of .*sigma"):
        comparators.build("comparator", 2, 2, patch_size=SIZE)
