"""Numbers of parameters, against the paper and the list of the released tensors."""

import math
from collections import Counter

import pytest

from nnunet_cipa.network import CIPA, VARIANTS
from tests.data.fixture import load_shapes

BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
MILLIONS = {
    "table 4, neither": ({"crm": False, "dcim": False}, 33.92),
    "table 4, CRM": ({"dcim": False}, 36.32),
    "table 4, DCIM": ({"crm": False}, 52.17),
    "table 4, both": ({}, 54.57),
    "table 5, 2 x 2": ({"region_size": 2}, 54.92),
    "table 5, 4 x 4": ({"region_size": 4}, 54.57),
    "table 5, 8 x 8": ({"region_size": 8}, 54.82),
}


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("switches", "millions"), MILLIONS.values(), ids=MILLIONS)
def test_papers_tables(switches, millions):
    network = CIPA(2, 1, patch_size=(512, 512), **switches)
    assert f"{count(network) / 1e6:.2f}" == f"{millions:.2f}"


def test_released_tensors():
    shapes = {name: shape for name, (shape, _) in load_shapes().items()}
    network = CIPA(2, 1, patch_size=(512, 512))
    assert count(network) == sum(math.prod(s) for n, s in shapes.items() if not n.endswith(BUFFERS)) == 54_572_198
    assert Counter(tuple(t.shape) for t in network.state_dict().values()) == Counter(shapes.values())


def test_sizes_of_the_variants():
    sizes = {name: (variant.width, variant.depths) for name, variant in VARIANTS.items() if name != "nano"}
    assert sizes == {"tiny": (96, (2, 2, 9, 2)), "small": (96, (2, 2, 27, 2)), "base": (128, (2, 2, 27, 2))}
