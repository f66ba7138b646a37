"""Every scan and four-direction scan against float64: outputs and all gradients, in each precision."""

import itertools
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from nnunet_cipa.ops import ScanWeights
from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.ops.choice import backends_for
from nnunet_cipa.ops.cross_op import cross_op
from nnunet_cipa.ops.directions import scan_projected
from nnunet_cipa.ops.registry import scans_maps
from nnunet_cipa.speed.gpu.job import Items, Job, Rows
from nnunet_cipa.speed.gpu.sizes import MAPS, SCANS, TINY_MAPS, TINY_SCANS
from nnunet_cipa.speed.map_call import MapCall
from nnunet_cipa.speed.report import finite
from nnunet_cipa.speed.scan import scan_by
from nnunet_cipa.speed.scan_call import ScanCall

Arguments = dict[str, Tensor]
# What autocast brings to half precision; the parameters stay in float32.
_HALVED = {"u", "delta", "B", "C", "x", "projections"}
_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
# Relative, L2, of what is computed in float32; a result in half precision may be off by half a unit more.
_TOLERANCE = 1e-5
# The loop of the reference takes several launches a step, and keeps its states for the backward pass. Longer calls are
# held to the backend ``torch`` in float64, which is itself held to the reference here.
_LONGEST_LOOP = 1024
_EXACT = 1e-11


def items(job: Job) -> Items:
    """Name each call, precision and backend."""
    maps, scans = (TINY_MAPS, TINY_SCANS) if job.tiny else (MAPS, SCANS)
    found: dict[str, Callable[[], Rows]] = {}
    mapped = [(call, dtype, backend) for call, dtype in itertools.product(maps, _DTYPES)
              for backend in _backends(call, job) if scans_maps(backend)]  # fmt: skip
    unrolled = [(call, dtype, backend) for call, dtype in itertools.product(scans, _DTYPES)
                for backend in _backends(call, job)]  # fmt: skip
    basis = next(call for call in scans if call.length <= _LONGEST_LOOP)
    unrolled.sort(key=lambda one: one[2] == "torch")  # kernels first
    compared: list[tuple[ScanCall | MapCall, torch.dtype, str]]
    compared = [(basis, torch.float64, "torch"), *mapped, *unrolled]
    for call, dtype, backend in compared:
        kernel = "cross_scan" if isinstance(call, MapCall) else "selective_scan"
        found[f"{kernel} {backend} {call} {_name(dtype)}"] = partial(_compare, call, dtype, backend, job.device)
    return found


def _backends(call: ScanCall | MapCall, job: Job) -> list[str]:
    traits = ScanTraits(job.device, torch.float32, call.d_state, False, False)
    return [name for name in reversed(backends_for(traits)) if name != "reference"]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _compare(call: ScanCall | MapCall, dtype: torch.dtype, backend: str, device: str) -> Rows:
    crosses = isinstance(call, MapCall)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    drawn = call.arguments(device)
    given = {name: x.detach().to(dtype if name in _HALVED else wide) for name, x in drawn.items()}
    judge = "reference" if call.length <= _LONGEST_LOOP else "torch"
    found = _results(partial(_cross if crosses else scan_by, backend=backend), given, dtype)
    scan = partial(_cross_exact if crosses else scan_by, backend=judge)
    exact = _results(scan, {name: x.double() for name, x in given.items()}, dtype)
    errors = {name: float((found[name].double() - x).norm() / x.norm()) for name, x in exact.items()}
    allowed = {name: _EXACT if dtype == torch.float64 else _TOLERANCE + _rounding(x.dtype) for name, x in found.items()}
    yield {
        "name": backend,
        "kernel": "cross_scan" if crosses else "selective_scan",
        "sizes": str(call),
        "dtype": _name(dtype),
        "against": judge,
        "errors": finite(errors),
        "allowed": allowed,
        "agrees": all(error <= allowed[name] for name, error in errors.items()),
    }


def _rounding(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps / 2 if dtype.itemsize == 2 else 0.0


def _results(scan: Callable[[Arguments], Tensor], given: Mapping[str, Tensor], dtype: torch.dtype) -> Arguments:
    """Return y and the gradients of all arguments, of a fixed projection of y."""
    leaves = {name: x.detach().requires_grad_() for name, x in given.items()}
    y = scan(leaves)
    generator = torch.Generator(y.device).manual_seed(1)
    weights = torch.randn(y.shape, generator=generator, device=y.device).to(dtype).to(y)
    gradients = torch.autograd.grad(y, list(leaves.values()), weights)
    named = {f"gradient of {name}": x for name, x in zip(leaves, gradients, strict=True)}
    return {"y": y.detach()} | named


def _cross(arguments: Arguments, backend: str) -> Tensor:
    y: Tensor = cross_op(*arguments.values(), True, backend)[0]
    return y


def _cross_exact(arguments: Arguments, backend: str) -> Tensor:
    x, projections, *parameters = arguments.values()
    weights = ScanWeights(x.new_empty(0), *parameters)
    return scan_projected(x.permute(0, 3, 1, 2), projections.permute(0, 3, 4, 1, 2), weights, backend)
