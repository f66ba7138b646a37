"""Which backend a call gets, and what is said about the others."""

import dataclasses
import logging
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops import available_backends, choice, mamba_ssm, numba, preferred_backend, registry, selective_scan
from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.ops.mamba_ssm import scan as mamba_scan

CPU = ScanTraits("cpu", torch.float32, 16, False, False)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNUNET_CIPA_SCAN_BACKEND", raising=False)
    monkeypatch.setattr(choice, "_logged", set())


def let(monkeypatch: pytest.MonkeyPatch, usable: bool, *names: str) -> None:
    """Let backends be usable, or not, whatever this machine has."""
    for backend in registry.backends():
        if backend.name in names:
            told = dataclasses.replace(backend, usable=lambda: (usable, "as told"))
            monkeypatch.setitem(registry._registered, backend.name, told)


def test_every_backend_gives_a_reason() -> None:
    backends = available_backends()
    assert list(backends) == ["reference", "torch", "mamba_ssm", "numba", "triton"]
    assert all(isinstance(usable, bool) and reason for usable, reason in backends.values())
    assert all(backends[name][0] for name in ("reference", "torch", "numba"))


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        (CPU, "numba"),
        (CPU._replace(compute_dtype=torch.float64), "torch"),
        (CPU._replace(constant_matrices=True, return_last_state=True, state_size=300), "numba"),
        (CPU._replace(device_type="mps"), "torch"),
    ],
)
def test_choice_by_device(traits: ScanTraits, expected: str) -> None:
    assert choice.choose_backend(None, traits) == expected


def test_cuda_prefers_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    let(monkeypatch, True, "mamba_ssm", "triton")
    cuda = CPU._replace(device_type="cuda")
    assert preferred_backend("cuda") == "triton"
    for change in ({"constant_matrices": True, "return_last_state": True}, {"state_size": 128}):
        assert choice.choose_backend(None, cuda._replace(**change)) == "triton"
    assert choice.choose_backend(None, cuda._replace(state_size=200)) == "mamba_ssm"
    assert choice.choose_backend(None, cuda._replace(compute_dtype=torch.float64)) == "torch"
    monkeypatch.setenv("NNUNET_CIPA_SCAN_BACKEND", "triton")
    with pytest.raises(CIPAError, match="'triton' cannot be used: it computes on cuda devices, the tensors are on cpu"):
        choice.choose_backend(None, CPU)


def test_without_triton_cuda_prefers_mamba_for_what_it_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    let(monkeypatch, False, "triton")
    let(monkeypatch, True, "mamba_ssm")
    cuda = CPU._replace(device_type="cuda")
    assert preferred_backend("cuda") == "mamba_ssm"
    assert choice.choose_backend(None, cuda) == "mamba_ssm"
    for change in (
        {"state_size": 257},
        {"constant_matrices": True},
        {"return_last_state": True},
        {"compute_dtype": torch.float64},
    ):
        assert choice.choose_backend(None, cuda._replace(**change)) == "torch"
        with pytest.raises(CIPAError, match="scan backend 'mamba_ssm' cannot be used: it "):
            choice.choose_backend("mamba_ssm", cuda._replace(**change))


def test_backends_that_can_take_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    let(monkeypatch, True, "mamba_ssm", "triton")
    cuda = CPU._replace(device_type="cuda")
    assert choice.backends_for(CPU) == ["reference", "torch", "numba"]
    assert choice.backends_for(cuda) == ["reference", "torch", "mamba_ssm", "triton"]
    assert choice.backends_for(cuda._replace(state_size=200)) == ["reference", "torch", "mamba_ssm"]


def test_a_rejected_backend_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="nnunet_cipa.ops.choice"):
        for _ in range(3):
            choice.choose_backend(None, CPU._replace(compute_dtype=torch.float64))
    assert [record.getMessage() for record in caplog.records] == [
        "scan backend numba is not used on cpu: it computes in float32, the tensors need torch.float64"
    ]


def test_unknown_names_are_refused(
    make_inputs: Callable[..., dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = make_inputs()
    with pytest.raises(
        CIPAError, match=r"argument backend: unknown scan backend 'cuda'; choose one of reference, torch, "
    ):
        selective_scan(**inputs, backend="cuda")
    monkeypatch.setenv("NNUNET_CIPA_SCAN_BACKEND", "nunba")
    with pytest.raises(CIPAError, match="NNUNET_CIPA_SCAN_BACKEND: unknown scan backend 'nunba'"):
        selective_scan(**inputs)


def test_environment_forces_and_argument_wins(
    make_inputs: Callable[..., dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []
    for name in ("torch", "numba"):
        module = registry.scan_of(name)
        forward = module.forward
        monkeypatch.setattr(module, "forward", lambda x, name=name, forward=forward: called.append(name) or forward(x))
    inputs = make_inputs(dtype=torch.float32)
    selective_scan(**inputs)
    monkeypatch.setenv("NNUNET_CIPA_SCAN_BACKEND", "torch")
    selective_scan(**inputs)
    selective_scan(**inputs, backend="numba")
    assert called == ["numba", "torch", "numba"]


def test_a_forced_backend_that_cannot_is_an_error(make_inputs: Callable[..., dict[str, Tensor]]) -> None:
    inputs = make_inputs()
    with pytest.raises(
        CIPAError, match=r"'numba' cannot be used: it computes in float32, the tensors need torch\.float64"
    ):
        selective_scan(**inputs, backend="numba")


def test_mamba_ssm_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mamba_ssm, "find_spec", lambda _: None)
    assert mamba_ssm.usable.__wrapped__() == (
        False,
        "mamba-ssm is not installed (pip install 'nnunet-cipa[mamba]')",
    )
    monkeypatch.setattr(mamba_ssm, "find_spec", lambda name: name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert mamba_ssm.usable.__wrapped__() == (False, "it needs a CUDA device")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(mamba_ssm, "try_out", mamba_scan._kernel.__wrapped__)

    def install(interface: ModuleType | SimpleNamespace | None) -> tuple[bool, str]:
        monkeypatch.setitem(sys.modules, "mamba_ssm.ops.selective_scan_interface", interface)
        return mamba_ssm.usable.__wrapped__()

    assert install(None)[1].startswith("its kernel does not run here: ModuleNotFoundError")
    assert "built without the Mamba-1 kernel" in install(SimpleNamespace(selective_scan_cuda=None))[1]


def test_numba_that_cannot_be_imported_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    usable, reason = numba.usable.__wrapped__()
    assert not usable
    assert reason.startswith("numba cannot be imported: ")


@pytest.mark.parametrize("module", ["numba", "mamba_ssm", "nnunet_cipa.ops.triton.launch"])
def test_importing_the_package_imports_no_backend(module: str) -> None:
    code = f"import sys, nnunet_cipa.ops; print({module!r} in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
