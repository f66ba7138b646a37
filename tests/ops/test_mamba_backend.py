"""The mamba-ssm backend against a stand-in with that package's calling convention, and against the package on a GPU."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from nnunet_cipa.ops import available_backends, mamba_ssm, selective_scan
from nnunet_cipa.ops.arguments import check_arguments
from nnunet_cipa.ops.mamba_ssm import scan as mamba_scan
from nnunet_cipa.ops.reference.scan import selective_scan_reference


def stand_in(flaw: float = 1.0) -> SimpleNamespace:
    """Make selective_scan_cuda's two functions, as mamba-ssm's interface calls them, from the reference."""

    def scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus):
        assert z is None
        assert all(x.stride(-1) == 1 for x in (u, delta, B, C))
        arguments = check_arguments(u, delta, A, B, C, D, None, delta_bias, delta_softplus=delta_softplus)
        return selective_scan_reference(arguments)

    def fwd(*arguments):
        y, last = scan(*arguments)
        u, A = arguments[0], arguments[2]
        kept = torch.zeros(*u.shape[:2], -(-u.shape[2] // 2048), 2 * A.shape[1])
        kept[:, :, -1, 1::2] = last
        return y * flaw, kept

    def bwd(u, delta, A, B, C, D, z, delta_bias, dout, x, out, dz, delta_softplus, recompute_out_z):
        assert x.shape[3] == 2 * A.shape[1]
        assert (z, out, dz, recompute_out_z) == (None, None, None, False)
        given = [t for t in (u, delta, A, B, C, D, delta_bias) if t is not None]
        with torch.enable_grad():
            leaves = [t.detach().requires_grad_() for t in given]
            again = iter(leaves)
            inputs = [next(again) if t is not None else None for t in (u, delta, A, B, C, D, delta_bias)]
            y, _ = scan(*inputs[:6], None, inputs[6], delta_softplus)
            grads = iter(torch.autograd.grad(y, leaves, dout))
        return [next(grads) if t is not None else None for t in (u, delta, A, B, C, D, delta_bias)]

    return SimpleNamespace(fwd=fwd, bwd=bwd)


@pytest.mark.parametrize("optional", [True, False])
def test_calling_convention(
    make_inputs: Callable[..., dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch, optional: bool
) -> None:
    monkeypatch.setattr(mamba_scan, "_kernel", stand_in)
    inputs = make_inputs(length=20)
    z = inputs.pop("z")
    if not optional:
        del inputs["D"], inputs["delta_bias"]
    arguments = check_arguments(
        **{"D": None, "delta_bias": None} | {k: x.detach().float() for k, x in inputs.items()},
        z=None,
        delta_softplus=True,
    )
    y, last, saved = mamba_scan.forward(arguments)
    expected, expected_last = selective_scan(**inputs, delta_softplus=True, return_last_state=True, backend="reference")
    assert saved.shape == mamba_scan.saved_shape(arguments)
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(last.double(), expected_last, rtol=1e-4, atol=1e-5)
    grads = mamba_scan.backward(z.detach(), torch.zeros_like(last), saved, arguments)
    expected.backward(z)
    by_name = dict(zip(("u", "delta", "A", "B", "C", "D", "delta_bias"), grads, strict=True))
    assert {name for name, grad in by_name.items() if grad is None} == set(by_name) - set(inputs)
    for name, x in inputs.items():
        torch.testing.assert_close(by_name[name].double(), x.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("flaw", "accepted"), [(1.0, True), (1.01, False)])
def test_a_kernel_that_computes_something_else_is_not_usable(
    monkeypatch: pytest.MonkeyPatch, flaw: float, accepted: bool
) -> None:
    monkeypatch.setattr(mamba_scan, "_kernel", lambda: stand_in(flaw))
    monkeypatch.setattr(mamba_ssm, "find_spec", lambda name: name)
    monkeypatch.setattr(mamba_scan, "_DEVICE", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a stand-in")
    usable, reason = mamba_ssm.usable.__wrapped__()
    assert usable is accepted
    assert ("a stand-in" in reason) is accepted
    assert ("its kernel does not run here: AssertionError" in reason) is not accepted


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_the_device(make_inputs: Callable[..., dict[str, Tensor]]) -> None:
    usable, reason = available_backends()["mamba_ssm"]
    if not usable:
        pytest.skip(reason)
    inputs = make_inputs(length=3000, states=16)
    on_device = {name: x.detach().float().cuda().requires_grad_() for name, x in inputs.items()}
    y = selective_scan(**on_device, delta_softplus=True, backend="mamba_ssm")
    expected = selective_scan(**inputs, delta_softplus=True, backend="torch")
    torch.testing.assert_close(y.cpu().double(), expected, rtol=1e-3, atol=1e-3)
    y.sum().backward()
    expected.sum().backward()
    for name, x in inputs.items():
        torch.testing.assert_close(on_device[name].grad.cpu().double(), x.grad, rtol=1e-2, atol=1e-2)
