"""``nnunet-cipa bench``."""

import argparse
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from nnunet_cipa.cli import bench_plot
from nnunet_cipa.cli.bench_options import add_counts, check_folder, positive

if TYPE_CHECKING:
    from nnunet_cipa.speed import BenchReport

NETWORKS = ("plain", "resenc-l", "cipa", "cipa-checkpointing", "cipa-unfused", "cipa-25d", "cipa-sim", "cipa-features")


def register(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the subcommands."""
    parser = subparsers.add_parser("bench", help="measure speed and memory on this machine")
    subjects = parser.add_subparsers(metavar="SUBJECT", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: %(default)s")
    add_counts(shared, "--batch", (1,))
    shared.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures in full precision too, for 'bench plot' and others"
    )
    _register_scan(subjects, [common, shared])
    _register_network(subjects, [common, shared])
    bench_plot.register(subjects, common)


def _register_scan(
    subjects: "argparse._SubParsersAction[argparse.ArgumentParser]", parents: list[argparse.ArgumentParser]
) -> None:
    scan = subjects.add_parser(
        "scan",
        parents=parents,
        help="the selective scan by backend",
        description="Measure the selective scan's backends, forward and backward, and their error against the "
        "reference in float64, on every combination of the sizes. 'states/s' are the forward pass's state updates over "
        "the seconds of the whole pass; 'of copy' is the bytes that have to move at least, in that time, over what a "
        "copy of a large tensor moves.",
    )
    add_counts(scan, "--channels", (768,), multiple=4)
    add_counts(scan, "--length", (16384,))
    add_counts(scan, "--d-state", (16,))
    scan.add_argument("--repeats", type=positive, default=7, metavar="N", help="timed runs (default: %(default)s)")
    scan.add_argument(
        "--backends", nargs="+", choices=_backends(), default=(), metavar="NAME",
        help="of %(choices)s; the first is ratio 1 (default: all that can be used, but reference)",
    )  # fmt: skip
    scan.add_argument("--forward-only", action="store_true", help="leave out the passes with backward")
    scan.set_defaults(run=_scan)


def _register_network(
    subjects: "argparse._SubParsersAction[argparse.ArgumentParser]", parents: list[argparse.ArgumentParser]
) -> None:
    network = subjects.add_parser(
        "network",
        parents=parents,
        help="the network beside nnU-Net's own",
        description="Measure a prediction and a training step of CIPA beside nnU-Net's plain 2D network and its "
        "ResEnc-L, in one process, on every combination of the sizes.",
    )
    network.add_argument(
        "--variant", choices=("tiny", "small", "base", "nano"), default="tiny", help="of CIPA (default: %(default)s)"
    )
    network.add_argument(
        "--patch-size", nargs=2, type=positive, action="append", metavar=("H", "W"),
        help="give it again for further sizes (default: 512 512)",
    )  # fmt: skip
    network.add_argument(
        "--slices", nargs="+", type=int, choices=(1, 3, 5), default=[3], metavar="N",
        help="that cipa-25d, cipa-sim and cipa-features read, of %(choices)s (default: 3)",
    )  # fmt: skip
    network.add_argument("--repeats", type=positive, default=5, metavar="N", help="timed runs (default: %(default)s)")
    network.add_argument(
        "--networks", nargs="+", choices=NETWORKS, default=NETWORKS[:3], metavar="NAME",
        help="of %(choices)s; the first is ratio 1 (default: the first three)",
    )  # fmt: skip
    network.set_defaults(run=_network)


def _backends() -> list[str]:
    """Name the scan backends by their folders, since asking them would import torch."""
    package = find_spec("nnunet_cipa.ops")
    assert package is not None  # noqa: S101
    return sorted(module.name for module in iter_modules(package.submodule_search_locations) if module.ispkg)


def _scan(args: argparse.Namespace) -> None:
    from nnunet_cipa.speed import ScanBench, bench_scan  # noqa: PLC0415 - torch takes seconds to import

    check_folder(args.json)
    batch, channels, length, d_state = map(tuple, (args.batch, args.channels, args.length, args.d_state))
    bench = ScanBench(batch, channels, length, d_state, args.device, args.repeats, args.forward_only)
    _publish(bench_scan(bench, args.backends), args.json)


def _network(args: argparse.Namespace) -> None:
    from nnunet_cipa.speed import NetworkBench, bench_network  # noqa: PLC0415 - torch takes seconds to import

    check_folder(args.json)
    patches = tuple(tuple(size) for size in args.patch_size or [(512, 512)])
    bench = NetworkBench(args.variant, patches, tuple(args.batch), tuple(args.slices), args.device, args.repeats)
    _publish(bench_network(bench, args.networks), args.json)


def _publish(report: "BenchReport", path: Path | None) -> None:
    print(report.as_text())
    if path is not None:
        report.write(path)
