"""The process of one part: ``python -m nnunet_cipa.speed.gpu.part JOB`` measures the items that still wait."""

import math
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.speed.gpu.job import Items, Job
from nnunet_cipa.speed.gpu.parts import PARTS
from nnunet_cipa.speed.gpu.record import DONE, FAILED, LEFT_OUT, RUNNING, WAITING, Item, Record
from nnunet_cipa.speed.machine import bench_versions, measured_machine
from nnunet_cipa.speed.report import FORMAT, finite

AGAIN = 3  # the exit status of a process whose device no longer answers
_GRACE = 10  # seconds


def measure(job: Job) -> int:
    """Measure what waits; return the exit status."""
    items = _items(job)
    record = _record(job, items)
    for item in record.items:
        if item.state != WAITING:
            continue
        run = items[item.name]
        if isinstance(run, str):
            record.settle(item, LEFT_OUT, run)
            continue
        record.settle(item, RUNNING)
        start = time.monotonic()
        try:
            for row in run():
                record.rows.append(finite(row))
                record.write()
        except torch.OutOfMemoryError as error:
            record.settle(item, LEFT_OUT, _in_a_line(error), time.monotonic() - start)
        except Exception as error:  # noqa: BLE001 - one item that fails, by whatever error, must not cost the others
            record.settle(item, FAILED, _in_a_line(error), time.monotonic() - start)
            if not _device_answers(job.device):
                return AGAIN
        else:
            record.settle(item, DONE, seconds=time.monotonic() - start)
        if job.device == "cuda":
            torch.cuda.empty_cache()
    return 0


def _items(job: Job) -> Items:
    (module,) = (part.module for part in PARTS if part.name == job.part)
    items: Items = import_module(f"nnunet_cipa.speed.gpu.{module}").items(job)
    return items


def _record(job: Job, items: Items) -> Record:
    path = Path(job.out) / f"{job.part}.json"
    if path.exists():
        return Record.read(path)
    header = {
        "format": FORMAT,
        "subject": job.part,
        "command": job.command,
        "machine": measured_machine(torch.device(job.device)),
        "versions": bench_versions(),
    }
    record = Record(path, header, [Item(name) for name in items])
    record.write()
    return record


def _in_a_line(error: Exception) -> str:
    text = " ".join(str(error).split())[:500]
    return text if isinstance(error, CIPAError) else f"{type(error).__name__}: {text}"


def _device_answers(device: str) -> bool:
    """Return whether the device still computes: after a kernel that reads beyond its memory nothing does."""
    try:
        return bool(torch.ones(1, device=device).add_(1).item() == 2)
    except RuntimeError:
        return False


def _end_without_parent(until: float) -> None:
    """Have the system end this process soon after its time, should the run that would end it be gone."""
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(max(until - time.time(), 0)) + _GRACE)


if __name__ == "__main__":
    told = Job.loaded(sys.argv[1])
    _end_without_parent(told.until)
    sys.exit(measure(told))
