"""The files that CIPA's other backbones start from, and adapting networks that have them."""

import re

import pytest
import timm
import torch
from torchvision.models import resnet50

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.weights import (
    adapt_weights,
    export_weights,
    import_weights,
    load_cipa_release,
    load_encoder,
    load_vmamba_release,
)
from nnunet_cipa.weights.files import write_checkpoint
from nnunet_cipa.weights.table import CONVERTED
from tests.network.helpers import assert_close, image, randomise

SWIN = "swin_tiny_patch4_window7_224"


def build(backbone, variant="tiny", **more):
    torch.manual_seed(0)
    return CIPA(2, 2, patch_size=(64, 64), variant=variant, backbone=backbone, **more)


@pytest.fixture(scope="module")
def microsoft():
    """timm's Swin-T under Microsoft's names: merging is counted with the stage before, and the masks are there."""
    torch.manual_seed(1)
    network = timm.create_model(SWIN, pretrained=False).eval()
    state = {
        re.sub(r"layers\.(\d)\.downsample", lambda m: f"layers.{int(m[1]) - 1}.downsample", name): tensor
        for name, tensor in network.state_dict().items()
        if "head" not in name
    }
    index = torch.zeros(49, 49, dtype=torch.int64)
    state |= {f"layers.{stage}.blocks.0.attn.relative_position_index": index for stage in range(4)}
    return network, {**state, "head.weight": torch.zeros(1000, 768), "head.bias": torch.zeros(1000)}


@torch.no_grad()
@pytest.mark.parametrize("backbone", ["swin_t", "swin_t_shared"])
def test_swin_gives_timms_maps_where_no_window_is_padded(backbone, microsoft, tmp_path):
    theirs, state = microsoft
    torch.save({"model": state}, tmp_path / "swin.pth")
    network = build(backbone).eval()
    assert load_encoder(network, tmp_path / "swin.pth") == 169 * (2 if backbone == "swin_t" else 1)
    x = image(1, 3, 224, 224, dtype=torch.float32)
    expected = theirs.patch_embed(x)
    trunks = network.encoder.streams.values() if backbone == "swin_t" else [network.encoder.trunk]
    maps = [x for _ in trunks]
    for level in range(4):
        expected = theirs.layers[level](expected)
        for place, trunk in enumerate(trunks):
            maps[place] = trunk.run_stage(level, maps[place])
            assert_close(maps[place], expected, 1e-5)


@torch.no_grad()
def test_resnet50_takes_torchvisions_file(tmp_path):
    theirs = randomise(resnet50(weights=None))
    old = {name: tensor for name, tensor in theirs.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "resnet50.pth")
    network = build("resnet50")
    assert load_encoder(network, tmp_path / "resnet50.pth") == 265
    trunk = network.encoder.trunk.state_dict()
    assert all(torch.equal(trunk[name], tensor) for name, tensor in old.items() if not name.startswith("fc."))


@torch.no_grad()
def test_five_slices_and_sim_on_them_start_from_the_file_too(tmp_path):
    torch.save(randomise(resnet50(weights=None)).state_dict(), tmp_path / "resnet50.pth")
    three, five = build("resnet50", slices=3), build("resnet50", slices=5, sim="input")
    for network in (three, five):
        load_encoder(network, tmp_path / "resnet50.pth")
    before, after = (network.encoder.trunk.conv1.weight for network in (three, five))
    torch.testing.assert_close(1.3 * after[:, 1:4], before)
    assert not after[:, [0, 4]].any()


def test_a_file_of_another_backbone_is_refused(microsoft, tmp_path):
    torch.save(microsoft[1], tmp_path / "swin.pth")
    with pytest.raises(CIPAError, match=r"swin\.pth: the file lacks conv1\.weight"):
        load_encoder(build("resnet50"), tmp_path / "swin.pth")


@pytest.mark.parametrize("load", [load_vmamba_release, load_cipa_release])
def test_files_of_vmamba_are_refused(load):
    with pytest.raises(CIPAError, match="CIPA has the encoder ResNet50Encoder, and the file is for VMamba"):
        load(build("resnet50", "nano"), {"patch_embed.proj.weight": torch.zeros(32, 3, 4, 4)})


@torch.no_grad()
@pytest.mark.parametrize("backbone", ["resnet50", "swin_t", "swin_t_shared"])
def test_adapted_from_one_slice_a_window_begins_as_its_centre(backbone, tmp_path):
    one, three = build(backbone, "nano").eval(), build(backbone, "nano", slices=3, sim="encoder").eval()
    write_checkpoint(randomise(one).state_dict(), tmp_path / "one.pth", one.patch_size, one.slices)
    table = adapt_weights(tmp_path / "one.pth", tmp_path / "three.pth", three, {})
    assert {f"encoder.{name}" for name in three.encoder.image_layers} <= set(table.names(CONVERTED))
    three.load_state_dict(torch.load(tmp_path / "three.pth")["network_weights"])
    window = image(1, 6, 64, 64, dtype=torch.float32)
    assert_close(three(window), one(window[:, 1::3]), 1e-4)


def test_an_exported_file_comes_back(tmp_path):
    network = randomise(build("resnet50", "nano"))
    write_checkpoint(network.state_dict(), tmp_path / "trained.pth", network.patch_size, network.slices)
    export_weights(tmp_path / "trained.pth", tmp_path / "out.safetensors")
    import_weights(tmp_path / "out.safetensors", tmp_path / "back.pth")
    back = torch.load(tmp_path / "back.pth")["network_weights"]
    assert back.keys() == network.state_dict().keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in network.state_dict().items())
