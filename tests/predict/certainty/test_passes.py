"""Members that nnU-Net's predictor averages: its result stays as it is, and they are what it is made of."""

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from scipy.special import expit, softmax

from nnunet_cipa.predict.certainty import MemberPredictor, tumour_probability
from tests.predict.certainty.predictors import FOLDS, PROPERTIES, make


@pytest.fixture
def image():
    return torch.from_numpy(np.random.default_rng(1).normal(size=(2, 6, 30, 40)).astype(np.float32))


def watched(image, *, flips=False, **how):
    """Return what the predictor gives, and its members."""
    predictor, members = make(MemberPredictor, **how), {}
    predictor.watch(FOLDS, lambda name, logits: members.setdefault(name, logits.clone()), flips=flips)
    return predictor.predict_logits_from_preprocessed_data(image), members


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("use_gaussian", [False, True])
@pytest.mark.parametrize(("configuration", "axes"), [("2d", (0, 1)), ("3d_fullres", (0, 1, 2)), ("3d_fullres", (1, 2))])
def test_the_result_is_nnunets_own(image, configuration, axes, use_gaussian, flips):
    how = {"configuration": configuration, "axes": axes, "use_gaussian": use_gaussian}
    found, members = watched(image, flips=flips, **how)
    expected = make(nnUNetPredictor, **how).predict_logits_from_preprocessed_data(image)
    assert torch.equal(found, expected)
    assert len(members) == len(FOLDS) * (2 ** len(axes) if flips else 1)
    mean = torch.stack([logits.float() for logits in members.values()]).mean(0)
    difference = (mean - expected.float()).abs()
    assert difference.median() < 0.002
    # nnU-Net sums 16-bit floats, which leave few bits of the weights at the corners of a tile
    assert use_gaussian or difference.max() < 0.005


def test_members_are_the_folds(image):
    _, members = watched(image)
    for number, name in enumerate(FOLDS):
        predictor = make(nnUNetPredictor)
        predictor.list_of_parameters = predictor.list_of_parameters[number : number + 1]
        assert torch.equal(members[name], predictor.predict_logits_from_preprocessed_data(image))
    assert not torch.equal(*members.values())


def test_members_are_the_flips(image):
    """One tile, so that flipping the image is flipping the tile."""
    image = image[:, :, :16, :24]
    _, members = watched(image, flips=True, use_gaussian=False)
    plain = make(nnUNetPredictor, use_mirroring=False, use_gaussian=False)
    plain.list_of_parameters = plain.list_of_parameters[1:]
    names = {"not flipped": (), "flipped along y": (2,), "flipped along x": (3,), "flipped along y and x": (2, 3)}
    assert list(members) == [f"{fold}, {name}" for fold in FOLDS for name in names]
    for name, axes in names.items():
        expected = torch.flip(plain.predict_logits_from_preprocessed_data(torch.flip(image, axes)), axes)
        assert (members[f"fold 2, {name}"] - expected).abs().max() < 0.005


@pytest.mark.parametrize("how", [{"axes": None}, {"use_mirroring": False}])
def test_without_mirroring_the_folds_are_the_members(image, how):
    assert list(watched(image, flips=True, **how)[1]) == list(FOLDS)


def test_the_predictor_is_as_before_afterwards(image):
    predictor = make(MemberPredictor)
    network = predictor.network
    predictor.watch(FOLDS, lambda *_: None, flips=True)
    first, second = (predictor.predict_logits_from_preprocessed_data(image) for _ in range(2))
    assert torch.equal(first, second)
    assert predictor.network is network
    assert predictor.use_mirroring


def test_an_error_leaves_the_predictor_as_it_was(image):
    predictor = make(MemberPredictor)
    network = predictor.network

    def fail(*_):
        raise KeyboardInterrupt

    predictor.watch(FOLDS, fail, flips=True)
    with pytest.raises(KeyboardInterrupt):
        predictor.predict_logits_from_preprocessed_data(image)
    assert predictor.network is network
    assert predictor.use_mirroring


def probability_of(logits, **how):
    return tumour_probability(make(MemberPredictor, **how), torch.from_numpy(logits), PROPERTIES)


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
