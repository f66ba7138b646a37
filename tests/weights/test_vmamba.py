"""Loading VMamba's ImageNet weights, and the encoder of an imported file."""

import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.weights import load_encoder, load_vmamba_release
from nnunet_cipa.weights.files import write_checkpoint
from nnunet_cipa.weights.table import INITIAL, LOADED, UNUSED
from tests.weights.conftest import build

PAIRS = {
    "encoder.patch_embed.proj.0.bias": "patch_embed.proj.bias",
    "encoder.stages.0.blocks.0.norm.weight": "layers.0.blocks.0.ln_1.weight",
    "encoder.stages.2.blocks.1.ss2d.ssm.Ds": "layers.2.blocks.1.self_attention.Ds",
    "encoder.stages.2.blocks.1.ss2d.conv.bias": "layers.2.blocks.1.self_attention.conv2d.bias",
    "encoder.stages.3.blocks.0.ss2d.out_norm.bias": "layers.3.blocks.0.self_attention.out_norm.bias",
    "encoder.merges.1.reduction.weight": "layers.1.downsample.reduction.weight",
}
CLASSIFIER = ["classifier.norm.weight", "classifier.norm.bias", "classifier.head.weight", "classifier.head.bias"]


def clones(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("from_file", [False, True])
def test_encoder_is_loaded_and_the_rest_keeps_its_values(vmamba, tmp_path, from_file):
    network = build()
    before = clones(network)
    source = tmp_path / "vmamba.pth"
    torch.save({"model": vmamba}, source)
    table = load_vmamba_release(network, source if from_file else vmamba)
    state = network.state_dict()
    assert all(torch.equal(state[ours], vmamba[theirs]) for ours, theirs in PAIRS.items())
    output_norms = {f"encoder.stages.{level}.out_norm.{part}" for level in range(4) for part in ("weight", "bias")}
    kept = {name for name in state if not name.startswith("encoder.")} | output_norms
    assert set(table.names(INITIAL)) == kept
    assert all(torch.equal(state[name], before[name]) for name in kept)
    assert set(table.names(LOADED)) == state.keys() - kept
    assert not any(torch.equal(state[name], before[name]) for name in table.names(LOADED))
    assert table.names(UNUSED) == CLASSIFIER
    assert f"tensors: {len(vmamba) - 4} loaded, {len(kept)} initial, 4 unused" in str(table)


def test_missing_and_misshapen(vmamba, tmp_path):
    network = build()
    before = clones(network)
    name = "layers.1.blocks.0.ln_1.weight"
    with pytest.raises(CIPAError, match=rf"the file lacks {name}"):
        load_vmamba_release(network, {key: value for key, value in vmamba.items() if key != name})
    torch.save(vmamba | {name: torch.ones(65)}, tmp_path / "vmamba.pth")
    with pytest.raises(CIPAError, match=rf"vmamba\.pth: {name} has shape \(65,\) in the file and \(64,\)"):
        load_vmamba_release(network, tmp_path / "vmamba.pth")
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())


def test_encoder_of_an_imported_file(tmp_path):
    torch.manual_seed(1)
    source = CIPA(2, 3, patch_size=(64, 64), variant="nano")
    write_checkpoint(source.state_dict(), tmp_path / "w.pth")
    network = build(patch_size=(96, 32), dcim=False)
    before = clones(network)
    expected = {f"encoder.{name}": tensor for name, tensor in source.encoder.state_dict().items()}
    assert load_encoder(network, tmp_path / "w.pth") == len(expected)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, expected.get(name, before[name]))
    assert not torch.equal(before["encoder.merges.0.reduction.weight"], expected["encoder.merges.0.reduction.weight"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: {"decoder.norm.weight": torch.ones(32)},
            "lacks encoder.* make the file with 'nnunet-cipa weights",
        ),
        (lambda state: state | {"encoder.merges.0.norm.bias": torch.ones(3)}, r"has shape \(3,\), this variant needs"),
    ],
    ids=["other names", "other variant"],
)
def test_encoder_that_does_not_fit(tmp_path, change, message):
    network = build()
    before = clones(network)
    write_checkpoint(change(dict(before)), tmp_path / "w.pth")
    with pytest.raises(CIPAError, match=rf"w\.pth: .*{message}"):
        load_encoder(network, tmp_path / "w.pth")
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
