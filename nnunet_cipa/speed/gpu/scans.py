"""The backends of the scan, timed: ``bench scan`` by single backend and call, so that each is on the disk at once."""

import itertools
from functools import partial

import torch

from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.ops.choice import backends_for
from nnunet_cipa.speed.gpu.job import Items, Job, Rows
from nnunet_cipa.speed.gpu.sizes import TIMED_SCANS, TINY_TIMED_SCANS
from nnunet_cipa.speed.options import ScanBench
from nnunet_cipa.speed.scan import bench_scan
from nnunet_cipa.speed.scan_call import ScanCall

_SLOW = ("numba", "torch")  # last, and for fewer runs


def items(job: Job) -> Items:
    """Name each backend and call: kernels on all calls first."""
    traits = ScanTraits(job.device, torch.float32, 16, False, False)
    backends = [name for name in reversed(backends_for(traits)) if name != "reference"]
    calls = TINY_TIMED_SCANS if job.tiny else TIMED_SCANS
    found = list(itertools.product((name for name in backends if name not in _SLOW), calls))
    found += itertools.product((name for name in backends if name in _SLOW), calls)
    return {f"{backend} {call}": partial(_time, backend, call, job) for backend, call in found}


def _time(backend: str, call: ScanCall, job: Job) -> Rows:
    bench = ScanBench(
        (call.batch,), (call.channels,), (call.length,), (call.d_state,), job.device,
        repeats=1 if job.tiny else 2 if backend in _SLOW else 7, backends=(backend,),
    )  # fmt: skip
    for row in bench_scan(bench).rows:
        yield {name: value for name, value in row.values.items() if name != "ratio"}
