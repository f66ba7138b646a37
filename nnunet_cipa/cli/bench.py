"""``nnunet-cipa bench``."""

import argparse

NETWORKS = ("plain", "resenc-l", "cipa", "cipa-25d", "cipa-sim", "cipa-features")


def register(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the subcommands."""
    parser = subparsers.add_parser("bench", help="measure speed and memory on this machine")
    subjects = parser.add_subparsers(metavar="SUBJECT", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: %(default)s")
    shared.add_argument("--batch", type=int, default=1, metavar="N", help="default: %(default)s")
    _register_scan(subjects, [common, shared])
    _register_network(subjects, [common, shared])


def _register_scan(
    subjects: "argparse._SubParsersAction[argparse.ArgumentParser]", parents: list[argparse.ArgumentParser]
) -> None:
    scan = subjects.add_parser(
        "scan",
        parents=parents,
        help="the selective scan by backend",
        description="Measure the selective scan's backends on one call, forward and backward, and their error against "
        "the reference in float64.",
    )
    scan.add_argument("--channels", type=int, default=768, metavar="N", help="default: %(default)s")
    scan.add_argument("--length", type=int, default=16384, metavar="N", help="default: %(default)s")
    scan.add_argument("--d-state", type=int, default=16, metavar="N", help="default: %(default)s")
    scan.add_argument("--repeats", type=int, default=7, metavar="N", help="timed runs (default: %(default)s)")
    scan.add_argument(
        "--backends", nargs="+", default=(), metavar="NAME", help="the first is ratio 1 (default: all but reference)"
    )
    scan.set_defaults(run=_scan)


def _register_network(
    subjects: "argparse._SubParsersAction[argparse.ArgumentParser]", parents: list[argparse.ArgumentParser]
) -> None:
    network = subjects.add_parser(
        "network",
        parents=parents,
        help="the network beside nnU-Net's own",
        description="Measure a prediction and a training step of CIPA beside nnU-Net's plain 2D network and its "
        "ResEnc-L, in one process.",
    )
    network.add_argument(
        "--variant", choices=("tiny", "small", "base", "nano"), default="tiny", help="of CIPA (default: %(default)s)"
    )
    network.add_argument("--patch-size", nargs=2, type=int, default=(512, 512), metavar=("H", "W"),
                         help="default: 512 512")  # fmt: skip
    network.add_argument("--repeats", type=int, default=5, metavar="N", help="timed runs (default: %(default)s)")
    network.add_argument(
        "--networks", nargs="+", choices=NETWORKS, default=NETWORKS[:3], metavar="NAME",
        help="of %(choices)s; the first is ratio 1 (default: the first three)",
    )  # fmt: skip
    network.set_defaults(run=_network)


def _scan(args: argparse.Namespace) -> None:
    from nnunet_cipa.bench.scan import ScanBench, bench_scan  # noqa: PLC0415 - torch takes seconds to import

    bench = ScanBench(args.batch, args.channels, args.length, args.d_state, args.device, args.repeats)
    print(bench_scan(bench, args.backends))


def _network(args: argparse.Namespace) -> None:
    from nnunet_cipa.bench.network import NetworkBench, bench_network  # noqa: PLC0415 - torch takes seconds to import

    bench = NetworkBench(args.variant, tuple(args.patch_size), args.batch, args.device, args.repeats)
    print(bench_network(bench, args.networks))
