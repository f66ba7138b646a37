"""The last stage of the decoder against the same layers one after another."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnunet_cipa.network.cipa.decoder import FinalUpsample
from nnunet_cipa.network.layers.interpolated_variance import TAPS, InterpolatedVariance
from tests.network.helpers import assert_close, image, randomise

# (batch, height, width, channels, classes), at stride 4
SIZES = [(1, 8, 8, 32, 2), (2, 5, 3, 7, 3), (1, 1, 6, 4, 2), (2, 4, 1, 9, 1), (1, 1, 1, 5, 2), (1, 2, 2, 96, 20)]


def one_after_another(stage, x, head):
    """Interpolate all channels, then norm and head, by stock layers."""
    x = x.permute(0, 3, 1, 2)
    for linear in (stage.linear1, stage.linear2):
        x = F.conv2d(x, linear.weight[:, :, None, None])
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    return F.conv2d(stage.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), head[:, :, None, None])


def make(size, dtype=torch.float64):
    """A stage, its input and a head, in float32 or float64."""
    batch, height, width, channels, classes = size
    torch.manual_seed(0)
    stage = randomise(FinalUpsample(channels)).to(dtype)
    x = image(batch, height, width, channels, dtype=dtype).requires_grad_()
    return stage, x, image(classes, channels, seed=1, dtype=dtype).requires_grad_()


def values(compute, stage, x, head):
    """Logits, and the gradients of all that they depend on."""
    logits = compute(stage, x, head)
    weights = image(*logits.shape, seed=2).to(logits.dtype)
    gradients = torch.autograd.grad((logits * weights).sum(), [x, head, *stage.parameters()])
    return [logits.detach(), *gradients]


@pytest.mark.parametrize("size", SIZES)
def test_logits_and_gradients_in_float64(size):
    arguments = make(size)
    found, expected = values(FinalUpsample.__call__, *arguments), values(one_after_another, *arguments)
    for actual, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=1e-10, atol=1e-12 * wanted.abs().max().item())


def test_float32_is_as_close_to_float64_as_the_layers_one_after_another():
    stage, x, head = make((1, 24, 20, 96, 2), torch.float32)
    exact = [t.detach().double().requires_grad_() for t in (x, head)]
    expected = values(one_after_another, copy.deepcopy(stage).double(), *exact)
    for actual, wanted in zip(values(FinalUpsample.__call__, stage, x, head), expected, strict=True):
        assert_close(actual, wanted, 1e-6)


def test_gradients_by_differences():
    stage, x, head = make((1, 3, 2, 4, 2))
    parameters = dict(stage.named_parameters())

    def compute(x, head, *tensors):
        return torch.func.functional_call(stage, dict(zip(parameters, tensors, strict=True)), (x, head))

    assert torch.autograd.gradcheck(compute, (x, head, *parameters.values()))


def test_vectors_that_cancel_give_finite_logits_and_gradients():
    """Halfway between v and -v nothing is left but rounding, which must not become the root of a negative number."""
    stage, _, head = make((1, 1, 1, 4, 2), torch.float32)
    signs = torch.tensor([1.0, -1.0, 5 / 3, -1.0, 3.0, -5.0])
    x = (1e3 * signs[:, None] * image(1, 4, dtype=torch.float32))[None, None].requires_grad_()
    assert all(tensor.isfinite().all() for tensor in values(FinalUpsample.__call__, stage, x, head))


def test_bfloat16_rounds_the_linear_layers_alone():
    stage, x, head = make((1, 8, 8, 32, 2), torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = stage(x, head)
        mapped = F.linear(x, stage.linear2.weight.float() @ stage.linear1.weight.float())
    assert logits.dtype == mapped.dtype == torch.bfloat16
    assert_close(logits.detach().float(), stage(x, head).detach(), 1e-2)


def test_nothing_of_all_channels_is_kept_at_full_resolution():
    stage, x, head = make((1, 16, 16, 64, 2), torch.float32)
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.untyped_storage().nbytes()), lambda t: t):
        stage(x, head)
    padded = (16 + 4) * (16 + 6) * 64 * 4  # bytes
    assert sizes
    assert max(sizes) <= padded


def test_the_weights_of_two_steps_are_those_of_stock_interpolation():
    impulse = torch.zeros(1, 1, 1, 5)
    impulse[..., 2] = 1
    for _ in range(2):
        impulse = F.interpolate(impulse, scale_factor=(1, 2), mode="bilinear", align_corners=False)
    around = impulse.reshape(5, 4)[1:4]  # what the pixel before, the pixel itself and the pixel after make of it
    assert torch.equal(torch.tensor(TAPS), around.flip(0).T)


def test_variances_of_channels_that_are_alike_are_those_of_one():
    x = image(2, 3, 4, 1).repeat(1, 1, 1, 3) * torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64)
    one = x[..., :1].permute(0, 3, 1, 2)
    for _ in range(2):
        one = F.interpolate(one, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(InterpolatedVariance()(x), (one.square() * 2 / 3).permute(0, 2, 3, 1))


def test_the_layer_has_no_tensors_of_its_own_in_a_state_dict():
    assert set(FinalUpsample(4).state_dict()) == {"linear1.weight", "linear2.weight", "norm.weight", "norm.bias"}
    assert isinstance(FinalUpsample(4).norm, nn.LayerNorm)
