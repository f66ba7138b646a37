"""Activation checkpointing changes what is kept, and nothing else."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.layers.basic import DropPath
from nnunet_cipa.network.layers.recomputing import Recomputing, keep_inputs
from tests.network.helpers import assert_close, image

SETTINGS = {
    "whole": {},
    "region 8": {"region_size": 8},
    "ablated": {"crm": False, "dcim": False},
    "sim": {"slices": 3, "sim": "input"},
    "encoder": {"slices": 3, "sim": "encoder"},
    "features": {"slices": 3, "sim": "features"},
}


def make(**switches):
    """A network in which stochastic depth drops every second branch."""
    torch.manual_seed(0)
    network = CIPA(2, 2, patch_size=(64, 32), variant="nano", **switches).train()
    for module in network.modules():
        if isinstance(module, DropPath):
            module.rate = 0.5
    return network


def both_ways(network, run):
    """Return what ``run`` gives without and with recomputing, from the same weights and random state."""
    results = []
    for enabled in (False, True):
        copied = copy.deepcopy(network)
        copied.set_activation_checkpointing(enabled)
        torch.manual_seed(1)
        results.append(run(copied))
    return results


def step(network, dtype=None):
    """Logits, gradients and buffers after one step, and where the random numbers are then."""
    x = image(2, 2 * network.slices, 64, 32, dtype=torch.float32).requires_grad_()
    with torch.autocast("cpu", dtype, enabled=dtype is not None):
        logits = network(x)
    logits.float().square().mean().backward()
    tensors = {f"gradient of {name}": p.grad for name, p in network.named_parameters()} | dict(network.named_buffers())
    return {"logits": logits.detach(), "x": x.grad, "random": torch.get_rng_state(), **tensors}


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert [name for name, tensor in one.items() if not torch.equal(tensor, other[name])] == []


def kept_bytes(network):
    """Bytes of the tensors that a forward pass keeps for the backward pass, each storage once."""
    storages = {}

    def keep(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = network(image(1, 2 * network.slices, 64, 32, dtype=torch.float32))
    assert logits.requires_grad
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    return sum(size for pointer, size in storages.items() if pointer not in weights)


@pytest.mark.parametrize("setting", SETTINGS)
def test_logits_gradients_and_statistics_are_the_same_bits(setting):
    """Stochastic depth draws at each block: gradients only agree if the second pass drops what the first did."""
    plain, recomputed = both_ways(make(**SETTINGS[setting]), step)
    assert_same(plain, recomputed)


def test_stochastic_depth_drops_and_batch_norm_counts_in_this_test():
    network = make()
    saved = network.state_dict()
    before = {name: buffer.clone() for name, buffer in network.named_buffers() if name in saved}
    found = step(network)
    assert not torch.equal(found["logits"], step(network)["logits"])
    assert all(not torch.equal(buffer, found[name]) for name, buffer in before.items())
    assert {int(buffer) for name, buffer in found.items() if name.endswith("num_batches_tracked")} == {2}


def test_under_autocast():
    plain, recomputed = both_ways(make(), lambda network: step(network, torch.bfloat16))
    assert plain["logits"].dtype == torch.bfloat16
    assert_same(plain, recomputed)


def test_blocks_are_computed_again_and_their_activations_not_kept():
    calls = []

    def count(network):
        for module in network.modules():
            if type(module).__name__ == "SS2D":
                module.register_forward_pre_hook(lambda *_: calls.append(1))
        kept = kept_bytes(network)
        step(network)
        return kept, len(calls)

    (plain, once), (recomputed, more) = both_ways(make(), count)
    scans = 5 + 3 + 4 * 2  # blocks of the encoder, of the decoder, and two scans in each DCIM
    assert once == 2 * scans
    assert more - once == 3 * scans  # twice forward, once again in the backward pass
    assert recomputed < 0.6 * plain


def test_nothing_is_computed_for_a_backward_pass_that_cannot_come(monkeypatch):
    monkeypatch.setattr("nnunet_cipa.network.layers.recomputing.checkpoint", None)
    network = make().eval()
    network.set_activation_checkpointing(True)
    with torch.no_grad():
        assert network(torch.zeros(1, 2, 64, 32)).shape == (1, 2, 64, 32)
    with pytest.raises(TypeError):
        network(torch.zeros(1, 2, 64, 32))


def test_weights_move_freely():
    one, other = make(), make()
    one.set_activation_checkpointing(True)
    assert one.state_dict().keys() == other.state_dict().keys()
    other.load_state_dict(one.state_dict())
    one.set_activation_checkpointing(False)
    assert not any(module.recompute for module in one.modules() if isinstance(module, Recomputing))


def test_no_batch_norm_in_what_is_computed_again():
    network = make()
    recomputing = [module for module in network.modules() if isinstance(module, Recomputing)]
    assert len(recomputing) == 5 + 3 + 4
    network.set_activation_checkpointing(True)
    seen = []
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(lambda *_: seen.append(1))
    step(network)
    assert len(seen) == 4 * (2 + 4)  # the stems of CT and PET in each DCIM


@pytest.mark.slow
def test_compiles_to_one_graph_that_keeps_less():
    torch._dynamo.reset()
    network = make(crm=False)
    network.set_activation_checkpointing(True)
    compiled = torch.compile(copy.deepcopy(network), fullgraph=True, backend="aot_eager")
    results = []
    for module in (network, compiled):
        torch.manual_seed(1)
        # four samples: with two, norms over few values magnify rounding to 5e-4
        logits = module(image(4, 2, 64, 32, dtype=torch.float32))
        logits.square().mean().backward()
        results.append((logits.detach(), torch.cat([p.grad.flatten() for p in module.parameters()])))
    for found, expected in zip(*results, strict=True):
        assert_close(found, expected, 1e-4)


class Normed(nn.Module):
    """A norm and a linear layer, without and with ``keep_inputs``."""

    def __init__(self, kept_whole):
        super().__init__()
        self.kept_whole = kept_whole
        self.norm = nn.LayerNorm(8)
        self.linear = nn.Linear(8, 24)

    def forward(self, x):
        return self.compute(x) if self.kept_whole else keep_inputs(self.compute, x)

    def compute(self, x):
        return self.linear(self.norm(x))


def test_the_layer_at_the_end_is_not_computed_again():
    x = image(2, 5, 8).requires_grad_()
    with FlopCounterMode(display=False) as counter:
        Normed(kept_whole=False).double()(x).sum().backward()
    assert counter.get_total_flops() == 3 * 2 * (10 * 8 * 24)  # forward, for the input and for the weight


def test_the_norm_is_kept_once():
    x = image(64, 8, dtype=torch.float32)
    outputs, kept = [], []
    for kept_whole in (True, False):
        torch.manual_seed(0)
        module, storages = Normed(kept_whole), {}
        pointers = {p.untyped_storage().data_ptr() for p in module.parameters()}

        def keep(tensor, storages=storages):
            storages[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            y = module(x)
        y.square().sum().backward()
        outputs.append([y.detach(), *(p.grad for p in module.parameters())])
        kept.append(sum(t.untyped_storage().nbytes() for key, t in storages.items() if key not in pointers))
    assert all(torch.equal(one, other) for one, other in zip(*outputs, strict=True))
    assert kept[0] > 2 * x.nbytes
    assert kept[1] == x.nbytes


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_keeping_inputs_changes_no_bit(dtype, monkeypatch):
    network = make()
    results = []
    for place in ("recomputed", "kept"):
        if place == "kept":
            for module in ("encoder", "crm", "decoder"):
                monkeypatch.setattr(
                    f"nnunet_cipa.network.cipa.{module}.keep_inputs", lambda part, *inputs: part(*inputs)
                )
        torch.manual_seed(1)
        copied = copy.deepcopy(network)
        results.append({**step(copied, dtype), "kept": torch.tensor(kept_bytes(copied))})
    recomputed, kept = results
    assert recomputed.pop("kept") < 0.97 * kept.pop("kept")
    assert_same(recomputed, kept)
