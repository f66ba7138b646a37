"""CRM for another patch size."""

import pytest
import torch
import torch.nn.functional as F

from nnunet_cipa.weights import load_cipa_release
from nnunet_cipa.weights.resample import resample_crm, resample_positions
from nnunet_cipa.weights.table import RESAMPLED
from tests.weights.conftest import build

# The first two are those of patches of 256 x 256 and 320 x 384 from one of 512 x 512, at stride 4.
SIZES = [((128, 128), (64, 64)), ((128, 128), (80, 96)), ((16, 16), (32, 32)), ((16, 16), (10, 12)), ((8, 8), (5, 11))]


def smooth_map(height, width):
    """Sample one smooth function at the centres of the pixels of a map."""
    rows = (torch.arange(height, dtype=torch.float32) + 0.5) / height
    columns = (torch.arange(width, dtype=torch.float32) + 0.5) / width
    return torch.sin(3 * rows)[:, None] + torch.cos(2 * columns)[None]


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_a_constant_stays_constant(source, target):
    resampled = resample_positions(torch.full((3, source[0] * source[1]), 1.5), source, target)
    torch.testing.assert_close(resampled, torch.full((3, target[0] * target[1]), 1.5))


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_smooth_maps_are_those_sampled_at_the_new_size(source, target):
    resampled = resample_positions(smooth_map(*source).flatten(), source, target).view(target)
    inside = (slice(1, -1), slice(1, -1))
    torch.testing.assert_close(resampled[inside], smooth_map(*target)[inside], atol=0.05, rtol=0)


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_resampling_is_torchs(source, target):
    maps = torch.randn(3, *source, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(maps[None].double(), target, mode="bilinear", align_corners=False, antialias=True)[0]
    torch.testing.assert_close(resample_positions(maps.flatten(1), source, target), expected.flatten(1).float())


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_embedding_of_a_constant_map_is_the_same(source, target):
    weight = torch.randn(5, source[0] * source[1], generator=torch.Generator().manual_seed(0))
    resampled = resample_crm("fusions.0.crm.embed.weight", weight, source, target)
    assert resampled.shape == (5, target[0] * target[1])
    torch.testing.assert_close(resampled.sum(1), weight.sum(1), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_embedding_of_a_map_is_that_of_the_map_brought_to_the_old_size(source, target):
    generator = torch.Generator().manual_seed(0)
    weight, maps = torch.randn(5, *source, generator=generator), torch.randn(4, *target, generator=generator)
    resampled = resample_crm("fusions.0.crm.embed.weight", weight.flatten(1), source, target)
    old = F.interpolate(maps[None], source, mode="bilinear", align_corners=False, antialias=True)[0]
    torch.testing.assert_close(
        resampled @ maps.flatten(1).T, weight.flatten(1) @ old.flatten(1).T, rtol=1e-4, atol=1e-4
    )


@torch.no_grad()
@pytest.mark.parametrize("patch_size", [(32, 32), (128, 128), (96, 160)])
def test_loading_for_another_patch_size(released, patch_size):
    network = build(patch_size=patch_size)
    table = load_cipa_release(network, released)
    expected = [f"fusions.{i}.crm.{part}" for i in range(4) for part in ("norm.weight", "norm.bias", "embed.weight")]
    assert table.names(RESAMPLED) == expected
    height, width = patch_size
    assert f"from 16 x 16 to {height // 4} x {width // 4} positions" in str(table)
    assert f"from 2 x 2 to {height // 32} x {width // 32} positions" in str(table)


@torch.no_grad()
def test_rectification_of_smooth_maps_stays_close():
    """The same smooth scene at two resolutions gets nearly the same channel weights."""
    trained, finer = build(patch_size=(64, 64)).fusions[0].crm, build(patch_size=(128, 128)).fusions[0].crm
    smooth = smooth_map(16, 16).flatten()
    trained.norm.weight.copy_(1 + 0.1 * smooth)
    trained.embed.weight.copy_(torch.stack([(i % 5 - 2) * smooth.roll(i) / 256 for i in range(32)]))
    state = {
        name: resample_crm(f"crm.{name}", t, (16, 16), (32, 32)) if t.shape[-1] == 256 else t
        for name, t in trained.state_dict().items()
    }
    finer.load_state_dict(state)
    scales = torch.linspace(-2, 2, 64)
    weights = []
    for module, size in ((trained, 16), (finer, 32)):
        maps = smooth_map(size, size)[None, ..., None] * scales + scales.flip(0)
        rectified, _ = module(maps[..., :32], maps[..., 32:])
        weights.append((rectified / maps[..., :32]).flatten(1, 2).median(1).values)
    torch.testing.assert_close(weights[1], weights[0], atol=5e-3, rtol=0)
