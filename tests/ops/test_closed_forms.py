"""Scans whose result is known without running one."""

import pytest
import torch
from torch.nn import functional as F

from nnunet_cipa.ops import selective_scan

BACKENDS = ("reference", "torch", "numba")


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_decay_the_state_is_the_cumulative_sum(backend: str) -> None:
    u = torch.randn(2, 6, 1000)
    y, last = selective_scan(
        u, torch.ones_like(u), torch.zeros(6, 1), torch.ones(6, 1), torch.ones(6, 1), return_last_state=True,
        backend=backend,
    )  # fmt: skip
    expected = u.double().cumsum(-1)
    torch.testing.assert_close(y.double(), expected, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(last[..., 0].double(), expected[..., -1], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_with_constant_decay_a_constant_input_gives_a_geometric_series(backend: str) -> None:
    length, decay = 300, 0.97
    u = torch.ones(1, 3, length)
    y = selective_scan(
        u, u, torch.full((3, 2), decay).log(), torch.ones(3, 2), torch.full((3, 2), 0.5), backend=backend
    )
    t = torch.arange(1, length + 1, dtype=torch.float64)
    expected = (1 - decay**t) / (1 - decay)
    torch.testing.assert_close(y.double(), expected.expand(1, 3, -1), rtol=1e-5, atol=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_states_output_is_skip_and_gate(backend: str) -> None:
    u, z, D = torch.randn(2, 4, 70), torch.randn(2, 4, 70), torch.randn(4)
    zero = torch.zeros(4, 2)
    y = selective_scan(u, torch.randn_like(u), zero, zero, zero, D=D, z=z, delta_softplus=True, backend=backend)
    torch.testing.assert_close(y, u * D[:, None] * F.silu(z))


@pytest.mark.parametrize("backend", BACKENDS)
def test_dt_is_the_softplus_of_delta_and_bias(backend: str) -> None:
    delta = torch.linspace(-60, 60, 241).expand(1, 2, -1).contiguous()
    bias = torch.tensor([0.0, 3.0])
    one = torch.ones(2, 1)
    # With so strong a decay the state is the input of its own step: dt * B * u.
    y = selective_scan(
        torch.ones_like(delta), delta, -1e30 * one, one, one, delta_bias=bias, delta_softplus=True, backend=backend
    )
    expected = torch.log1p(torch.exp(-(delta.double() + bias[:, None]).abs())) + (delta + bias[:, None]).clamp(min=0)
    torch.testing.assert_close(y.double(), expected, rtol=2e-6, atol=1e-37)


def test_a_long_sequence_does_not_drift() -> None:
    u = torch.ones(1, 1, 200_000)
    one = torch.ones(1, 1)
    y = selective_scan(u, u, 0 * one, one, one, backend="numba")
    assert y[0, 0, -1] == 200_000
