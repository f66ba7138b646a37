"""Mirrored passes against nnU-Net's own mean of them; probabilities against SciPy's."""

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax

from nnunet_cipa.predict.certainty import flip_logits, tumour_probability
from tests.predict.certainty.predictors import PROPERTIES, make


@pytest.fixture
def image():
    return torch.from_numpy(np.random.default_rng(1).normal(size=(2, 6, 30, 40)).astype(np.float32))


def mean_of(members):
    return torch.stack([logits.float() for logits in members.values()]).mean(0)


@pytest.mark.parametrize("use_gaussian", [False, True])
@pytest.mark.parametrize(("configuration", "axes"), [("2d", (0, 1)), ("3d_fullres", (0, 1, 2)), ("3d_fullres", (1, 2))])
def test_their_mean_is_nnunets_own(image, configuration, axes, use_gaussian):
    predictor = make(configuration=configuration, axes=axes, use_gaussian=use_gaussian)
    members = dict(flip_logits(predictor, image))
    assert len(members) == 2 ** len(axes)
    difference = (mean_of(members) - predictor.predict_sliding_window_return_logits(image).float()).abs()
    assert difference.median() < 0.002
    # nnU-Net sums 16-bit floats, which leave few bits of the weights at the corners of a tile
    assert use_gaussian or difference.max() < 0.005


def test_each_is_the_image_flipped(image):
    """One tile, so that flipping the image is flipping the tile."""
    image = image[:, :, :16, :24]
    members = dict(flip_logits(make(use_gaussian=False), image))
    plain = make(use_mirroring=False, use_gaussian=False)
    names = {"not flipped": (), "flipped along y": (2,), "flipped along x": (3,), "flipped along y and x": (2, 3)}
    assert list(members) == list(names)
    for name, axes in names.items():
        expected = torch.flip(plain.predict_sliding_window_return_logits(torch.flip(image, axes)), axes)
        assert (members[name] - expected).abs().max() < 0.005
    assert not torch.equal(members["not flipped"], members["flipped along x"])


def test_axes_of_a_volume_have_their_names(image):
    predictor = make(configuration="3d_fullres", axes=(0, 2))
    names = [name for name, _ in flip_logits(predictor, image)]
    assert names == ["not flipped", "flipped along z", "flipped along x", "flipped along z and x"]


@pytest.mark.parametrize("taken", [1, 4])
def test_the_predictor_is_as_before_afterwards(image, taken):
    predictor = make()
    network, before = predictor.network, predictor.predict_sliding_window_return_logits(image)
    passes = flip_logits(predictor, image)
    for _ in range(taken):
        next(passes)
    passes.close()
    assert predictor.network is network
    assert predictor.use_mirroring
    assert torch.equal(predictor.predict_sliding_window_return_logits(image), before)


def probability_of(logits, **how):
    return tumour_probability(make(**how), torch.from_numpy(logits), PROPERTIES)


def test_probability_of_tumour_on_the_whole_image():
    logits = np.random.default_rng(0).normal(scale=3, size=(2, 6, 30, 40)).astype(np.float32)
    expected = np.zeros((8, 35, 40))
    expected[1:7, 5:35] = softmax(logits.astype(float), axis=0)[1]
    assert probability_of(logits) == pytest.approx(expected, abs=1e-6)


def test_all_labels_are_tumour():
    logits = np.random.default_rng(0).normal(scale=3, size=(3, 6, 30, 40)).astype(np.float32)
    labels = {"labels": {"background": 0, "GTV": 1, "nodes": 2}}
    expected = softmax(logits.astype(float), axis=0)[1:].sum(0)
    assert probability_of(logits, labels=labels)[1:7, 5:35] == pytest.approx(expected, abs=1e-6)


def test_of_regions_the_most_probable():
    logits = np.random.default_rng(0).normal(scale=3, size=(2, 6, 30, 40)).astype(np.float32)
    labels = {"labels": {"background": 0, "IGTV": [1, 2], "GTV": 2}, "regions_class_order": [1, 2]}
    found = probability_of(logits, labels=labels)
    assert found[1:7, 5:35] == pytest.approx(expit(logits.astype(float)).max(0), abs=1e-6)
    assert found[0].max() == 0
