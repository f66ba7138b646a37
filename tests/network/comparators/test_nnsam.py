"""nnSAM against stock nnU-Net and timm's TinyViT, of which it is made, and against published sizes."""

import timm
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import nn

from nnunet_cipa.network import comparators
from nnunet_cipa.network.comparators.nnsam import NnSAM
from tests.network.comparators.test_any import build
from tests.network.helpers import image, randomise

WIDTHS = [min(32 * 2**stage, 512) for stage in range(8)]  # nnU-Net's plan for 512 x 512


def stock(widths, num_classes=2):
    return PlainConvUNet(
        input_channels=6,
        n_stages=len(widths),
        features_per_stage=widths,
        conv_op=nn.Conv2d,
        kernel_sizes=3,
        strides=[1, *[2] * (len(widths) - 1)],
        n_conv_per_stage=2,
        num_classes=num_classes,
        n_conv_per_stage_decoder=2,
        conv_bias=True,
        norm_op=nn.InstanceNorm2d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
    )


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_sizes():
    """Of MobileSAM's encoder, and of the join, which has 589,824 weights for one map in the released code."""
    with torch.device("meta"):
        network, expected = comparators.build("nnsam", 2, 2, patch_size=(512, 512)), stock(WIDTHS)
    assert count(network.encoder) == 5_743_892
    without_supervision = count(expected) - count(expected.decoder.seg_layers[:-1])
    assert count(network.unet) + count(network.decoder) == without_supervision + 2 * 589_824


@torch.no_grad()
def test_what_sam_sees_joins_stock_nnunet_at_stride_8():
    network = randomise(build("nnsam", slices=3)).eval()
    expected = stock([8, 16, 16, 16, 16]).eval()
    ours = {network.original_names(name)[0]: tensor for name, tensor in network.state_dict().items()}
    theirs = expected.state_dict()
    joined = {name: ours[name] for name in ours if name in theirs and theirs[name].shape != ours[name].shape}
    assert {name.split(".convs.")[0] for name in joined} == {"decoder.stages.0"}
    cut = {name: ours[name.replace("decoder.encoder.", "encoder.")] for name in theirs if "seg_layers" not in name}
    cut |= {name: tensor[:, :32] for name, tensor in joined.items()}
    last = {f"decoder.seg_layers.3.{part}": ours[f"decoder.seg_layers.3.{part}"] for part in ("weight", "bias")}
    expected.load_state_dict(theirs | cut | last)
    pair = image(2, 6, 32, 64, dtype=torch.float32)
    other = network(pair)
    for name, tensor in network.state_dict().items():
        if network.original_names(name)[0] in joined:
            tensor[:, 32:] = 0
    torch.testing.assert_close(network(pair), expected(pair))
    assert (network(pair) - other).abs().max() > 1e-3


@torch.no_grad()
def test_the_encoder_is_timms_tiny_vit_without_its_last_stride():
    encoder = comparators.build("nnsam", 2, 2, patch_size=(64, 64)).encoder
    tiny_vit = timm.create_model("tiny_vit_5m_224", num_classes=0).eval()
    randomise(tiny_vit)
    tiny_vit.stages[3].downsample.conv2.conv.stride = (1, 1)
    encoder.load_state_dict(tiny_vit.state_dict(), strict=False)
    encoder.side = 128
    small = image(1, 3, 128, 128, dtype=torch.float32)
    torch.testing.assert_close(encoder(small), encoder.neck(tiny_vit.forward_features(small)))
    assert encoder(small).shape == (1, 256, 8, 8)


def test_the_encoder_is_frozen_and_follows_weights_that_are_loaded_after_use():
    network = build("nnsam").train()
    assert not any(parameter.requires_grad for parameter in network.encoder.parameters())
    small = image(1, 3, 32, 64, dtype=torch.float32)
    before = network.encoder(small)
    assert torch.equal(before, network.encoder(small))  # else batch norms would move
    with torch.no_grad():
        for block in network.encoder.stages[1:]:
            block.blocks[0].attn.attention_biases.normal_(std=9)
    assert not torch.equal(before, network.encoder(small))


def test_names_of_mobile_sam():
    names = {
        "patch_embed.conv1.conv.weight": "patch_embed.seq.0.c.weight",
        "patch_embed.conv2.bn.bias": "patch_embed.seq.2.bn.bias",
        "stages.0.blocks.1.conv3.conv.weight": "layers.0.blocks.1.conv3.c.weight",
        "stages.1.downsample.conv2.bn.running_var": "layers.0.downsample.conv2.bn.running_var",
        "stages.2.blocks.5.attn.attention_biases": "layers.2.blocks.5.attn.attention_biases",
        "stages.3.blocks.0.local_conv.conv.weight": "layers.3.blocks.0.local_conv.c.weight",
        "neck.3.weight": "neck.3.weight",
    }
    with torch.device("meta"):
        network = comparators.build("nnsam", 2, 2, patch_size=(64, 64))
    assert names.keys() <= network.encoder.state_dict().keys()
    assert {name: network.pretrained_name(f"encoder.{name}") for name in names} == {
        name: f"image_encoder.{theirs}" for name, theirs in names.items()
    }


def test_patches_are_those_of_nnunet():
    assert NnSAM.admit((448, 576)) == [448, 576]
    assert NnSAM.admit((120, 250)) == [128, 256]
    assert NnSAM.admit((31, 20)) == [32, 32]
