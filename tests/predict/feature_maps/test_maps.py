"""Maps are those that the formulas of docs/architecture.md give, computed region by region."""

import numpy as np
import pytest
import torch

from nnunet_cipa.network import CIPA
from nnunet_cipa.predict.feature_maps.dcim import watched
from nnunet_cipa.predict.feature_maps.tiles import map_window, slice_window

SIDE, R = 64, 4


def build(**switches):
    torch.manual_seed(0)
    network = CIPA(2, 2, patch_size=(SIDE, SIDE), variant="nano", **switches).eval()
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return network


def strength(features):
    return features.abs().mean(-1).numpy()


def by_hand(network, x, level):
    """Region map, local map and fused map of a stage, on the pixels of the input."""
    fusion = network.fusions[level]
    dcim, pair = fusion.dcim, fusion.crm(*network.encode(x)[level])
    height, width = pair[0].shape[1:3]
    grown = [torch.nn.functional.pad(one, (0, 0, 0, -width % R, 0, -height % R)) for one in pair]
    stem = dcim.pet_stem(grown[1])
    regions = stem + dcim.region_scan(dcim.region_norm(stem)) if dcim.variant.scans_regions else stem
    ct = dcim.ct_stem(grown[0])
    region_map, local_map = (np.zeros(ct.shape[1:3], dtype=np.float32) for _ in range(2))
    for row in range(0, ct.shape[1], R):
        for column in range(0, ct.shape[2], R):
            place = (slice(row, row + R), slice(column, column + R))
            window = ct[:, place[0], place[1]]
            if dcim.variant.scans_windows:
                window = window + dcim.local_scan(dcim.local_norm(window.flatten(1)).view(window.shape))
            local_map[place] = strength(window)[0]
            region_map[place] = strength(regions[0, row // R, column // R])
    fused_map = strength(dcim(*pair))[0]
    maps = (region_map[:height, :width], local_map[:height, :width], fused_map)
    return [np.kron(one, np.ones((SIDE // height, SIDE // width))) for one in maps]


@pytest.mark.parametrize("variant", ["pet_ct", "local_ct", "region_pet"])
@torch.inference_mode()
def test_maps_of_a_tile_are_those_computed_by_hand(variant):
    network = build(dcim_variant=variant)
    x = torch.rand(1, 2, SIDE, SIDE)
    stages = map_window(network, x)
    assert len(stages) == 4
    for level, stage in enumerate(stages):
        assert stage.names == ("region branch (PET)", "local branch (CT)", "fused")
        for found, expected in zip(stage.values.numpy(), by_hand(network, x, level), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4)
            assert expected.min() > 0


def test_names_say_what_a_branch_reads():
    with watched(build(dcim_variant="ct_pet")) as stages:
        assert {stage.names for stage in stages} == {("region branch (CT)", "local branch (PET)", "fused")}


def test_hooks_are_gone_afterwards():
    network = build()
    map_window(network, torch.rand(1, 2, SIDE, SIDE))
    assert not any(module._forward_hooks for module in network.modules())


@torch.inference_mode()
def test_tiles_that_overlap_are_averaged():
    """Where one tile alone is, its maps are there; where both are, a value between theirs."""
    network = build()
    x = torch.rand(1, 2, SIDE, 96)
    left, right = (by_hand(network, x[..., first : first + SIDE], 1) for first in (0, 32))
    found = map_window(network, x)[1].values.numpy()
    for kind in range(3):
        np.testing.assert_allclose(found[kind][:, :32], left[kind][:, :32], rtol=1e-4)
        np.testing.assert_allclose(found[kind][:, 64:], right[kind][:, 32:], rtol=1e-4)
        both = np.stack([left[kind][:, 32:], right[kind][:, :32]])
        middle = found[kind][:, 32:64]
        assert (middle <= both.max(0) * 1.0001).all()
        assert (middle >= both.min(0) * 0.9999).all()
        np.testing.assert_allclose(middle[:, 15:17].mean(), both[:, :, 15:17].mean(), rtol=0.05)


def test_a_smaller_slice_is_padded_and_cut():
    network = build()
    small = map_window(network, torch.rand(1, 2, 40, 50))
    assert {stage.values.shape for stage in small} == {(3, 40, 50)}


def test_neighbours_beyond_the_images_are_zeros():
    image = torch.arange(1.0, 7.0).reshape(2, 3, 1, 1)
    windows = [slice_window(image, index, 3).flatten().tolist() for index in range(3)]
    assert windows == [[0, 1, 2, 0, 4, 5], [1, 2, 3, 4, 5, 6], [2, 3, 0, 5, 6, 0]]
    assert slice_window(image, 1, 1).flatten().tolist() == [2, 5]
