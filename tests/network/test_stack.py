"""CIPAStack: the scan along z against a loop, and a stack against its slices, its padding and its parts."""

import copy
import math

import numpy as np
import pytest
import torch

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.stack.network import CIPAStack
from nnunet_cipa.network.stack.scan import REACH_MM, StackScan
from tests.network.helpers import WIDE, arrays, assert_all_take_part, assert_close, image, randomise

SIZE = (32, 32)


def nano(patch_size=SIZE, **switches):
    """A network whose gates are open."""
    torch.manual_seed(0)
    return randomise(CIPAStack(2, 2, patch_size=patch_size, variant="nano", spacing_z=3.0, **switches)).eval()


def stack_of(depth, batch=1, size=SIZE):
    return image(batch, 2, depth, *size, dtype=torch.float32)


def scan_by_hand(x, positions, spacing, state):
    """What StackScan documents, slice by slice and position by position, for x (D, H, W, C)."""
    norm = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    tokens = norm * state["norm.weight"] + state["norm.bias"]
    channels, rank = x.shape[-1], state["ssm.dt_projs_weight"].shape[2]
    total = np.zeros_like(x)
    for direction, order in ((0, range(len(x))), (1, reversed(range(len(x))))):
        projection = state["ssm.x_proj_weight"][direction]
        states = (len(projection) - rank) // 2
        a = -1 - np.exp(state["ssm.A_logs"][direction * channels : (direction + 1) * channels])
        skip = state["ssm.Ds"][direction * channels : (direction + 1) * channels]
        h, before = np.zeros((*x.shape[1:], states)), None
        for z in order:
            low, b, c = np.split(tokens[z] @ projection.T, [rank, rank + states], axis=-1)
            raw = low @ state["ssm.dt_projs_weight"][direction].T + state["ssm.dt_projs_bias"][direction]
            millimetres = spacing * (1 if before is None else abs(positions[z] - positions[before]))
            dt = millimetres / 3 * (np.log1p(np.exp(raw)) + 3 / 30)
            held = dt[..., None] * b[..., None, :] * tokens[z][..., None]
            h = np.exp(dt[..., None] * a) * h + held
            total[z] += (h * c[..., None, :]).sum(-1) + skip * tokens[z]
            before = z
    return x + state["gate"] * (total @ state["out_proj.weight"].T)


@torch.no_grad()
@pytest.mark.parametrize("spacing", [3.0, 1.25])
@pytest.mark.parametrize("positions", [[0], [0, 1, 2, 3], [2, 3, 7]])
def test_the_scan_is_its_loop_with_distances_in_mm(spacing, positions):
    torch.manual_seed(0)
    layer = randomise(StackScan(16, 3, spacing).double())
    x = image(len(positions), 2, 3, 16)
    expected = scan_by_hand(x.numpy(), positions, spacing, arrays(layer))
    assert_close(layer(x, torch.tensor(positions, dtype=torch.float64)), expected, 1e-10)
    assert not np.allclose(expected, x, atol=0.05)


@torch.no_grad()
@pytest.mark.parametrize("spacing", [3.0, 1.0])
def test_a_slice_is_forgotten_over_the_reach_whatever_is_learned(spacing):
    """With the slowest decay that there can be, the influence of the first slice falls by exp(-distance / reach)."""
    torch.manual_seed(0)
    layer = StackScan(16, 4, spacing).double()
    layer.gate.fill_(1)
    layer.ssm.A_logs.fill_(-100)
    layer.ssm.dt_projs_bias.fill_(-100)
    x = image(1, 2, 2, 16).repeat(40, 1, 1, 1)
    other = torch.cat([image(1, 2, 2, 16, seed=1), x[1:]])
    positions = torch.arange(40.0)
    influence = (layer(other, positions) - layer(x, positions))[1:].flatten(1).norm(dim=1)
    expected = influence[0] * torch.exp(-torch.arange(39.0) * spacing / REACH_MM)
    torch.testing.assert_close(influence, expected.double(), rtol=1e-6, atol=0)
    assert influence[0] > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("backbone", ["vmamba", "resnet50", "swin_t", "swin_t_shared"])
def test_a_new_network_has_the_logits_of_single_slices_bit_for_bit(backbone):
    torch.manual_seed(0)
    plain = randomise(CIPA(2, 2, patch_size=SIZE, variant="nano", backbone=backbone)).eval()
    network = CIPAStack(2, 2, patch_size=SIZE, variant="nano", backbone=backbone, spacing_z=2.0).eval()
    left = network.load_state_dict(plain.state_dict(), strict=False)
    assert left.unexpected_keys == []
    assert all(name.startswith("stack_scans.") for name in left.missing_keys)
    stack = stack_of(5, batch=2)
    stack[0, :, 2] = 0
    stack[1, :, 3:] = 0
    for x in (stack, stack[:, :, 0]):
        if backbone == "resnet50":  # whose features lie in another order in memory, which copies of them do not keep
            assert_close(network(x), plain(x), 1e-5)
        else:
            assert torch.equal(network(x), plain(x))
    network.stack_scans[1]["PET"].gate.fill_(0.5)
    assert not torch.equal(network(stack), plain(stack))


@torch.no_grad()
def test_a_stack_of_one_slice_is_that_slice():
    network, stack = nano(), stack_of(1, batch=2)
    assert_close(network(stack)[:, :, 0], network(stack[:, :, 0]), 1e-6)


@torch.no_grad()
def test_padding_and_other_stacks_of_a_batch_change_nothing():
    network, stack = nano(), stack_of(4)
    alone = network(stack)
    batch = torch.zeros(2, 2, 9, *SIZE)
    batch[0, :, 3:7] = stack[0]
    batch[1, :, 1:] = stack_of(8)[0].flip(1)
    assert_close(network(batch)[:1, :, 3:7], alone, 1e-6)


@torch.no_grad()
def test_a_slice_that_is_missing_between_others_is_a_distance():
    """Nothing is scanned in its place, so that the stack is that of slices further apart."""
    network, stack = nano(), stack_of(3)
    apart = torch.zeros(1, 2, 5, *SIZE)
    apart[:, :, ::2] = stack
    twice = CIPAStack(2, 2, patch_size=SIZE, variant="nano", spacing_z=6.0).eval()
    twice.load_state_dict(network.state_dict())
    # The first slice of a scan holds its input over one distance of the network's.
    assert_close(network(apart)[:, :, ::2], twice(stack), 0.2)
    assert not np.allclose(network(apart)[:, :, ::2], network(stack), atol=1e-3)


@torch.no_grad()
def test_a_part_of_a_stack_with_context_is_the_whole():
    """The bound of docs/architecture.md: slices beyond z mm change logits by less than exp(-z / 30 mm) deviations."""
    network, stack = nano(), stack_of(64)
    whole = network(stack)[:, :, :4]
    for context in (1, 5, 10, 20, 40):
        difference = (network(stack[:, :, : 4 + context])[:, :, :4] - whole).abs().max()
        assert difference < whole.std() * math.exp(-3.0 * context / REACH_MM)
        assert difference > 0.1 or context > 5


@torch.no_grad()
def test_few_planes_and_rows_at_a_time_are_all_at_once(monkeypatch):
    network, stack = nano((64, 64)), stack_of(5, size=(64, 64))
    whole = network(stack)
    monkeypatch.setattr("nnunet_cipa.network.petct.PIXELS_AT_ONCE", 2 * 64 * 64)
    monkeypatch.setattr("nnunet_cipa.network.stack.scan.VALUES_AT_ONCE", 1000)
    assert_close(network(stack), whole, 1e-6)


@torch.no_grad()
def test_each_slice_is_encoded_once():
    network, stack = nano(), torch.zeros(1, 2, 9, *SIZE)
    stack[:, :, 1:5] = stack_of(4)
    encoded = []
    network.encoder.register_forward_pre_hook(lambda _, inputs: encoded.append(len(inputs[0])))
    network(stack)
    assert sum(encoded) == 2 * (4 + 1)  # CT and PET, and the padding once


def gradients_of(network, stack):
    torch.manual_seed(0)
    logits = network(stack)
    (logits - image(*logits.shape, seed=1, dtype=torch.float32)).square().mean().backward()
    return {name: parameter.grad for name, parameter in network.named_parameters()}


def test_every_parameter_takes_part():
    assert_all_take_part(gradients_of(nano(WIDE[4]), stack_of(3, size=WIDE[4])))


def test_every_parameter_takes_part_in_training_on_a_patch_of_zeros():
    found = gradients_of(nano().train(), torch.zeros(1, 2, 3, *SIZE))
    assert [name for name, gradient in found.items() if gradient is None] == []


def test_activation_checkpointing_changes_no_gradient():
    stack = stack_of(3)
    kept = gradients_of(nano().train(), stack)
    network = nano().train()
    network.set_activation_checkpointing(True)
    again = gradients_of(network, stack)
    assert all(torch.equal(again[name], gradient) for name, gradient in kept.items())


def test_bfloat16_autocast_stays_close():
    network, stack = nano(), stack_of(3)
    expected = network(stack).detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(stack)
    assert_close(logits.detach().float(), expected, 3e-2)
    logits.float().square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_the_scan_compiles_to_one_graph():
    torch.manual_seed(0)
    layer, x = randomise(StackScan(16, 3, 3.0)), image(3, 4, 4, 16, dtype=torch.float32)
    compiled = torch.compile(copy.deepcopy(layer), fullgraph=True, backend="aot_eager")
    for module in (layer, compiled):
        module(x, torch.arange(3.0)).square().mean().backward()
    for expected, found in zip(layer.parameters(), compiled.parameters(), strict=True):
        assert_close(found.grad, expected.grad, 1e-5)


@pytest.mark.parametrize(
    ("switches", "match"),
    [
        ({"spacing_z": 0.0}, "spacing_z is 0.0; it has to be a distance in mm"),
        ({"spacing_z": math.inf}, "spacing_z is inf"),
        ({"spacing_z": 3.0, "slices": 3}, "slices is 3; choose one of 1"),
        ({"spacing_z": 3.0, "sim": "features"}, "sim is 'features'; the slices of a stack"),
    ],
)
def test_what_has_no_meaning_is_refused(switches, match):
    with pytest.raises(ValueError, match=match):
        CIPAStack(2, 2, patch_size=SIZE, variant="nano", **switches)
