"""nnU-Net builds the network from what a plans file can hold."""

import json

import pytest
import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

from nnunet_cipa.network import CIPA

KWARGS = {
    "patch_size": [32, 64],
    "slices": 3,
    "variant": "nano",
    "sim": None,
    "crm": True,
    "dcim": False,
    "region_size": 2,
    "modalities": ["PET", "CT"],
}


@pytest.mark.parametrize("deep_supervision", [False, None])
def test_network_from_plans(deep_supervision):
    kwargs = json.loads(json.dumps(KWARGS))
    network = get_network_from_plans(
        "nnunet_cipa.network.CIPA", kwargs, [], 2, 3, allow_init=True, deep_supervision=deep_supervision
    )
    assert type(network) is CIPA
    assert network.modalities == ("PET", "CT")
    with torch.no_grad():
        assert network.eval()(torch.zeros(1, 6, 32, 64)).shape == (1, 3, 32, 64)


def test_deep_supervision_is_refused():
    with pytest.raises(ValueError, match="no deep supervision"):
        get_network_from_plans("nnunet_cipa.network.CIPA", KWARGS, [], 2, 3, deep_supervision=True)
