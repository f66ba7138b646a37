"""``nnunet-cipa bench``."""

from pathlib import Path
from typing import Annotated

from nnunet_cipa import speed
from nnunet_cipa.cli.command import Command, Group
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import Option
from nnunet_cipa.speed.options import FORMATS, NetworkBench, ScanBench

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
    """Measure a prediction and a training step of CIPA beside nnU-Net's plain 2D network and its ResEnc-L.

    All run in one process, on every combination of the sizes.

    Parameters
    ----------
    json
        Write the figures in full precision too, for 'bench plot' and others.
    """
    _check_folder(json)
    _publish(speed.bench_network(options), json)


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
        Command("plot", "how time and memory grow with length, batch, patch and slices", plot),
    ),
)
