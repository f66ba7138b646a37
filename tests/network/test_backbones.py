"""CIPA on other encoders: the paper's counts, torchvision's maps, and how the two streams of Swin are put together."""

import copy

import pytest
import torch
from torchvision.models import resnet50, swin_t
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.ops import StochasticDepth

from nnunet_cipa.network import CIPA, VARIANTS
from nnunet_cipa.network.cipa.backbones import BACKBONES, build_encoder
from nnunet_cipa.network.layers.recomputing import Recomputing
from tests.network.helpers import WIDE, assert_all_take_part, assert_close, gradients, image, randomise

OTHERS = [name for name in BACKBONES if name != "vmamba"]
SWINS = ["swin_t", "swin_t_shared"]
SIMS = ["encoder", "input", "features"]
REST = {"CRM": 2_404_356, "DCIM": 18_252_450, "decoder": 11_789_600}
ENCODERS = {  # one encoder of torchvision's without its classifier, and what is with it
    "resnet50": 23_508_032 + 2_088_960,
    "swin_t": 2 * (27_519_354 - 1_536 + 2_880) + 20_380_328,
    "swin_t_shared": 27_519_354 - 1_536 + 2_880,
}
FFM = 13_354_560


def build(backbone, **more):
    torch.manual_seed(0)
    arguments = {"patch_size": WIDE[4], "variant": "nano", **more}
    return CIPA(2, 2, backbone=backbone, **arguments)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("backbone", "millions"), [("resnet50", "58.04"), ("swin_t", "121.22"), ("swin_t_shared", "59.97")]
)
def test_parameters(backbone, millions):
    """58.04 and 121.22 M are printed in table 2 of the CVPR paper; the shared Swin-T is not in it."""
    network = CIPA(2, 1, patch_size=(512, 512), backbone=backbone)
    further = FFM if backbone == "swin_t" else 0
    assert count(network.encoder) == ENCODERS[backbone]
    assert count(network) == ENCODERS[backbone] + sum(REST.values()) + further
    assert f"{count(network) / 1e6:.2f}" == millions


@torch.no_grad()
def test_resnet50_projects_torchvisions_stages():
    encoder = build_encoder("resnet50", "tiny", 3).eval()
    theirs = resnet50(weights=None)
    missing, unexpected = theirs.load_state_dict(randomise(encoder.trunk).state_dict(), strict=False)
    assert (missing, unexpected) == (["fc.weight", "fc.bias"], [])
    x = image(2, 3, 64, 96, dtype=torch.float32)
    stages = create_feature_extractor(theirs.eval(), [f"layer{stage}" for stage in range(1, 5)])(x)
    for feature, expected, layer in zip(encoder(x), stages.values(), encoder.projections, strict=True):
        assert_close(feature, torch.einsum("bchw,oc->bhwo", expected, layer.weight[:, :, 0, 0]), 1e-5)


@torch.no_grad()
def test_swin_normalises_torchvisions_stages():
    encoder = randomise(build_encoder("swin_t_shared", "tiny", 3)).eval()
    theirs = swin_t(weights=None)
    missing, unexpected = theirs.load_state_dict(
        {f"features.{name}": tensor for name, tensor in encoder.trunk.features.state_dict().items()}, strict=False
    )
    assert (missing, unexpected) == (["norm.weight", "norm.bias", "head.weight", "head.bias"], [])
    x = image(2, 3, 64, 96, dtype=torch.float32)
    stages = create_feature_extractor(theirs.eval(), [f"features.{i}" for i in (1, 3, 5, 7)])(x)
    for feature, expected, norm in zip(encoder(x), stages.values(), encoder.trunk.norms, strict=True):
        normed = (expected - expected.mean(-1, keepdim=True)) / (
            expected.var(-1, correction=0, keepdim=True) + 1e-5
        ).sqrt()
        assert_close(feature, normed * norm.weight + norm.bias, 1e-5)


@torch.no_grad()
def test_streams_without_rectification_are_two_encoders():
    encoder = randomise(build_encoder("swin_t", "nano", 3)).eval()
    for module in encoder.rectifications:
        for last in (module.channel_weights[-2], module.spatial_weights[-2]):
            last.weight.zero_()
            last.bias.fill_(-200)
    pair = {"CT": image(1, 3, 64, 96, dtype=torch.float32), "PET": image(1, 3, 64, 96, seed=1, dtype=torch.float32)}
    found = encoder.encode_both(*pair.values())
    single = build_encoder("swin_t_shared", "nano", 3).eval()
    for place, (name, x) in enumerate(pair.items()):
        single.trunk.load_state_dict(encoder.streams[name].state_dict())
        for feature, expected in zip(found, single(x), strict=True):
            assert_close(feature[place], expected, 1e-6)


@torch.no_grad()
def test_each_stage_gets_the_rectified_map_and_hands_it_out_normalised():
    encoder = randomise(build_encoder("swin_t", "nano", 3)).eval()
    maps = {"CT": image(1, 3, 64, 96, dtype=torch.float32), "PET": image(1, 3, 64, 96, seed=1, dtype=torch.float32)}
    found = encoder.encode_both(*maps.values())
    for level, feature in enumerate(found):
        for name, stream in encoder.streams.items():
            for layer in stream.features[2 * level : 2 * level + 2]:
                maps[name] = layer(maps[name])
        rectified = encoder.rectifications[level](*(x.movedim(3, 1) for x in maps.values()))
        maps = {name: x.movedim(1, 3) for name, x in zip(maps, rectified, strict=True)}
        for actual, (name, x) in zip(feature, maps.items(), strict=True):
            assert torch.equal(actual, encoder.streams[name].norms[level](x))


@torch.no_grad()
@pytest.mark.parametrize("dcim", [True, False])
def test_the_fusion_of_the_streams_is_added(dcim):
    network = randomise(build("swin_t", dcim=dcim)).eval()
    features = network.encode(image(1, 2, *WIDE[4], dtype=torch.float32))
    whole = network.fuse(features)
    for fusion, (ct, pet), fused in zip(network.fusions, features, whole, strict=True):
        added = fusion.further(ct.movedim(3, 1), pet.movedim(3, 1)).movedim(1, 3)
        fusion.further = None
        torch.testing.assert_close(fused - fusion(ct, pet), added, rtol=1e-4, atol=1e-4 * added.abs().max().item())


@pytest.mark.parametrize("switches", [{}, {"slices": 3, "sim": "encoder"}, {"crm": False, "dcim": False}], ids=str)
@pytest.mark.parametrize("backbone", OTHERS)
def test_every_parameter_takes_part(backbone, switches):
    """DistributedDataParallel stops where one does not."""
    network = build(backbone, **switches).train()
    for module in network.modules():
        if isinstance(module, StochasticDepth):
            module.p = 0.0  # it can drop a block in the whole batch
    if network.encoder_sims is not None:
        randomise(network.encoder_sims)  # a new one passes no gradient to its first layers
    assert_all_take_part(gradients(network, batch=2))


@torch.no_grad()
@pytest.mark.parametrize("slices", [1, 3, 5])
@pytest.mark.parametrize("backbone", OTHERS)
def test_slices_are_the_channels_of_the_encoder(backbone, slices):
    network = build(backbone, patch_size=(32, 64), slices=slices).eval()
    for name in network.encoder.image_layers:
        assert network.encoder.state_dict()[name].shape[1] == max(slices, 3)
    stack = image(1, 2, 6, 32, 64, dtype=torch.float32)
    whole = network(stack)
    middle = slices // 2
    window = stack[:, :, 3 - middle : 4 + middle].flatten(1, 2)
    assert_close(whole[:, :, 3], network(window), 1e-5)


@torch.no_grad()
@pytest.mark.parametrize("sim", SIMS)
@pytest.mark.parametrize("backbone", OTHERS)
def test_a_new_sim_changes_nothing(backbone, sim):
    with_sim = build(backbone, patch_size=(32, 64), slices=3, sim=sim).eval()
    slices = 1 if sim == "features" else 3
    without = build(backbone, patch_size=(32, 64), slices=slices).eval()
    state = {name: tensor.clone() for name, tensor in with_sim.state_dict().items() if name in without.state_dict()}
    for name, gain in with_sim.initial_gains().items():
        assert gain == pytest.approx(1.3)
        state[name] *= gain
    without.load_state_dict(state)
    window = image(1, 6, 32, 64, dtype=torch.float32)
    assert_close(with_sim(window), without(window[:, 1::3] if sim == "features" else window), 1e-5)


@pytest.mark.parametrize("backbone", SWINS)
def test_recomputing_has_the_same_gradients(backbone):
    network = build(backbone, patch_size=(64, 32)).train()
    found = []
    for enabled in (False, True):
        copied = copy.deepcopy(network)
        copied.set_activation_checkpointing(enabled)
        assert {m.recompute for m in copied.encoder.modules() if isinstance(m, Recomputing)} == {enabled}
        torch.manual_seed(1)
        found.append(gradients(copied, batch=2))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_swin_drops_attention_and_branches_as_the_two_stream_code():
    encoder = build_encoder("swin_t_shared", "tiny", 3)
    blocks = [block for stage in (1, 3, 5, 7) for block in encoder.trunk.features[stage]]
    assert [block.stochastic_depth.p for block in blocks] == pytest.approx([0.1 * i / 11 for i in range(12)])
    assert {block.attn.attention_dropout for block in blocks} == {0.3}
    assert [block.attn.num_heads for block in blocks] == [3] * 2 + [6] * 2 + [12] * 6 + [24] * 2


@pytest.mark.parametrize(
    ("backbone", "variant", "message"),
    [
        ("swin_s", "tiny", "backbone is 'swin_s'; choose one of vmamba, resnet50, swin_t, swin_t_shared"),
        ("resnet50", "small", "backbone 'resnet50' has no variant 'small'; choose one of tiny, nano"),
        ("swin_t", "huge", "variant is 'huge'"),
    ],
)
def test_what_there_is_not(backbone, variant, message):
    with pytest.raises(ValueError, match=message):
        build(backbone, variant=variant)


@torch.no_grad()
@pytest.mark.parametrize("backbone", OTHERS)
def test_features_have_the_widths_of_the_variant(backbone):
    network = build(backbone).eval()
    shapes = [tuple(x.shape) for x in network.fuse(network.encode(image(1, 2, *WIDE[4], dtype=torch.float32)))]
    height, width = WIDE[4]
    assert shapes == [
        (1, height // s, width // s, c) for s, c in zip((4, 8, 16, 32), VARIANTS["nano"].widths, strict=True)
    ]
