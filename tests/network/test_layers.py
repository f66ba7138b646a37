"""The small layers, against torch's own and closed forms."""

import pytest
import torch
import torch.nn.functional as F

from nnunet_cipa.network import VARIANTS
from nnunet_cipa.network.cipa.decoder import CVSSDecoder
from nnunet_cipa.network.layers.basic import BatchNorm, DropPath, depth_to_space, space_to_depth, upsample_bilinear
from nnunet_cipa.ops.directions import sum_directions, to_directions
from tests.network.helpers import image


def test_depth_to_space_is_pixel_shuffle_with_features_last():
    x = image(2, 3, 5, 24)
    by_feature = x.unflatten(-1, (4, 6)).transpose(-1, -2).flatten(-2).permute(0, 3, 1, 2)
    assert torch.equal(depth_to_space(x), F.pixel_shuffle(by_feature, 2).permute(0, 2, 3, 1))


def test_space_to_depth_by_one_cell():
    cell = torch.tensor([[[[0, 1], [10, 11]], [[20, 21], [30, 31]]]])
    top_left, bottom_left, top_right, bottom_right = [0, 1], [20, 21], [10, 11], [30, 31]
    assert space_to_depth(cell).flatten().tolist() == top_left + bottom_left + top_right + bottom_right


def test_space_to_depth_is_pixel_unshuffle_with_columns_first():
    x = image(2, 6, 4, 5)
    stock = F.pixel_unshuffle(x.permute(0, 3, 1, 2), 2).unflatten(1, (5, 2, 2))
    assert torch.equal(space_to_depth(x), stock.permute(0, 4, 5, 3, 2, 1).flatten(-3))


def test_upsampling_keeps_constants_and_is_linear_inside():
    ramp = torch.arange(4.0).expand(1, 3, 4)[..., None]
    doubled = upsample_bilinear(ramp)
    assert doubled.shape == (1, 6, 8, 1)
    expected = torch.tensor([0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0])
    torch.testing.assert_close(doubled[0, :, :, 0], expected.expand(6, 8))


def test_the_four_directions_of_one_map():
    maps = torch.arange(6).reshape(1, 1, 1, 2, 3).expand(-1, 4, -1, -1, -1)
    directions = to_directions(maps)[0, :, 0].tolist()
    assert directions == [[0, 1, 2, 3, 4, 5], [0, 3, 1, 4, 2, 5], [5, 4, 3, 2, 1, 0], [5, 2, 4, 1, 3, 0]]


def test_undoing_the_four_directions_gives_their_sum():
    maps = image(2, 4, 3, 5, 7)
    torch.testing.assert_close(sum_directions(to_directions(maps), 5, 7), maps.sum(1))


def test_drop_path_keeps_the_expectation_and_drops_whole_samples():
    layer = DropPath(0.3).train()
    torch.manual_seed(0)
    out = layer(torch.ones(20_000, 2, 3))
    per_sample = out.flatten(1)
    assert torch.equal(per_sample.amin(1), per_sample.amax(1))
    torch.testing.assert_close(per_sample[:, 0].unique(), torch.tensor([0, 1 / 0.7]))
    # Standard error of the mean: sqrt(0.3 / 0.7 / 20000) = 0.0046.
    assert out.mean().item() == pytest.approx(1, abs=4 * 0.0046)


def test_drop_path_does_nothing_in_evaluation():
    x = image(4, 3)
    assert DropPath(0.3).eval()(x) is x


@pytest.mark.parametrize(("batch", "size"), [(1, 2), (2, 1), (3, 4)])
def test_batch_norm_is_the_stock_layer(batch, size):
    ours, stock = BatchNorm(5).train(), torch.nn.BatchNorm2d(5).train()
    x = image(batch, 5, size, size, dtype=torch.float32)
    assert torch.equal(ours(x), stock(x))
    assert torch.equal(ours.running_var, stock.running_var)
    assert torch.equal(ours.eval()(x), stock.eval()(x))


def test_batch_norm_of_one_value_uses_and_keeps_running_statistics():
    layer = BatchNorm(3).train()
    layer.running_mean += 2
    layer.running_var *= 4
    x = image(1, 3, 1, 1, dtype=torch.float32).requires_grad_()
    out = layer(x)
    torch.testing.assert_close(out, (x - 2) / (4 + 1e-5) ** 0.5)
    assert layer.running_mean.tolist() == [2, 2, 2]
    out.sum().backward()
    assert layer.weight.grad.all()


def test_stochastic_depth_of_the_decoder_leaves_the_last_four_rates_unused():
    decoder = CVSSDecoder(VARIANTS["tiny"], 2)
    rates = [[block.drop_path.rate for block in stage] for stage in decoder.stages]
    expected = [[0.1 * (4 * (3 - i) + j) / 15 for j in range(4)] for i in (1, 2, 3)]
    assert [rate for stage in rates for rate in stage] == pytest.approx([rate for stage in expected for rate in stage])
