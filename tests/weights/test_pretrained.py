"""Encoders of comparators from files of elsewhere."""

import pytest
import timm
import torch
from timm.models.convnext import checkpoint_filter_fn

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import comparators
from nnunet_cipa.weights import load_encoder, load_pretrained_encoder
from tests.data.comparators.fixture import reference_weights

SIZE = (32, 64)


def assert_same(module, other):
    expected = other.state_dict()
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, expected[name])


@pytest.fixture(scope="module")
def convnext():
    """ConvNeXt's own names and shapes, from those of AsymFormer's tensors, whose layers keep theirs; a classifier."""
    state = {"norm.weight": torch.rand(768), "norm.bias": torch.rand(768)}
    state |= {"head.weight": torch.rand(10, 768), "head.bias": torch.rand(10)}
    for name, array in reference_weights("AsymFormer").items():
        block, _, rest = name.partition(".")
        stage = int(block[-1]) - 1 if block.startswith("down_sample_") else None
        if rest.startswith("rgb_stem."):
            state[f"downsample_layers.{stage}.{rest[9:]}"] = torch.from_numpy(array)
        elif rest.startswith("rgb_layer."):
            state[f"stages.{stage}.{rest[10:]}"] = torch.from_numpy(array)
    return state


@pytest.fixture(scope="module")
def dformer():
    state = {name: torch.from_numpy(array) for name, array in reference_weights("DFormer").items()}
    return {name: tensor for name, tensor in state.items() if name.startswith("backbone.")}


def test_ct_of_asymformer_is_the_convnext_that_timm_makes_of_the_file(convnext, tmp_path):
    theirs = timm.create_model("convnext_tiny", num_classes=10).eval()
    theirs.load_state_dict(checkpoint_filter_fn(convnext, theirs))
    network = comparators.build("asymformer", 2, 2, patch_size=SIZE).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.save({"model": convnext}, tmp_path / "convnext.pth")
    assert load_encoder(network, tmp_path / "convnext.pth") == len(convnext) - 4 == 178
    image = torch.randn(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        last, expected = network.encoder.ct(image)[-1], theirs.stages(theirs.stem(image))
    assert torch.equal(last, expected)
    for name, tensor in network.state_dict().items():
        assert name.startswith("encoder.ct.") or torch.equal(tensor, before[name])


@pytest.mark.parametrize("prefix", ["", "module.backbone."])
def test_dformers_encoder_is_the_one_of_the_original(dformer, prefix, tmp_path):
    state = {name.replace("backbone.", prefix): tensor for name, tensor in dformer.items()}
    state["head.weight"] = torch.zeros(10, 576)
    torch.save({"state_dict": {"other": torch.zeros(1)}, "state_dict_ema": state}, tmp_path / "dformer.pth.tar")
    network, whole = (comparators.build("dformer", 2, 2, patch_size=SIZE) for _ in range(2))
    comparators.load_original(whole, {k: torch.from_numpy(v) for k, v in reference_weights("DFormer").items()})
    head = network.decoder.head.weight.clone()
    assert load_encoder(network, tmp_path / "dformer.pth.tar") == len(dformer) == 1006
    assert_same(network.encoder, whole.encoder)
    assert torch.equal(network.decoder.head.weight, head)


def test_the_table_tells_what_starts_as_new_and_what_is_not_used(convnext):
    network = comparators.build("asymformer", 2, 2, patch_size=SIZE)
    table = load_pretrained_encoder(network, convnext)
    assert table.names("unused") == ["norm.weight", "norm.bias", "head.weight", "head.bias"]
    assert len(table.names("loaded")) == 178
    assert not any(name.startswith("encoder.ct.") for name in table.names("initial"))


def test_a_file_that_does_not_fit_changes_nothing(convnext, tmp_path):
    network = comparators.build("asymformer", 2, 2, patch_size=SIZE)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.save({"model": convnext | {"stages.2.8.gamma": torch.ones(3)}}, tmp_path / "w.pth")
    with pytest.raises(CIPAError, match=r"w\.pth: stages\.2\.8\.gamma has shape \(3,\)"):
        load_encoder(network, tmp_path / "w.pth")
    torch.save({"model": {"fc.weight": torch.ones(3)}}, tmp_path / "w.pth")
    with pytest.raises(CIPAError, match=r"w\.pth: the file lacks downsample_layers\.0\.0\.weight"):
        load_encoder(network, tmp_path / "w.pth")
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_a_checkpoint_of_this_package_goes_in_too(tmp_path):
    source = comparators.build("dformer", 2, 3, patch_size=SIZE, variant="nano")
    torch.save({"network_weights": source.state_dict()}, tmp_path / "w.pth")
    network = comparators.build("dformer", 2, 2, patch_size=SIZE, variant="nano")
    assert load_encoder(network, tmp_path / "w.pth") == len(source.encoder.state_dict())
    assert_same(network.encoder, source.encoder)


def test_a_network_without_such_a_file_says_what_it_takes(tmp_path):
    torch.save({"model": {"fc.weight": torch.ones(3)}}, tmp_path / "w.pth")
    network = comparators.build("sigma", 2, 2, patch_size=SIZE, variant="nano")
    with pytest.raises(CIPAError, match=r"w\.pth: lacks encoder.* make the file with 'nnunet-cipa weights import'"):
        load_encoder(network, tmp_path / "w.pth")
