"""Initial values, as the description of the network states them."""

import math

import pytest
import torch
from scipy import stats
from torch import nn

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.layers.ssm import SelectiveSSM


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return CIPA(2, 2, patch_size=(128, 128))


@pytest.fixture(scope="module")
def scans(network):
    return {name: module for name, module in network.named_modules() if isinstance(module, SelectiveSSM)}


def test_dt_is_log_uniform(scans):
    # 13 - 2 blocks in the encoder are 15; 12 in the decoder; two in each DCIM and one in each CRM.
    assert len(scans) == 15 + 12 + 8 + 4
    dt = torch.cat([nn.functional.softplus(scan.dt_projs_bias.double()).flatten() for scan in scans.values()])
    assert dt.min() >= 1e-3 * (1 - 1e-4)
    assert dt.max() <= 1e-1 * (1 + 1e-4)
    uniform = (dt.log() - math.log(1e-3)) / math.log(100)
    assert stats.kstest(uniform.detach().numpy()[::100], "uniform").pvalue > 1e-3


def test_dt_projection_is_uniform(scans):
    for scan in scans.values():
        weight = scan.dt_projs_weight.detach() * scan.dt_rank**0.5
        assert weight.abs().max() <= 1 + 1e-6
        assert weight.std().item() == pytest.approx(3**-0.5, rel=0.1)


@torch.no_grad()
def test_state_matrix_and_skip(scans):
    for name, scan in scans.items():
        states = 4 if name.startswith("decoder") else 16
        expected = torch.tensor([math.log(n) for n in range(1, states + 1)])
        torch.testing.assert_close(scan.A_logs.data, expected.expand(scan.A_logs.shape))
        assert (scan.Ds == 1).all()


def test_ranks(scans):
    assert {name: scan.dt_rank for name, scan in scans.items() if ".0.blocks.0." in name} == {
        "encoder.stages.0.blocks.0.ss2d.ssm": 6
    }
    assert scans["fusions.3.dcim.local_scan.ssm"].dt_rank == 48
    assert scans["fusions.3.crm.ss1d.ssm"].dt_rank == 6


def test_encoder_linears(network):
    linears = [module for module in network.encoder.modules() if isinstance(module, nn.Linear)]
    assert len(linears) == 2 * 15 + 3
    for linear in linears:
        assert linear.weight.mean().item() == pytest.approx(0, abs=1e-3)
        assert linear.weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_decoder_convolutions_are_kaiming_normal(network):
    convolutions = [module for module in network.decoder.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == 12 * 5 + 1
    for convolution in convolutions:
        weight = convolution.weight
        expected = math.sqrt(2 / weight[0].numel())
        # Standard error of a standard deviation is about 1 / sqrt(2 n).
        assert weight.std().item() == pytest.approx(expected, rel=5 / math.sqrt(2 * weight.numel()))
        assert convolution.bias is None or not convolution.bias.any()


def test_scales_of_the_decoder_are_one(network):
    scales = [parameter for name, parameter in network.named_parameters() if name.endswith((".scale1", ".scale2"))]
    assert len(scales) == 24
    assert all((scale == 1).all() for scale in scales)
