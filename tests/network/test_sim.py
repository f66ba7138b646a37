"""The slice interaction module by itself, against NumPy and SciPy."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from scipy.special import erf, expit

from nnunet_cipa.network.sim.branches import BRANCHES
from nnunet_cipa.network.sim.sim import EncoderSIM, FeatureSIM, InputSIM
from tests.network.helpers import arrays, assert_close, image, randomise

ALPHA, BETA, GAMMA = 0.3, 0.3, 0.4
SLICES = [1, 3, 5]
CHANNELS = 32
MAKERS = {
    "input": InputSIM,
    "encoder": lambda slices, **more: EncoderSIM(CHANNELS, **more),
    "features": lambda slices, **more: FeatureSIM(slices, CHANNELS, **more),
}


def window(kind, slices, batch=2):
    shapes = {"input": (slices, 6, 7), "encoder": (6, 7, CHANNELS), "features": (slices, 6, 7, CHANNELS)}
    return image(batch, *shapes[kind])


def kept_of(kind, x):
    return x[:, x.shape[1] // 2] if kind == "features" else x


def silu(x):
    return x * expit(x)


def gelu(x):
    return x * (1 + erf(x / np.sqrt(2))) / 2


def same_size(maps, kernel):
    return sum(correlate(m, k, mode="constant") for m, k in zip(maps, kernel, strict=True))


def where(state, average, maximum):
    kernel, bias = state["branches.spatial.conv.weight"][0], state["branches.spatial.conv.bias"][0]
    return expit(same_size((average, maximum), kernel) + bias)


def by_hand_on_input(x, state):
    """One sample, (S, H, W)."""
    what, relation = "branches.channel.", "branches.relation."

    def score(pooled):
        hidden = silu(state[what + "expand.weight"] @ pooled + state[what + "expand.bias"])
        return state[what + "reduce.weight"] @ hidden + state[what + "reduce.bias"]

    channel = x * expit(score(x.mean((1, 2))) + score(x.max((1, 2))))[:, None, None]
    spatial = x * where(state, x.mean(0), x.max(0))
    depthwise = [
        gelu(correlate(m, k[0], mode="constant") + b)
        for m, k, b in zip(x, state[relation + "depthwise.weight"], state[relation + "depthwise.bias"], strict=True)
    ]
    mixed = np.einsum("os,shw->ohw", state[relation + "pointwise.weight"][:, :, 0, 0], np.stack(depthwise))
    mixed += state[relation + "pointwise.bias"][:, None, None]
    return x + ALPHA * channel + BETA * spatial + GAMMA * mixed


def by_hand_on_features(x, state):
    """One sample, (S, H, W, C)."""
    what, relation, centre = "branches.channel.", "branches.relation.", x[len(x) // 2]

    def score(pooled):
        hidden = silu(np.einsum("hcs,sc->h", state[what + "squeeze.weight"], pooled) + state[what + "squeeze.bias"])
        return state[what + "excite.weight"][:, :, 0] @ hidden + state[what + "excite.bias"]

    channel = centre * expit(score(x.mean((1, 2))) + score(x.max((1, 2))))
    spatial = centre * where(state, x.mean((0, 3)), x.max((0, 3)))[..., None]
    across = [
        gelu(same_size(x[..., c], state[relation + "across.weight"][c]) + state[relation + "across.bias"][c])
        for c in range(x.shape[-1])
    ]
    within = [
        correlate(m, k[0], mode="constant") + b
        for m, k, b in zip(across, state[relation + "within.weight"], state[relation + "within.bias"], strict=True)
    ]
    return centre + ALPHA * channel + BETA * spatial + GAMMA * np.stack(within, axis=-1)


def by_hand_on_maps(x, state):
    """One sample, (H, W, C)."""
    what, relation = "branches.channel.", "branches.relation."

    def score(pooled):
        hidden = np.maximum(state[what + "squeeze.weight"] @ pooled + state[what + "squeeze.bias"], 0)
        return state[what + "excite.weight"] @ hidden + state[what + "excite.bias"]

    channel = x * expit(score(x.mean((0, 1))) + score(x.max((0, 1))))
    spatial = x * where(state, x.mean(2), x.max(2))[..., None]
    depthwise = [
        gelu(correlate(x[..., c], state[relation + "0.weight"][c, 0], mode="constant") + state[relation + "0.bias"][c])
        for c in range(x.shape[-1])
    ]
    mixed = np.einsum("oc,chw->hwo", state[relation + "2.weight"][:, :, 0, 0], np.stack(depthwise))
    return x + ALPHA * channel + BETA * spatial + GAMMA * (mixed + state[relation + "2.bias"])


BY_HAND = {"input": by_hand_on_input, "encoder": by_hand_on_maps, "features": by_hand_on_features}


@torch.no_grad()
@pytest.mark.parametrize("slices", SLICES)
@pytest.mark.parametrize("kind", MAKERS)
def test_equals_the_formula_written_in_numpy(kind, slices):
    sim = randomise(MAKERS[kind](slices).double())
    x = window(kind, slices)
    expected = np.stack([BY_HAND[kind](sample, arrays(sim)) for sample in x.numpy()])
    assert_close(sim(x), expected, 1e-12)


@torch.no_grad()
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(
    ("branches", "gain"),
    [(BRANCHES, 1.3), (("relation",), 1.0), (("channel",), 1.15), (("spatial", "relation"), 1.15)],
)
def test_a_new_module_is_a_multiplication(kind, branches, gain):
    sim = MAKERS[kind](3, branches=branches).double()
    x = window(kind, 3)
    assert sim.initial_gain == pytest.approx(gain)
    kept = kept_of(kind, x)
    torch.testing.assert_close(sim(x), gain * kept)


@torch.no_grad()
@pytest.mark.parametrize("kind", MAKERS)
def test_the_branches_alone_add_up_to_all_three(kind):
    whole = randomise(MAKERS[kind](3).double())
    x = window(kind, 3)
    kept = kept_of(kind, x)
    parts = torch.zeros_like(kept)
    for name in BRANCHES:
        alone = MAKERS[kind](3, branches=[name]).double()
        alone.load_state_dict({key: value for key, value in whole.state_dict().items() if f".{name}." in key})
        parts += alone(x) - kept
    assert_close(whole(x), kept + parts, 1e-12)


@pytest.mark.parametrize("kind", MAKERS)
def test_learnable_weights_start_as_the_fixed_ones_and_get_a_gradient(kind):
    torch.manual_seed(0)
    fixed = MAKERS[kind](3)
    torch.manual_seed(0)
    learnable = MAKERS[kind](3, learnable=True)
    assert set(learnable.state_dict()) - set(fixed.state_dict()) == {"weights"}
    assert learnable.weights.tolist() == pytest.approx([ALPHA, BETA, GAMMA])
    x = window(kind, 3).float()
    torch.testing.assert_close(learnable(x), fixed(x))
    randomise(learnable)(x).square().mean().backward()
    assert learnable.weights.grad.ne(0).all()


@torch.no_grad()
@pytest.mark.parametrize("kind", ["input", "features"])
def test_slices_interact(kind):
    """A change in the first slice of a window changes what becomes of the others."""
    sim, x = randomise(MAKERS[kind](3).double()), window(kind, 3)
    changed = x.clone()
    changed[:, 0] += 1
    others = (slice(None), slice(1, None)) if kind == "input" else (slice(None),)
    assert (sim(changed) - sim(x))[others].abs().max() > 1e-3


def test_gradients_agree_with_finite_differences():
    for kind, make in MAKERS.items():
        sim = randomise(make(3).double())
        x = window(kind, 3, batch=1) if kind == "input" else window(kind, 3, batch=1)[..., :2, :2, :]
        assert torch.autograd.gradcheck(sim, x.contiguous().requires_grad_())
