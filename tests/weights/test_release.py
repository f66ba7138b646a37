"""Loading the released CIPA weights."""

import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network.cipa.names import released_name
from nnunet_cipa.weights import load_cipa_release
from nnunet_cipa.weights.table import CONVERTED, INITIAL, LOADED, RESAMPLED, UNUSED
from tests.weights.conftest import build

HEAD = "decode_head.output.weight"


def copy_of(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def assert_unchanged(network, before):
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_tensors_arrive(released):
    network = build()
    table = load_cipa_release(network, released)
    state = network.state_dict()
    pairs = {
        "encoder.stages.2.blocks.1.ss2d.conv.weight": "backbone.vssm.layers.2.blocks.1.op.conv2d.weight",
        "fusions.1.crm.embed.weight": "backbone.cross_mamba.1.channel_weights.mlp.1.weight",
        "fusions.2.dcim.pet_stem.7.running_var": "backbone.region_patch.2.outer_convs.7.running_var",
        "decoder.norm.bias": "decode_head.norm_up.bias",
    }
    assert all(torch.equal(state[ours], released[theirs]) for ours, theirs in pairs.items())
    assert len(table.names(LOADED)) == len(released) - 1
    assert table.names(CONVERTED) == ["decoder.head.weight"]
    assert table.names(INITIAL) == table.names(RESAMPLED) == table.names(UNUSED) == []


@torch.no_grad()
def test_softmax_of_two_classes_equals_sigmoid_of_one():
    one, two = build(num_classes=1).eval(), build(num_classes=2).eval()
    load_cipa_release(two, {released_name(name): tensor for name, tensor in one.state_dict().items()})
    x = torch.randn(1, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(two(x).softmax(1)[:, 1:], one(x).sigmoid())


def test_a_head_of_three_classes_keeps_its_initial_value_and_the_table_says_so(released):
    network = build(num_classes=3)
    head = network.decoder.head.weight.clone()
    table = load_cipa_release(network, released)
    assert torch.equal(network.decoder.head.weight, head)
    assert table.names(INITIAL) == ["decoder.head.weight"]
    assert "the file has 1 class(es), the network 3" in str(table)


def test_surplus_tensors_are_listed(released):
    table = load_cipa_release(build(), released | {"aux.weight": torch.ones(1), "another": torch.ones(2)})
    assert table.names(UNUSED) == ["aux.weight", "another"]


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("backbone.vssm.outnorm1.bias", None, r"lacks backbone.vssm.outnorm1.bias of shape \(64,\)"),
        ("backbone.vssm.outnorm1.bias", torch.ones(65), r"outnorm1.bias has shape \(65,\) in the file and \(64,\)"),
        ("backbone.vssm.outnorm1.bias", torch.ones(64, dtype=torch.int64), "outnorm1.bias is torch.int64"),
        (HEAD, torch.ones(1, 31, 1, 1), r"has shape \(1, 31, 1, 1\)"),
        (HEAD, torch.tensor(1.0), r"has shape \(\)"),
        (
            "backbone.cross_mamba.0.channel_weights.mlp.1.weight",
            torch.ones(32, 250),
            r"has shape \(32, 250\) in the file and \(32, 256\).*not of a square patch",
        ),
        ("backbone.cross_mamba.0.channel_weights.mlp.1.weight", torch.ones(31, 64), r"has shape \(31, 64\)"),
    ],
    ids=["missing", "shape", "type", "width of the head", "scalar head", "not square", "width of CRM"],
)
def test_refusals_leave_the_network_as_it_was(released, tmp_path, name, tensor, message):
    if tensor is None:
        del released[name]
    else:
        released[name] = tensor
    network = build()
    before = copy_of(network)
    with pytest.raises(CIPAError, match=message):
        load_cipa_release(network, released)
    torch.save({"model": released}, tmp_path / "released.pth")
    with pytest.raises(CIPAError, match=rf"released\.pth: .*{message}"):
        load_cipa_release(network, tmp_path / "released.pth")
    assert_unchanged(network, before)


def test_a_state_dict_is_not_changed(released):
    names = list(released)
    load_cipa_release(build(), released)
    assert list(released) == names
    assert len(released[HEAD]) == 1
