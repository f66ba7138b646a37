"""Numbers of parameters, against the paper and the list of the released tensors."""

import math
import re
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
    "table 6, 1": ({"dcim_variant": "pet_pet"}, 54.57),
    "table 6, 2": ({"dcim_variant": "ct_ct"}, 54.57),
    "table 6, 3": ({"dcim_variant": "ct_pet"}, 54.57),
    "table 6, 4": ({"dcim_variant": "local_ct"}, 48.48),
    "table 6, 5": ({"dcim_variant": "region_pet"}, 48.43),
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


@pytest.mark.parametrize(("variant", "exact"), [("local_ct", 48_475_238), ("region_pet", 48_432_038)])
def test_a_branch_without_its_scan_lacks_its_scan_and_norm_alone(variant, exact):
    network, whole = (CIPA(2, 1, patch_size=(512, 512), dcim_variant=name) for name in (variant, "pet_ct"))
    assert count(network) == exact
    gone = {re.sub(r".*dcim\.(\w+).*", r"\1", name) for name in whole.state_dict().keys() - network.state_dict().keys()}
    assert gone == {"local_ct": {"region_norm", "region_scan"}, "region_pet": {"local_norm", "local_scan"}}[variant]


def test_sizes_of_the_variants():
    sizes = {name: (variant.width, variant.depths) for name, variant in VARIANTS.items() if name != "nano"}
    assert sizes == {"tiny": (96, (2, 2, 9, 2)), "small": (96, (2, 2, 27, 2)), "base": (128, (2, 2, 27, 2))}
