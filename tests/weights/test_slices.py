"""Tensors for another number of slices."""

import pytest
import torch

from nnunet_cipa.network import CIPA
from nnunet_cipa.weights import load_cipa_release, load_encoder
from nnunet_cipa.weights.files import write_checkpoint
from nnunet_cipa.weights.slices import PATCH_EMBED, fit_slices
from tests.network.helpers import assert_close, image, randomise
from tests.weights.conftest import build


def embed(weight, stack):
    return torch.nn.functional.conv2d(stack, weight, stride=4)


@pytest.mark.parametrize(("theirs", "ours"), [(3, 5), (5, 3)])
def test_patch_embedding_of_equal_slices_is_the_same(theirs, ours):
    weight, plane = image(8, theirs, 4, 4), image(2, 1, 16, 16)
    fitted, reason = fit_slices(PATCH_EMBED, weight, torch.empty(8, ours, 4, 4, dtype=torch.float64))
    assert reason == f"from {theirs} to {ours} slices"
    before, after = embed(weight, plane.repeat(1, theirs, 1, 1)), embed(fitted, plane.repeat(1, ours, 1, 1))
    torch.testing.assert_close(after, before)


def test_a_patch_embedding_that_grew_reads_any_stack_as_before():
    weight, stack = image(8, 3, 4, 4), image(2, 5, 16, 16)
    fitted, _ = fit_slices(PATCH_EMBED, weight, torch.empty(8, 5, 4, 4, dtype=torch.float64))
    torch.testing.assert_close(embed(fitted, stack), embed(weight, stack[:, 1:4]))


@torch.no_grad()
@pytest.mark.parametrize(("theirs", "ours"), [(1, 3), (1, 5), (3, 5)])
def test_a_grown_sim_gives_equal_slices_the_same_values_in_the_middle(theirs, ours):
    old = randomise(CIPA(2, 2, patch_size=(32, 32), variant="nano", slices=theirs, sim="input")).sim["CT"]
    new = CIPA(2, 2, patch_size=(32, 32), variant="nano", slices=ours, sim="input").sim["CT"]
    state = {}
    for name, initial in new.state_dict().items():
        tensor = old.state_dict()[name]
        same = tensor.shape == initial.shape
        state[name] = tensor if same else fit_slices(f"sim.CT.{name}", tensor, initial)[0]
    new.load_state_dict(state)
    plane = image(2, 1, 12, 12, dtype=torch.float32)
    before, after = old(plane.repeat(1, theirs, 1, 1)), new(plane.repeat(1, ours, 1, 1))
    cut = (ours - theirs) // 2
    torch.testing.assert_close(after[:, cut : ours - cut], before)


def test_every_part_of_a_grown_sim_gets_a_gradient():
    old = randomise(CIPA(2, 2, patch_size=(32, 32), variant="nano", slices=3, sim="input")).sim["CT"]
    new = CIPA(2, 2, patch_size=(32, 32), variant="nano", slices=5, sim="input").sim["CT"]
    for name, initial in new.state_dict().items():
        tensor = old.state_dict()[name]
        if tensor.shape != initial.shape:
            initial.copy_(fit_slices(f"sim.CT.{name}", tensor, initial)[0])
        else:
            initial.copy_(tensor)
    optimizer = torch.optim.SGD(new.parameters(), lr=1e-2)
    for _ in range(2):  # filters whose output is not used yet get theirs one step later
        optimizer.zero_grad()
        (new(image(2, 5, 12, 12, dtype=torch.float32)) - 1).square().mean().backward()
        optimizer.step()
    for name, parameter in new.named_parameters():
        assert parameter.grad.ne(0).flatten(1).any(1).all() if parameter.ndim > 1 else parameter.grad.ne(0).all(), name


@pytest.mark.parametrize(
    ("name", "theirs", "ours"),
    [
        (PATCH_EMBED, (8, 3, 4, 4), (16, 5, 4, 4)),
        (PATCH_EMBED, (8, 4, 4, 4), (8, 3, 4, 4)),
        (PATCH_EMBED, (8, 3, 4), (8, 3, 4, 4)),
        ("feature_sims.0.CT.branches.relation.across.weight", (32, 3, 3, 3), (96, 3, 3, 3)),
        ("encoder.stages.0.blocks.0.norm.weight", (3,), (5,)),
    ],
)
def test_other_sizes_are_no_matter_of_slices(name, theirs, ours):
    assert fit_slices(name, torch.zeros(theirs), torch.zeros(ours)) is None


@torch.no_grad()
@pytest.mark.parametrize(
    "settings", [{"slices": 3}, {"slices": 5}, {"slices": 5, "sim": "features"}, {"slices": 3, "sim": "encoder"}]
)
def test_an_encoder_file_fits_every_number_of_slices(tmp_path, settings):
    source = randomise(build())
    write_checkpoint(source.state_dict(), tmp_path / "encoder.pth")
    network = build(**settings)
    assert load_encoder(network, tmp_path / "encoder.pth") == sum(n.startswith("encoder.") for n in source.state_dict())
    plane = image(2, 1, 64, 64, dtype=torch.float32)
    before = source.encoder(plane.repeat(1, 3, 1, 1))
    after = network.encoder(plane.repeat(1, network.encoder.in_channels, 1, 1))
    gain = next(iter(network.initial_gains().values()), 1)
    for one, other in zip(after, before, strict=True):
        assert_close(gain * one, other, 1e-5)


@torch.no_grad()
def test_released_weights_load_into_a_network_with_sim(released):
    released = {name: x.abs() if name.endswith("running_var") else x for name, x in released.items()}
    for kind, prefix in (("encoder", "encoder_sims."), ("input", "sim."), ("features", "feature_sims.")):
        network, plain = build(slices=3, sim=kind), build()
        table, expected = load_cipa_release(network, released), load_cipa_release(plain, released)
        sim = [name for name in network.state_dict() if name.startswith(prefix)]
        assert sim
        assert table.names("initial") == sim
        compensated = network.initial_gains().keys()
        assert set(table.names("converted")) == set(expected.names("converted")) | compensated
        assert set(table.names("loaded")) == set(expected.names("loaded")) - compensated
        plane = image(1, 2, 64, 64, dtype=torch.float32)
        assert_close(network.eval()(plane.repeat_interleave(3, dim=1)), plain.eval()(plane), 1e-5)
