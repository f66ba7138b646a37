"""docs/development.md, "Add a scan backend", followed: the folder that it tells to write is all that one needs."""

import sys
from types import SimpleNamespace

import pytest
import torch

from nnunet_cipa import ops
from nnunet_cipa.cli import main
from nnunet_cipa.ops import (
    ScanWeights,
    available_backends,
    choice,
    cross_scan,
    preferred_backend,
    registry,
    selective_scan,
)
from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.speed import options
from tests.recipes.documented import files_of

NAME = "double"


def clear_caches():
    for function in (registry.discover, registry.scan_of):
        function.cache_clear()


@pytest.fixture(autouse=True)
def backend(tmp_path, monkeypatch):
    for path, content in files_of("Add a scan backend").items():
        place = tmp_path / path.removeprefix("nnunet_cipa/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    monkeypatch.setattr(ops, "__path__", [*ops.__path__, str(tmp_path / "ops")])
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    monkeypatch.delenv(choice.ENVIRONMENT_VARIABLE, raising=False)
    clear_caches()
    yield
    clear_caches()
    for module in [name for name in sys.modules if name.startswith(f"nnunet_cipa.ops.{NAME}")]:
        del sys.modules[module]


def test_it_is_known_and_preferred():
    assert available_backends()[NAME] == (True, "in double precision, for checks")
    assert preferred_backend("cpu") == NAME
    assert choice.choose_backend(None, ScanTraits("cpu", torch.float32, 65, False, False)) == "numba"


def test_a_scan_and_its_gradients_go_through_it(monkeypatch):
    calls = []
    scan = registry.scan_of(NAME)
    for step in ("forward", "backward"):
        whole = getattr(scan, step)
        monkeypatch.setattr(scan, step, lambda *a, step=step, whole=whole: calls.append(step) or whole(*a))
    shapes = {"u": (2, 4, 9), "delta": (2, 4, 9), "A": (4, 3), "B": (2, 3, 9), "C": (2, 3, 9), "D": (4,)}
    inputs = {name: torch.rand(shape, requires_grad=True) for name, shape in shapes.items()}
    results = []
    for name in (None, "reference"):
        y, state = selective_scan(**inputs, delta_softplus=True, return_last_state=True, backend=name)
        results.append([y, state, *torch.autograd.grad(y.sum() + state.square().sum(), list(inputs.values()))])
    assert calls == ["forward", "backward"]
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_maps_are_unrolled_for_it():
    x = torch.rand(1, 3, 4, 2)
    sizes = (4, 5, 2), (4, 2, 1), (4, 2), (4, 2, 2), (4, 2)
    weights = ScanWeights(*(torch.rand(size) for size in sizes))
    torch.testing.assert_close(cross_scan(x, weights), cross_scan(x, weights, "reference"))


def test_doctor_and_bench_know_it(monkeypatch, capsys):
    main(["doctor"])
    report = capsys.readouterr().out
    assert f"used on cpu: {NAME}" in report
    assert f"{NAME}: usable: in double precision, for checks" in report
    monkeypatch.setattr(options, "find_spec", lambda _: SimpleNamespace(submodule_search_locations=ops.__path__))
    assert main(["bench", "scan", "--channels", "4", "--length", "8", "--repeats", "1", "--backends", NAME]) == 0
    assert NAME in capsys.readouterr().out
