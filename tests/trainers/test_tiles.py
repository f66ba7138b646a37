"""Tiles against nnU-Net's own predictor, to the last bit in float64, and how much of the network that takes."""

import copy

import numpy as np
import pytest
import torch

from nnunet_cipa.network import VARIANTS, petct
from nnunet_cipa.trainers.tiles import TilePredictor
from tests.network.helpers import MICRO
from tests.trainers.conftest import DATASET, PLANS
from tests.trainers.test_neighbours import WINDOWED, make_predictor

SIDE, TILE, BATCH = 32, 40, 4
READINGS = (
    "nnUNetTrainerCIPA25D",
    "nnUNetTrainerCIPASIM_5slices",
    "nnUNetTrainerCIPASIM_input",
    "nnUNetTrainerCIPASIM_features",
)


def noise(*shape):
    return torch.from_numpy(np.random.default_rng(0).random((2, *shape), dtype=np.float32) * 3.2)


def make_both(name, **settings):
    """nnU-Net's predictor and ours of one network with random weights, which computes few slices at a time."""
    stock = make_predictor(name, copy.deepcopy(PLANS), copy.deepcopy(DATASET), **settings)
    stock.configuration_manager.configuration["patch_size"] = [TILE, SIDE, SIDE]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in stock.network.parameters():
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=generator))
    ours = TilePredictor(device=torch.device("cpu"), allow_tqdm=False, **settings)
    ours.manual_initialization(
        stock.network, stock.plans_manager, stock.configuration_manager, None, stock.dataset_json, name, (1, 2)
    )
    return stock, ours


@pytest.fixture
def slices_computed(monkeypatch):
    """Let the networks compute a few slices at a time in the precision of their weights, and count them."""
    counted = []
    forward = petct.PETCTNetwork.forward

    def count(self, x):
        counted.append(x.shape[2] if x.ndim == 5 else len(x))
        return forward(self, x.to(next(self.parameters()).dtype)).float()

    monkeypatch.setattr(petct, "PIXELS_AT_ONCE", BATCH * SIDE * SIDE)
    monkeypatch.setattr(petct.PETCTNetwork, "forward", count)
    return counted


def predict_with_both(stock, ours, image, slices_computed):
    """Return nnU-Net's logits and ours, with how many slices each had computed."""
    found = []
    for predictor in (stock, ours):
        slices_computed.clear()
        found += [predictor.predict_sliding_window_return_logits(image), sum(slices_computed)]
    expected, taken, logits, computed = found
    passes = (4 if stock.use_mirroring else 1) * (2 if image.shape[-1] > SIDE else 1)
    assert taken == passes * 3 * TILE  # tiles from the slices 0, 10 and 21 on
    assert computed < 0.8 * taken
    assert expected.std() > 0.01
    return logits, expected


@pytest.mark.parametrize("name", READINGS)
def test_logits_are_nnunets_to_the_last_bit_in_float64(name, slices_computed, monkeypatch):
    monkeypatch.setitem(VARIANTS, "nano", MICRO)  # convolutions in float64 take their time
    stock, ours = make_both(name, use_mirroring=False)
    stock.network.double()
    found, expected = predict_with_both(stock, ours, noise(61, SIDE, SIDE), slices_computed)
    assert torch.equal(found, expected)


def test_mirrored_tiles_beside_each_other_are_nnunets_to_the_last_bit(slices_computed, monkeypatch):
    def forward(self, x):  # a window of three slices, in operators that round a value whatever lies beside it
        slices_computed.append(x.shape[2])
        before, after = torch.cat((x[:, :, :1], x[:, :, :-1]), 2), torch.cat((x[:, :, 1:], x[:, :, -1:]), 2)
        return x.cumsum(-1).cumsum(-2) - 0.7 * before + 0.4 * after

    stock, ours = make_both("nnUNetTrainerCIPA25D", use_mirroring=True)
    monkeypatch.setattr(petct.PETCTNetwork, "forward", forward)
    found, expected = predict_with_both(stock, ours, noise(61, SIDE, SIDE + 8), slices_computed)
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("name", "width", "mirrored"),
    [*((name, SIDE, False) for name in READINGS), pytest.param(READINGS[0], SIDE + 8, True, marks=pytest.mark.slow)],
)
def test_logits_in_float32_are_nnunets_but_for_rounding(name, width, mirrored, slices_computed):
    # Some BLAS round a slice by its place in the batch, and small weights would make that large.
    stock, ours = make_both(name, use_mirroring=mirrored, use_gaussian=False)
    found, expected = predict_with_both(stock, ours, noise(61, SIDE, width), slices_computed)
    assert (found - expected).abs().max() <= 2**-9  # a unit of 16 bits at 2 to 4


def test_a_case_of_one_tile_is_computed_once(slices_computed):
    _, ours = make_both("nnUNetTrainerCIPA25D", use_mirroring=False)
    ours.predict_sliding_window_return_logits(noise(TILE, SIDE, SIDE))
    assert slices_computed == [TILE]


def test_a_case_with_an_empty_slice_is_nnunets_own_matter(slices_computed):
    stock, ours = make_both("nnUNetTrainerCIPA25D", use_mirroring=False)
    image = noise(61, SIDE, SIDE)
    image[:, 30] = 0
    assert torch.equal(
        ours.predict_sliding_window_return_logits(image), stock.predict_sliding_window_return_logits(image)
    )
    assert slices_computed == [TILE] * 6


def test_a_network_that_reads_more_than_windows_is_nnunets_own_matter(slices_computed, monkeypatch):
    _, ours = make_both("nnUNetTrainerCIPA25D", use_mirroring=False)
    monkeypatch.setattr(type(ours.network), "reads_windows", False)
    ours.predict_sliding_window_return_logits(noise(61, SIDE, SIDE))
    assert slices_computed == [TILE] * 3


def test_values_that_are_not_finite_are_refused_as_by_the_network():
    _, ours = make_both("nnUNetTrainerCIPA25D", use_mirroring=False)
    image = noise(61, SIDE, SIDE)
    image[1, 40, 3, 3] = torch.nan
    with pytest.raises(ValueError, match="the PET of this case has values that are not finite"):
        ours.predict_sliding_window_return_logits(image)


@pytest.mark.parametrize("name", WINDOWED)
@torch.no_grad()
def test_networks_that_say_so_read_nothing_beyond_the_window(name):
    stock, _ = make_both(name)
    network = stock.network
    assert network.reads_windows
    stack, reach = noise(9, SIDE, SIDE)[None], network.slices // 2
    changed = stack.clone()
    changed[:, :, 0] = 3.2 - changed[:, :, 0]
    alike = (network(stack) == network(changed)).all(dim=(0, 1, 3, 4)).tolist()
    assert not alike[0]
    assert alike[1 + reach :] == [True] * (8 - reach)  # within it a network may choose what it reads


def test_slices_of_a_two_dimensional_configuration_are_batched_on_a_gpu(monkeypatch):
    stock, ours = make_both("nnUNetTrainerCIPA25D")
    batches = []

    class Plane(torch.nn.Module):
        def forward(self, x):
            batches.append(tuple(x.shape))
            return torch.cat((x[:, :1] - x[:, 1:], x[:, 1:].cumsum(-1)), dim=1)

    for predictor in (stock, ours):
        predictor.network, predictor.allowed_mirroring_axes = Plane(), (0, 1)
        predictor.configuration_manager.configuration["patch_size"] = [SIDE, SIDE]
    image = noise(5, SIDE, SIDE + 8)
    expected = stock.predict_sliding_window_return_logits(image)
    assert batches == [(1, 2, SIDE, SIDE)] * 4 * 10
    batches.clear()
    monkeypatch.setattr(petct, "PIXELS_AT_ONCE", 4 * SIDE * SIDE)
    slicers = ours._internal_get_sliding_window_slicers(image.shape[1:])
    with torch.inference_mode():
        found = ours._average(image, ours._planes(image, slicers), len(slicers))
    assert batches == [(4, 2, SIDE, SIDE)] * 4 * 2 + [(2, 2, SIDE, SIDE)] * 4
    assert torch.equal(found, expected)
