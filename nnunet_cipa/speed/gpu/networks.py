"""The networks, timed: ``bench network`` by single network and batch, so that each is on the disk at once."""

import itertools
from functools import partial

from nnunet_cipa.speed.catalogue import NNUNET
from nnunet_cipa.speed.gpu.job import Items, Job, Rows
from nnunet_cipa.speed.network import bench_network
from nnunet_cipa.speed.networks import nnunet_missing
from nnunet_cipa.speed.options import NetworkBench

# What takes long to compile or to run comes after what does not.
_QUICK = ("cipa", *NNUNET, "cipa-checkpointing")
_SLOW = ("cipa-compiled", "cipa-unfused")


def items(job: Job) -> Items:
    """Name each network and batch."""
    batches = (1,) if job.tiny else (8, 16)
    named = [*itertools.product(batches, _QUICK), *itertools.product(batches, _SLOW)]
    missing = nnunet_missing()
    return {
        f"{name}, batch {batch}": missing if missing and name in NNUNET else partial(_time, name, batch, job)
        for batch, name in named
    }


def _time(name: str, batch: int, job: Job) -> Rows:
    side = 512 if not job.tiny else 256 if name in NNUNET else 32
    bench = NetworkBench(
        "nano" if job.tiny else "tiny", ((side, side),), (batch,), device=job.device,
        repeats=1 if job.tiny or name == "cipa-unfused" else 5, networks=(name,),
    )  # fmt: skip
    for row in bench_network(bench).rows:
        yield {name: value for name, value in row.values.items() if name != "ratio"}
