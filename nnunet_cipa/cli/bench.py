"""``nnunet-cipa bench``."""

import time
from pathlib import Path
from typing import Annotated

from nnunet_cipa import speed
from nnunet_cipa.cli.command import Command, Group
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import Option
from nnunet_cipa.speed.options import FORMATS, GpuBench, NetworkBench, PatientBench, PhantomSlices, ScanBench

Json = Annotated[Path | None, Option("FILE")]


def scan(options: ScanBench, *, json: Json = None) -> None:
    """Measure the selective scan's backends, forward and backward, on every combination of the sizes.

    'states/s' are the forward pass's state updates over the seconds of the whole pass; 'of copy' is the bytes that have
    to move at least, in that time, over what a copy of a large tensor moves; the error is that against the reference in
    float64.

    Parameters
    ----------
    json
        Write the figures in full precision too, for 'bench plot' and others.
    """
    _check_folder(json)
    _publish(speed.bench_scan(options), json)


def network(options: NetworkBench, *, json: Json = None) -> None:
    """Measure a prediction and a training step of CIPA and others beside nnU-Net's plain 2D network and its ResEnc-L.

    The others are CIPA's further forms and backbones, and the networks that it is compared with. All run in one
    process, on every combination of the sizes. 'multiply-adds' are those of a prediction of one sample.

    Parameters
    ----------
    json
        Write the figures in full precision too, for 'bench plot' and others.
    """
    _check_folder(json)
    _publish(speed.bench_network(options), json)


def patient(options: PatientBench, *, json: Json = None) -> None:
    """Measure seconds and peak memory of predicting a whole volume, by CIPA and by what nnU-Net plans.

    Each figure is of one run by one fold with random weights, through nnU-Net's predictor and through that of
    'nnunet-cipa predict', without reading, resampling and export. At the default sizes that takes hours on a CPU.

    Parameters
    ----------
    json
        Write the figures in full precision too.
    """
    _check_folder(json)
    _publish(speed.bench_patient(options), json)


def gpu(out: Annotated[Path, Option("OUT")], options: GpuBench) -> None:
    """Measure all that wants a GPU in one run of bounded time, the most valuable first.

    The parts are agreement of the kernels with float64, speed of the scan and of the networks, a profile of a
    training step, and a short training. Each is a process of its own, each result is written to OUT at once, and what
    fails or does not fit into the time is told at the end. It needs torch, Triton, numba and NumPy; nnU-Net's
    networks are left out where they are not installed.

    Parameters
    ----------
    out
        A new folder: a JSON file a part, of which 'bench plot' reads scan.json and network.json, and log.txt.
    """
    start = time.time()  # importing torch is part of the run
    from nnunet_cipa.speed.gpu.record import FAILED  # noqa: PLC0415
    from nnunet_cipa.speed.gpu.run import run_parts  # noqa: PLC0415
    from nnunet_cipa.speed.gpu.text import as_text, disagreements  # noqa: PLC0415

    records = run_parts(out, options, start)
    print(as_text(records))
    failed = [item.name for record in records for item in record.items if item.state == FAILED]
    faults = {"do not agree with the reference": disagreements(records), "failed": failed}
    told = [f"{len(names)} {what}: {', '.join(names)}" for what, names in faults.items() if names]
    if told:
        raise CIPAError(f"{out}: {'; '.join(told)}; see {out / 'log.txt'}")


def slices(out: Annotated[Path, Option("FILE", suffixes=(".npz",))], options: PhantomSlices) -> None:
    """Draw phantom slices for the training of 'bench gpu', for machines that lack SciPy or Pillow.

    Parameters
    ----------
    out
        File to write.
    """
    from nnunet_cipa.speed.gpu.slices import draw_slices  # noqa: PLC0415 - the phantoms import SciPy

    _check_folder(out)
    print(f"{draw_slices(out, options)} slices")


def plot(
    files: Annotated[tuple[Path, ...], Option("FILE")],
    *,
    out: Annotated[Path, Option("FIGURE", suffixes=FORMATS)],
) -> None:
    """Draw time and memory over each size that was measured at several values, all else equal.

    Files of one machine and the same versions are taken together; what is measured twice counts as in the last file.

    Parameters
    ----------
    files
        Of 'bench scan --json', 'bench network --json'.
    out
        File to write.
    """
    from nnunet_cipa.speed.plot import plot as draw  # noqa: PLC0415 - Matplotlib is slow to import

    _check_folder(out)
    draw(files, out)


def _check_folder(path: Path | None) -> None:
    """Refuse a file to write whose folder does not exist, before minutes of measuring."""
    if path is not None and not path.parent.is_dir():
        raise CIPAError(f"{path}: there is no folder {path.parent}; make it or choose another")


def _publish(report: "speed.BenchReport", path: Path | None) -> None:
    print(report.as_text())
    if path is not None:
        report.write(path)


COMMAND = Group(
    "bench",
    "measure speed and memory on this machine",
    "SUBJECT",
    (
        Command("scan", "the selective scan by backend", scan),
        Command("network", "the network beside nnU-Net's own", network),
        Command("patient", "a whole volume, by CIPA and by nnU-Net's networks", patient),
        Command("gpu", "all that wants a GPU, in one run of bounded time", gpu),
        Command("slices", "phantom slices for the training of 'bench gpu'", slices),
        Command("plot", "how time and memory grow with length, batch, patch and slices", plot),
    ),
)
