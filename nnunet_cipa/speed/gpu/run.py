"""A run: the parts one after another, each in a process of its own that ends with its share of the time."""

import os
import subprocess
import sys
import time
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops.choice import check_device
from nnunet_cipa.processes.commands import describe_status, end_processes, last_lines, start_process
from nnunet_cipa.speed.gpu.job import Job
from nnunet_cipa.speed.gpu.parts import PARTS
from nnunet_cipa.speed.gpu.record import CUT, FAILED, RUNNING, WAITING, Item, Record
from nnunet_cipa.speed.gpu.slices import draws, read_slices
from nnunet_cipa.speed.options import GpuBench
from nnunet_cipa.speed.report import FORMAT

_PYTHON = Path(sys.executable).name
_LOG = "log.txt"
_RESERVE = 2.0  # seconds to end the last process and to print
_UP = "the time was up"


def run_parts(out: Path, options: GpuBench, start: float) -> list[Record]:
    """Measure all parts; every result is in ``out`` as soon as it is there.

    Parameters
    ----------
    out : Path
        A folder that does not exist or is empty.
    options : GpuBench
        Time, device, slices.
    start : float
        When the time began, in seconds since the epoch.

    Returns
    -------
    list of Record
        Of each part what was measured, and what was not and why.

    Raises
    ------
    CIPAError
        If there is no such device, or ``out`` or the file of slices is not as it should be.
    """
    check_device(options.device)
    slices = options.slices or out / "slices.npz"
    if options.slices is not None:
        read_slices(options.slices)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CIPAError(f"{out}: there is something already; give a new folder, or take two runs by 'bench plot'")
    out.mkdir(parents=True, exist_ok=True)
    drawing = [] if options.slices else [_start(draws(slices, options.device == "cpu"), out)]
    try:
        share = 0.0
        for part in PARTS:
            share += part.share
            until = start + share * (options.seconds - _RESERVE)
            failed = any(process.poll() for process in drawing)
            _run_part(Job(part.name, str(out), options.device, options.seconds, until, "" if failed else str(slices)))
    finally:
        end_processes([process for process in drawing if process.poll() is None])
    return [Record.read(out / f"{part.name}.json") for part in PARTS]


def _run_part(job: Job) -> None:
    """Run a part's process, and again for what is left if an item ends it, until its time is up."""
    out, path = Path(job.out), Path(job.out) / f"{job.part}.json"
    again, status = True, None
    while again and time.time() < job.until:
        again = False
        process = _start(["-m", "nnunet_cipa.speed.gpu.part", job.dumped()], out)
        try:
            status = process.wait(max(job.until - time.time(), 0))
        except subprocess.TimeoutExpired:
            status = None
        finally:
            end_processes([process])
        if status and path.exists():
            record = Record.read(path)
            if record.has(RUNNING):
                record.settle_all({RUNNING}, FAILED, _ending(status, out))
            again = record.has(WAITING)
    if path.exists():
        Record.read(path).settle_all({RUNNING, WAITING}, CUT, _UP)
    else:
        nothing = Item(job.part, FAILED, _ending(status, out)) if status else Item(job.part, CUT, _UP)
        Record(path, {"format": FORMAT, "subject": job.part, "command": job.command}, [nothing]).write()


def _ending(status: int, out: Path) -> str:
    said = "; ".join(last_lines(out / _LOG, 1))
    return f"its process ended with {describe_status(status)}: {said}"


def _start(arguments: list[str], out: Path) -> subprocess.Popen[bytes]:
    return start_process([_PYTHON, *arguments], dict(os.environ), out / _LOG)
