"""``weights import`` of ResNet-50 and Swin-T, as torchvision, timm and Microsoft name their tensors."""

import re
from functools import partial

import pytest
import timm
import torch
from torchvision.models import resnet50, resnet101, swin_t
from torchvision.models.feature_extraction import create_feature_extractor

from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA, comparators
from nnunet_cipa.network.cipa.backbones import build_encoder
from nnunet_cipa.weights import import_weights, load_encoder
from nnunet_cipa.weights.files import read_checkpoint
from nnunet_cipa.weights.table import LOADED, UNUSED
from tests.network.helpers import image, randomise

SIDE = 224  # all windows of Swin are whole, where timm and torchvision agree


def torchvision_resnet():
    network = randomise(resnet50(weights=None)).eval()
    return network, create_feature_extractor(network, [f"layer{stage}" for stage in range(1, 5)])


def timm_resnet():
    network = randomise(timm.create_model("resnet50", pretrained=False)).eval()
    return network, lambda x: dict(enumerate(network.forward_intermediates(x, [1, 2, 3, 4], intermediates_only=True)))


def torchvision_swin():
    network = randomise(swin_t(weights=None)).eval()
    return network, create_feature_extractor(network, [f"features.{stage}" for stage in (1, 3, 5, 7)])


def timm_swin():
    network = randomise(timm.create_model("swin_tiny_patch4_window7_224", pretrained=False)).eval()
    intermediates = partial(network.forward_intermediates, indices=[0, 1, 2, 3], intermediates_only=True)
    return network, lambda x: {level: found.permute(0, 2, 3, 1) for level, found in enumerate(intermediates(x))}


def trunk_maps(encoder, x):
    """The maps of each stage, as the libraries have them, of what the encoder is made of."""
    if hasattr(encoder, "projections"):
        for name, layer in encoder.trunk.named_children():
            x = layer(x)
            if name.startswith("layer"):
                yield x
        return
    trunk = encoder.trunk if hasattr(encoder, "trunk") else encoder.streams["PET"]
    for level in range(4):
        x = trunk.run_stage(level, x)
        yield x


CASES = {
    "resnet50 of torchvision": (torchvision_resnet, "resnet50", 265, None),
    "resnet50 of timm": (timm_resnet, "resnet50", 265, None),
    "swin_t of torchvision": (torchvision_swin, "swin_t", 2 * 169, None),
    "swin_t_shared of timm": (timm_swin, "swin_t_shared", 169, "swin_t_shared"),
}


@torch.no_grad()
@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_features_are_those_of_the_library(case, tmp_path):
    make, backbone, count, asked = CASES[case]
    theirs, features = make()
    torch.save({"model": theirs.state_dict()}, tmp_path / "theirs.pth")
    table = import_weights(tmp_path / "theirs.pth", tmp_path / "out.pth", (64, 64), backbone=asked)
    assert len(table.names(LOADED)) == count
    classifier = re.compile(r"(fc|head|norm)\.|.*(index|attn_mask|num_batches_tracked)$")
    assert all(classifier.match(name) for name in table.names(UNUSED))
    encoder = build_encoder(backbone, "tiny", 3).eval()
    weights = read_checkpoint(tmp_path / "out.pth").weights.items()
    encoder.load_state_dict(
        {name[len("encoder.") :]: tensor for name, tensor in weights if name.startswith("encoder.")}
    )
    x = image(1, 3, SIDE, SIDE, dtype=torch.float32)
    expected = list(features(x).values())
    assert len(expected) == 4
    for ours, those in zip(trunk_maps(encoder, x), expected, strict=True):
        torch.testing.assert_close(ours, those, rtol=1e-4, atol=1e-4 * float(those.abs().max()))


@pytest.mark.parametrize("make", [torchvision_swin, timm_swin])
def test_swin_unet_takes_both_names_too(make, tmp_path):
    theirs, _ = make()
    torch.save(theirs.state_dict(), tmp_path / "swin.pth")
    network = comparators.build("swin_unet", 2, 2, patch_size=(SIDE, SIDE))
    load_encoder(network, tmp_path / "swin.pth")
    norm, merging = {
        torchvision_swin: ("features.3.1.norm2.weight", "features.4.reduction.weight"),
        timm_swin: ("layers.1.blocks.1.norm2.weight", "layers.2.downsample.reduction.weight"),
    }[make]
    state = theirs.state_dict()
    for encoder in network.encoder.values():
        assert torch.equal(encoder.stages[1][1].norm2.weight, state[norm])
        assert torch.equal(encoder.merges[1].reduction.weight, state[merging])


def write(tmp_path, network, edit=lambda state: state):
    path = tmp_path / "source.pth"
    torch.save(edit(network.state_dict()), path)
    return path


def refuse(source, tmp_path, message, **more):
    with pytest.raises(CIPAError, match=message):
        import_weights(source, tmp_path / "out.pth", (64, 64), **more)
    assert not (tmp_path / "out.pth").exists()


def test_a_larger_network_of_the_same_names_is_refused(tmp_path):
    source = write(tmp_path, resnet101(weights=None))
    message = r"source\.pth: has layer3\.6\.conv1\.weight, for which the backbone has no place; it is of a larger"
    refuse(source, tmp_path, message)
    with pytest.raises(CIPAError, match=message):
        load_encoder(CIPA(2, 2, patch_size=(64, 64), backbone="resnet50"), source)


def test_a_damaged_file_is_refused(tmp_path):
    source = write(tmp_path, resnet50(weights=None), lambda state: state | {"bn1.bias": torch.ones(3)})
    refuse(source, tmp_path, r"source\.pth: bn1\.bias has shape \(3,\) in the file and \(64,\) in the network")


def test_another_backbone_than_the_files_is_refused(tmp_path, vmamba):
    source = write(tmp_path, resnet50(weights=None))
    message = r"source\.pth: is not a file for backbone 'swin_t'; give one of Swin-T, or leave the backbone out"
    refuse(source, tmp_path, message, backbone="swin_t")
    torch.save(vmamba, source)
    refuse(source, tmp_path, message, backbone="swin_t")


def test_the_command_takes_the_backbone(tmp_path, capsys):
    source, out = write(tmp_path, swin_t(weights=None)), tmp_path / "out.pth"
    command = ["weights", "import", str(source), str(out), "--patch-size", "64", "64", "--backbone", "swin_t_shared"]
    assert main(command) == 0
    *_, tensors, written = capsys.readouterr().out.splitlines()
    assert tensors.startswith("tensors: 169 loaded")
    assert written == f"written: {out}"
    weights = read_checkpoint(out).weights
    assert torch.equal(weights["encoder.trunk.features.5.3.mlp.3.bias"], torch.load(source)["features.5.3.mlp.3.bias"])
