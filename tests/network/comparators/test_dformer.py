"""DFormer against what the authors' network gives for fixed weights, and against its published size."""

import zlib

import numpy as np
import pytest
import torch

from nnunet_cipa.network import comparators
from nnunet_cipa.network.comparators.dformer.hamburger import MatrixDecomposition
from tests.data.comparators.fixture import load_shapes, reference_weights
from tests.data.fixture import reference_input
from tests.network.comparators.original import read_fixture
from tests.network.helpers import assert_close

NAMES = ("logits", "low", "f0", "f1", "f2", "f3", "depth0", "depth2", "squeeze", "ham")
STEPS = {"low": 1, "f0": 4, "depth0": 4, "f1": 2, "squeeze": 2, "ham": 2}


def original_bases():
    """Return the bases that the original was given to start from."""
    draw = np.random.RandomState(zlib.crc32(b"bases")).uniform(0, 1, (1, 512, 64))
    return torch.from_numpy((draw / np.sqrt((draw**2).sum(1, keepdims=True))).astype(np.float32))


@pytest.fixture(scope="module")
def original():
    return read_fixture("DFormer")


@pytest.fixture(scope="module")
def network():
    network = comparators.build("dformer", 2, 2, patch_size=(256, 256), slices=3).eval()
    comparators.load_original(network, {k: torch.from_numpy(v) for k, v in reference_weights("DFormer").items()})
    network.decoder.decomposition.start.copy_(original_bases())
    return network


@pytest.fixture(scope="module")
def outputs(network):
    """Logits and features by the fixture's names, sampled as there."""
    found = {}

    def keep(name, pick):
        return lambda module, inputs, output: found.update({name: pick(inputs, output)[0]})

    stages, decoder = network.encoder.stages, network.decoder
    hooked = [
        (decoder.head, keep("low", lambda inputs, output: output)),
        (decoder.ham_in, keep("squeeze", lambda inputs, output: inputs[0])),
        (decoder.align, keep("ham", lambda inputs, output: inputs[0])),
        *((stages[s][-1], keep(f"f{s}", lambda inputs, output: output[0].permute(0, 3, 1, 2))) for s in range(4)),
        *((stages[s][-1], keep(f"depth{s}", lambda inputs, output: output[1].permute(0, 3, 1, 2))) for s in (0, 2)),
    ]
    hooks = [module.register_forward_hook(hook) for module, hook in hooked]
    ct, pet = (torch.from_numpy(image) for image in reference_input(1, 256))
    with torch.no_grad():
        # The original reads the first of PET's channels, this network the slice in the middle.
        logits = network(torch.cat((ct, pet[:, [1, 0, 2]]), dim=1))
    for hook in hooks:
        hook.remove()
    sampled = {name: x[:8, :: STEPS.get(name, 1), :: STEPS.get(name, 1)] for name, x in found.items()}
    return sampled | {"logits": logits[0, :, 2::4, 2::4]}


@pytest.mark.parametrize("name", NAMES)
def test_numbers(name, outputs, original):
    assert_close(outputs[name], original[name], 1e-5)


def test_all_numbers_of_the_fixture_are_compared(original):
    assert set(original) == set(NAMES)


def test_sizes(network):
    """Table 2 of the CVPR paper prints 39.01 M; of two classes the head has 513 more than of one."""
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert parts == {"intensities": 0, "encoder": 37_679_184, "decoder": 1_331_201 + 513}
    assert sum(parts.values()) - 513 == 39_010_385
    assert len(load_shapes("DFormer")) == 1028
    assert len(network.state_dict()) == 1028


@pytest.fixture
def matrix():
    """A matrix of rank 2, not negative, as (1, C, N)."""
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.uniform(size=(16, 2)) @ rng.uniform(size=(2, 40)))[None]


def test_the_decomposition_comes_near_to_a_matrix_of_its_rank(matrix):
    torch.manual_seed(0)
    for module in (MatrixDecomposition(16, 2).eval(), MatrixDecomposition(16, 2).train()):
        found = module(matrix)
        assert torch.linalg.matrix_rank(found[0]) == 2
        assert_close(found, matrix, 0.2)


def test_the_decomposition_starts_anew_in_training_and_from_one_draw_in_evaluation(matrix):
    torch.manual_seed(0)
    module, other = MatrixDecomposition(16, 2).train(), MatrixDecomposition(16, 2).eval()
    assert not torch.equal(module(matrix), module(matrix))
    samples = module(matrix.expand(2, -1, -1))
    assert not torch.equal(samples[0], samples[1])
    module.eval()
    assert torch.equal(module(matrix), other(matrix))
    assert module.state_dict() == {}


def test_the_decomposition_is_not_rounded_to_half_precision(matrix):
    module = MatrixDecomposition(16, 2).eval()
    matrix = matrix.float()
    with torch.autocast("cpu", torch.bfloat16):
        found = module(matrix)
    assert torch.equal(found, module(matrix))
