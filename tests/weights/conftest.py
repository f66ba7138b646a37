"""Weights in the releases' naming, with random values and the shapes of the nano variant."""

import math

import pytest
import torch

from nnunet_cipa.network import CIPA, VARIANTS
from nnunet_cipa.network.cipa.names import released_name


def build(patch_size=(64, 64), num_classes=2, **more):
    """Build a nano network with the same initial values each time."""
    torch.manual_seed(0)
    return CIPA(2, num_classes, patch_size=patch_size, variant="nano", **more)


def random_like(shapes):
    """Return a random tensor for each (name, shape)."""
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes}


@pytest.fixture
def released():
    """A released CIPA file's state dict: one class, patches of 64 x 64; its names are proven by test_names.py."""
    state = build(num_classes=1).state_dict()
    random = random_like((released_name(name), tensor.shape) for name, tensor in state.items())
    return {name: tensor if tensor.ndim else torch.tensor(7) for name, tensor in random.items()}


def vmamba_shapes(variant):
    """Yield (name, shape) of the tensors of VMamba's first release, as its repository's checkpoints have them."""
    norm = ("weight", "bias")
    yield "patch_embed.proj.weight", (variant.width, 3, 4, 4)
    yield "patch_embed.proj.bias", (variant.width,)
    yield from ((f"patch_embed.norm.{part}", (variant.width,)) for part in norm)
    for level, (c, depth) in enumerate(zip(variant.widths, variant.depths, strict=True)):
        d, rank, n = 2 * c, math.ceil(c / 16), variant.d_state
        for block in range(depth):
            prefix = f"layers.{level}.blocks.{block}"
            yield from ((f"{prefix}.ln_1.{part}", (c,)) for part in norm)
            scan = f"{prefix}.self_attention"
            yield f"{scan}.x_proj_weight", (4, rank + 2 * n, d)
            yield f"{scan}.dt_projs_weight", (4, d, rank)
            yield f"{scan}.dt_projs_bias", (4, d)
            yield f"{scan}.A_logs", (4 * d, n)
            yield f"{scan}.Ds", (4 * d,)
            yield f"{scan}.in_proj.weight", (2 * d, c)
            yield f"{scan}.conv2d.weight", (d, 1, 3, 3)
            yield f"{scan}.conv2d.bias", (d,)
            yield from ((f"{scan}.out_norm.{part}", (d,)) for part in norm)
            yield f"{scan}.out_proj.weight", (c, d)
        if level < 3:
            yield from ((f"layers.{level}.downsample.norm.{part}", (4 * c,)) for part in norm)
            yield f"layers.{level}.downsample.reduction.weight", (2 * c, 4 * c)
    yield from ((f"classifier.norm.{part}", (variant.widths[3],)) for part in norm)
    yield "classifier.head.weight", (1000, variant.widths[3])
    yield "classifier.head.bias", (1000,)


@pytest.fixture
def vmamba():
    """The state dict of a VMamba file of the nano variant's sizes, classifier included."""
    return random_like(vmamba_shapes(VARIANTS["nano"]))
