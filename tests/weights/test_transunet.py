"""TransUNet's encoder from Google's file, as NumPy arrays under Flax's names."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import zoom
from timm.layers import StdConv2d
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer_hybrid import HybridEmbed

from nnunet_cipa.network import comparators
from nnunet_cipa.network.comparators.transunet.network import SIZES
from nnunet_cipa.weights import load_encoder, load_pretrained_encoder
from nnunet_cipa.weights.files import read_state_dict
from nnunet_cipa.weights.flax_layout import to_torch_layout
from nnunet_cipa.weights.table import LOADED, RESAMPLED, UNUSED
from tests.data.comparators.fixture import load_shapes

SIDE = 3  # positions of the small file
NANO = SIZES["nano"]


def google_shapes(sizes, side):
    """Yield (name, shape) as R50+ViT-B_16.npz has them; the sizes are those of another network in the small file."""
    inputs, c = sizes.width, sizes.hidden
    yield "conv_root/kernel", (7, 7, 3, sizes.width)
    yield from ((f"gn_root/{part}", (1, 1, 1, sizes.width)) for part in ("scale", "bias"))
    for block, depth in enumerate(sizes.depths):
        output = sizes.width * 4 * 2**block
        inner = output // 4
        for unit in range(depth):
            prefix = f"block{block + 1}/unit{unit + 1}"
            layers = {"1": (1, 1, inputs, inner), "2": (3, 3, inner, inner), "3": (1, 1, inner, output)}
            if unit == 0:
                layers["_proj"] = (1, 1, inputs, output)
            for layer, shape in layers.items():
                yield f"{prefix}/conv{layer}/kernel", shape
                yield from ((f"{prefix}/gn{layer}/{part}", (1, 1, 1, shape[-1])) for part in ("scale", "bias"))
            inputs = output
    yield "embedding/kernel", (1, 1, inputs, c)
    yield "embedding/bias", (c,)
    yield "cls", (1, 1, c)
    yield "Transformer/posembed_input/pos_embedding", (1, 1 + side**2, c)
    for block in range(sizes.blocks):
        prefix = f"Transformer/encoderblock_{block}"
        heads = (sizes.heads, c // sizes.heads)
        yield from ((f"{prefix}/LayerNorm_{n}/{part}", (c,)) for n in (0, 2) for part in ("scale", "bias"))
        for part in ("query", "key", "value"):
            yield f"{prefix}/MultiHeadDotProductAttention_1/{part}/kernel", (c, *heads)
            yield f"{prefix}/MultiHeadDotProductAttention_1/{part}/bias", heads
        yield f"{prefix}/MultiHeadDotProductAttention_1/out/kernel", (*heads, c)
        yield f"{prefix}/MultiHeadDotProductAttention_1/out/bias", (c,)
        for n, (before, after) in enumerate(((c, 4 * c), (4 * c, c))):
            yield f"{prefix}/MlpBlock_3/Dense_{n}/kernel", (before, after)
            yield f"{prefix}/MlpBlock_3/Dense_{n}/bias", (after,)
    yield from ((f"Transformer/encoder_norm/{part}", (c,)) for part in ("scale", "bias"))
    yield "pre_logits/kernel", (c, c)
    yield "pre_logits/bias", (c,)
    yield "head/kernel", (c, 5)
    yield "head/bias", (5,)


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in google_shapes(NANO, SIDE)}


@pytest.fixture(scope="module")
def file(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("google") / "R50+ViT-B_16.npz"
    np.savez(path, **arrays)
    return path


def build(*patch_size):
    torch.manual_seed(0)
    return comparators.build("transunet", 2, 2, patch_size=patch_size, variant="nano").eval()


@torch.no_grad()
def test_every_tensor_is_the_one_that_timm_makes_of_the_file(file):
    widths = [NANO.width * 4 * 2**level for level in range(3)]
    resnet = ResNetV2(
        NANO.depths,
        widths,
        num_classes=0,
        global_pool="",
        stem_chs=NANO.width,
        preact=False,
        stem_type="same",
        conv_layer=StdConv2d,
    )
    theirs = VisionTransformer(
        16 * SIDE,
        1,
        num_classes=5,
        embed_dim=NANO.hidden,
        depth=NANO.blocks,
        num_heads=NANO.heads,
        embed_layer=lambda **more: HybridEmbed(resnet, **more),
    )
    theirs.load_pretrained(str(file))
    network = build(16 * SIDE, 16 * SIDE)
    count = load_encoder(network, file)
    for encoder in network.encoder.values():
        ours = iter(encoder.resnet.state_dict().values())
        assert all(torch.equal(next(ours), tensor) for tensor in in_our_order(resnet))
        assert next(ours, None) is None
        assert torch.equal(encoder.embed.weight, theirs.patch_embed.proj.weight)
        assert torch.equal(encoder.positions, theirs.pos_embed[:, 1:])
        assert torch.equal(encoder.norm.bias, theirs.norm.bias)
        blocks = encoder.blocks.state_dict()
        assert blocks.keys() == theirs.blocks.state_dict().keys()
        assert all(torch.equal(blocks[name], tensor) for name, tensor in theirs.blocks.state_dict().items())
        tokens = torch.randn(1, SIDE**2, NANO.hidden)
        torch.testing.assert_close(encoder.norm(encoder.blocks(tokens)), theirs.norm(theirs.blocks(tokens)))
    assert count == len(network.encoder.state_dict())


def in_our_order(resnet):
    """timm's tensors of stem and units; the shortcut goes before the convolutions there."""
    yield from (resnet.stem.conv.weight, resnet.stem.norm.weight, resnet.stem.norm.bias)
    for stage in resnet.stages:
        for block in stage.blocks:
            for n in "123":
                norm = getattr(block, f"norm{n}")
                yield from (getattr(block, f"conv{n}").weight, norm.weight, norm.bias)
            if block.downsample is not None:
                norm = block.downsample.norm
                yield from (block.downsample.conv.weight, norm.weight, norm.bias)


@pytest.mark.parametrize("patch_size", [(80, 48), (32, 16), (96, 96)])
def test_positions_are_resized_as_by_scipy(file, arrays, patch_size):
    network = build(*patch_size)
    table = load_pretrained_encoder(network, read_state_dict(file))
    rows, columns = (side // 16 for side in patch_size)
    grid = arrays["Transformer/posembed_input/pos_embedding"][0, 1:].reshape(SIDE, SIDE, -1)
    expected = zoom(grid, (rows / SIDE, columns / SIDE, 1), order=1)
    for encoder in network.encoder.values():
        ours = encoder.positions.detach().view(rows, columns, -1)
        torch.testing.assert_close(ours, torch.from_numpy(expected), atol=1e-5, rtol=1e-5)
    assert table.names(RESAMPLED) == ["encoder.CT.positions", "encoder.PET.positions"]
    assert table.names(UNUSED) == ["cls", "pre_logits.kernel", "pre_logits.bias", "head.kernel", "head.bias"]
    assert len(table.names(LOADED)) == len(network.encoder.state_dict()) - 2


def test_the_whole_file_has_the_names_and_sizes_of_the_encoder():
    """Of the original's tensors as they are listed, those of its transformer, of which three parts are one here."""
    file = {name.replace("/", "."): shape for name, shape in google_shapes(SIZES["r50_b16"], 14)}
    with torch.device("meta"):
        network = comparators.build("transunet", 2, 2, patch_size=(224, 224))
        state = to_torch_layout({name: torch.empty(shape) for name, shape in file.items()})
    found = {network.pretrained_name(name): tensor.shape for name, tensor in network.state_dict().items()}
    del found[None]
    assert all(state[name].shape == shape for name, shape in found.items())
    original = {n: shape for n, (shape, _) in load_shapes("TransUNet").items() if n.startswith("transformer.")}
    assert len(found) == len(original) - 2 * 2 * 12
    positions = (256 // 16) ** 2 - 14**2  # the list is of a patch of 256 x 256
    assert sum(map(math.prod, found.values())) == sum(map(math.prod, original.values())) - 768 * positions


def test_a_decoder_stays_as_it_is(file):
    network, fresh = build(48, 48), build(48, 48)
    load_encoder(network, file)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, fresh.state_dict()[name]) != name.startswith("encoder.")
