"""Every part, and the whole, against NumPy code that was written from the description of the network alone."""

import numpy as np
import pytest
import torch

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.cipa.crm import CRM
from nnunet_cipa.network.cipa.dcim import DCIM
from nnunet_cipa.network.cipa.dcim_variants import DCIM_VARIANTS
from nnunet_cipa.network.cipa.decoder import CVSSDecoder
from nnunet_cipa.network.cipa.encoder import VMambaEncoder
from nnunet_cipa.network.layers.ss2d import SS1D, SS2D
from tests.network import spec, spec_network
from tests.network.helpers import MICRO, add_micro, arrays, assert_close, image, randomise

EXACT = 1e-11


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 3), (5, 7)])
def test_ss2d(size):
    module = randomise(SS2D(20, 3).double())
    x = image(2, *size, 20)
    expected = [spec.ss2d(one.numpy(), arrays(module)) for one in x]
    assert_close(module(x), expected, EXACT)


@torch.no_grad()
def test_ss1d():
    module = randomise(SS1D(20, 5).double())
    x = image(2, 9, 20)
    assert_close(module(x), [spec.ss1d(one.numpy(), arrays(module)) for one in x], EXACT)


@torch.no_grad()
def test_crm():
    module = randomise(CRM(6 * 4, 12, 3).double())
    ct, pet = image(2, 6, 4, 5), image(2, 6, 4, 5, seed=1)
    expected = [spec.crm(*pair, arrays(module)) for pair in zip(ct.numpy(), pet.numpy(), strict=True)]
    assert_close(torch.stack(module(ct, pet), dim=1), expected, EXACT)


@torch.no_grad()
@pytest.mark.parametrize("region_size", [2, 4, 8])
@pytest.mark.parametrize("size", [(8, 16), (5, 11)])
def test_dcim(region_size, size):
    module = randomise(DCIM(16, region_size, 3).double()).eval()
    ct, pet = image(2, *size, 16), image(2, *size, 16, seed=1)
    expected = [spec.dcim(*pair, arrays(module), region_size) for pair in zip(ct.numpy(), pet.numpy(), strict=True)]
    assert_close(module(ct, pet), expected, EXACT)


@torch.no_grad()
@pytest.mark.parametrize(
    ("variant", "region", "local", "silent"),
    [
        ("pet_ct", "PET", "CT", None),
        ("pet_pet", "PET", "PET", None),
        ("ct_ct", "CT", "CT", None),
        ("ct_pet", "CT", "PET", None),
        ("local_ct", "PET", "CT", "region_scan"),
        ("region_pet", "PET", "CT", "local_scan"),
    ],
)
def test_variants_of_dcim(variant, region, local, silent):
    """A branch that does not scan is one whose scan gives zeros."""
    whole = randomise(DCIM(16, 4, 3).double()).eval()
    if silent:
        getattr(whole, silent).out_proj.weight.zero_()
    module = DCIM(16, 4, 3, DCIM_VARIANTS[variant]).double().eval()
    module.load_state_dict({name: whole.state_dict()[name] for name in module.state_dict()})
    pair = {"CT": image(8, 12, 16), "PET": image(8, 12, 16, seed=1)}
    expected = spec.dcim(pair[local].numpy(), pair[region].numpy(), arrays(whole), 4)
    assert_close(module(pair["CT"][None], pair["PET"][None])[0], expected, EXACT)


@torch.no_grad()
def test_encoder():
    module = randomise(VMambaEncoder(MICRO).double()).eval()
    x = image(2, 3, 64, 32)
    per_image = [spec_network.encoder(one.numpy(), arrays(module)) for one in x]
    for feature, expected in zip(module(x), zip(*per_image, strict=True), strict=True):
        assert_close(feature, expected, EXACT)


@torch.no_grad()
def test_decoder():
    module = randomise(CVSSDecoder(MICRO, 3).double()).eval()
    features = [image(2, 8 // 2**i, 16 // 2**i, width, seed=i) for i, width in enumerate(MICRO.widths)]
    expected = [spec_network.decoder([feature[b].numpy() for feature in features], arrays(module)) for b in range(2)]
    assert_close(module(features), expected, EXACT)


@torch.no_grad()
@pytest.mark.parametrize(
    ("patch_size", "switches"),
    [
        ((32, 64), {}),
        ((64, 32), {"crm": False}),
        ((32, 64), {"dcim": False}),
        ((32, 32), {"crm": False, "dcim": False}),
        ((32, 64), {"region_size": 2}),
        ((64, 32), {"region_size": 8}),
    ],
)
def test_whole_network(monkeypatch, patch_size, switches):
    add_micro(monkeypatch)
    network = CIPA(2, 2, patch_size=patch_size, slices=3, variant="micro", **switches)
    network = randomise(network.double()).eval()
    x = image(1, 6, *patch_size)
    ct, pet = np.split(x[0].numpy(), 2)
    expected = spec_network.cipa(ct, pet, arrays(network), switches.get("region_size", 4))
    assert_close(network(x)[0], expected, EXACT)
