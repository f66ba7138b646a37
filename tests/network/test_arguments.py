"""What the network refuses, and what it says then."""

import pytest
import torch

from nnunet_cipa.network import CIPA

GOOD = {"input_channels": 2, "num_classes": 2, "patch_size": (32, 64), "variant": "nano"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_channels": 1}, "input_channels is 2, not 1"),
        ({"input_channels": 6}, "input_channels is 2, not 6"),
        ({"num_classes": 0}, "num_classes is 0"),
        ({"deep_supervision": True}, "no deep supervision"),
        ({"slices": 2}, "slices is 2; choose one of 1, 3, 5"),
        ({"slices": 7}, "slices is 7"),
        ({"sim": "output"}, "sim is 'output'; choose one of None, 'encoder', 'input', 'features'"),
        ({"sim": "encoder", "sim_stages": []}, r"sim_stages is \[\]; choose one or more of 0, 1, 2, 3"),
        ({"sim": "encoder", "sim_stages": [0, 4]}, "sim_stages is"),
        ({"sim": "encoder", "sim_stages": [1, 1]}, "sim_stages is"),
        ({"sim": "input", "sim_stages": [1]}, r'settings of sim="encoder", and sim is .input'),
        ({"sim": "features", "sim_shared": True}, r'settings of sim="encoder", and sim is .features'),
        ({"sim_learnable": True}, "sim is None"),
        ({"sim_branches": ["channel"]}, "sim is None"),
        ({"sim": "input", "sim_branches": []}, r"sim_branches is \[\]"),
        ({"sim": "input", "sim_branches": "channel"}, "sim_branches is 'channel'; choose one or more of channel, sp"),
        ({"sim": "input", "sim_branches": ["channel", "channel"]}, "sim_branches is"),
        ({"sim": "input", "sim_branches": ["channel", "depth"]}, "sim_branches is"),
        ({"variant": "huge"}, "variant is 'huge'; choose one of tiny, small, base, nano"),
        ({"region_size": 3}, "region_size is 3; choose one of 2, 4, 8"),
        ({"dcim_variant": "pet"}, "dcim_variant is 'pet'; choose one of pet_ct, pet_pet, ct_ct, ct_pet, local_ct"),
        ({"dcim_variant": "ct_ct", "dcim": False}, "dcim_variant is 'ct_ct', and dcim is False; choose one of the two"),
        ({"modalities": ("CT", "MR")}, r"modalities \('CT', 'MR'\)"),
        ({"modalities": ("CT",)}, "must be CT and PET"),
        ({"modalities": ("CT", "CT")}, "must be CT and PET"),
        ({"patch_size": (32,)}, r"\(32,\) must be \(H, W\)"),
        ({"patch_size": (3, 32, 64)}, r"\(3, 32, 64\) must be \(H, W\)"),
        ({"patch_size": (0, 32)}, "positive multiple of 32"),
        ({"patch_size": (-32, 32)}, "positive multiple of 32"),
        ({"patch_size": (32, 48)}, "positive multiple of 32"),
    ],
    ids=str,
)
def test_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        CIPA(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 2, 64, 32), r"the input is \(64, 32\) and the network was built for patch_size \(32, 64\)"),
        ((1, 2, 64, 64), "built for patch_size"),
        ((1, 6, 32, 64), r"shape \(1, 6, 32, 64\); 1 slice\(s\) of CT and PET are \(B, 2, H, W\)"),
        ((2, 32, 64), r"shape \(2, 32, 64\)"),
        ((1, 3, 4, 32, 64), r"shape \(1, 3, 4, 32, 64\)"),
        ((1, 2, 4, 32, 32), "built for patch_size"),
    ],
    ids=str,
)
def test_inputs(shape, message):
    network = CIPA(**GOOD)
    with pytest.raises(ValueError, match=message):
        network(torch.zeros(shape))


def test_sizes_without_crm():
    network = CIPA(**GOOD, crm=False)
    with pytest.raises(ValueError, match=r"\(32, 40\) must be \(H, W\), each a positive multiple of 32"):
        network(torch.zeros(1, 2, 32, 40))
