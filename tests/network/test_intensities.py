"""What the values of the input mean, and which inputs a prediction refuses or warns of."""

import math
import warnings

import pytest
import torch

from nnunet_cipa.network import CIPA
from tests.network.helpers import assert_close, image, randomise

OFFSET = {"offset": (-1.6, -1.5)}
RANGE = {"intensity_range": ((0.0, 3.2), (0.0, 3.2))}


def nano(**switches):
    torch.manual_seed(0)
    return randomise(CIPA(2, 2, patch_size=(32, 32), variant="nano", **switches)).eval()


def shape(slices, ndim):
    return {4: (2, 2 * slices, 32, 32), 5: (1, 2, 4, 32, 32)}[ndim]


@torch.no_grad()
@pytest.mark.parametrize("ndim", [4, 5])
@pytest.mark.parametrize(
    "setting", [{}, {"slices": 3}, {"slices": 3, "sim": "input"}, {"slices": 3, "sim": "features"}]
)
def test_the_offset_is_added_to_each_channel_before_anything_else(setting, ndim):
    stored = 3.2 * torch.rand(shape(setting.get("slices", 1), ndim), generator=torch.Generator().manual_seed(0))
    ct, pet = stored.chunk(2, dim=1)
    expected = nano(**setting)(torch.cat([ct - 1.6, pet - 1.5], dim=1))
    assert_close(nano(**setting, **OFFSET)(stored), expected, 1e-5)


@torch.no_grad()
def test_without_an_offset_nothing_is_added():
    x = image(1, 2, 32, 32, dtype=torch.float32)
    assert torch.equal(nano(offset=(0.0, 0.0))(x), nano()(x))


def test_the_offset_is_none_of_the_weights():
    assert nano(**OFFSET, **RANGE).state_dict().keys() == nano().state_dict().keys()


@torch.no_grad()
def test_pad_with_zeros_is_pad_with_the_lowest_intensity():
    """Which is what nnU-Net's loader, augmentation and sliding window do to a part of an image."""
    seen, stored = torch.full((1, 2, 32, 32), -1.6), torch.zeros(1, 2, 32, 32)
    part = torch.rand(1, 2, 20, 24, generator=torch.Generator().manual_seed(0))
    seen[..., 4:24, 4:28] = part - 1.6
    stored[..., 4:24, 4:28] = part
    assert_close(nano(offset=(-1.6, -1.6))(stored), nano()(seen), 1e-5)


@torch.no_grad()
@pytest.mark.parametrize("ndim", [4, 5])
@pytest.mark.parametrize(("channel", "name"), [(0, "CT"), (1, "PET")])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused_in_prediction(value, channel, name, ndim):
    x = torch.rand(shape(3, ndim))
    x[-1, {4: 3, 5: 1}[ndim] * channel, ..., 7, 9] = value
    with pytest.raises(ValueError, match=f"the {name} of this case has values that are not finite.*Predicting"):
        nano(slices=3)(x)


@torch.no_grad()
def test_the_modality_that_is_told_is_that_of_the_channel():
    x = torch.rand(1, 2, 32, 32)
    x[0, 0, 0, 0] = math.nan
    with pytest.raises(ValueError, match="the PET of this case"):
        nano(modalities=("PET", "CT"))(x)


def test_a_training_does_not_look_at_the_values():
    """A step that is not finite is left out by the trainer, which names the cases of its batch."""
    x = torch.full((2, 2, 32, 32), math.nan)
    assert nano().train()(x).isnan().any()


@torch.no_grad()
@pytest.mark.parametrize(
    ("channel", "name", "values"),
    [(0, "CT", (-1000.0, 400.0)), (1, "PET", (0.0, 20.0)), (1, "PET", (-1.6, 1.6)), (0, "CT", (0.0, 255.0))],
    ids=["HU", "SUV", "an offset twice", "grey values"],
)
def test_intensities_far_outside_of_the_training_are_warned_of_once(channel, name, values):
    network, x = nano(**OFFSET, **RANGE), torch.rand(1, 2, 32, 32)
    x[0, channel, 3, 4], x[0, channel, 5, 6] = values
    with pytest.warns(UserWarning, match=f"the {name} has values from {values[0]:g} to {values[1]:g}"):
        network(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network(x)


@torch.no_grad()
def test_what_resampling_swings_over_is_not_warned_of():
    network, x = nano(**OFFSET, **RANGE), torch.rand(1, 2, 32, 32)
    x[0, :, 3, 4], x[0, :, 5, 6] = -0.5, 3.7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network(x)
        nano()(100 * x)  # nothing is known of its range


@pytest.mark.parametrize(
    ("argument", "value"),
    [("offset", (1.0,)), ("intensity_range", ((0.0, 1.0),)), ("intensity_range", ((0.0,), (1.0,)))],
)
def test_values_of_another_number_of_channels_are_refused(argument, value):
    with pytest.raises(ValueError, match=f"{argument} is "):
        nano(**{argument: value})
