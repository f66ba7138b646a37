"""The program ``nnunet-cipa``: a thin shell over the package's functions, one module a group of subcommands."""

import argparse
import contextlib
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence

from nnunet_cipa import __version__
from nnunet_cipa.cli import bench, benchmark, conversion, demo, doctor, export_dicom, plugin_path, weights
from nnunet_cipa.errors import CIPAError

COMMANDS = (plugin_path, doctor, conversion, weights, benchmark, export_dicom, demo, bench)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser; each module of ``COMMANDS`` adds its subcommands."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser = argparse.ArgumentParser(
        prog="nnunet-cipa",
        description="CIPA for lung tumours in PET/CT, as a plugin for nnU-Net v2: data conversion, weights and checks. "
        "Training and prediction are nnU-Net's own commands.",
    )
    parser.add_argument("--version", action="version", version=f"nnunet-cipa {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.register(subparsers, common)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0 done, 1 the job failed; a wrong command line leaves with status 2 from argparse itself.
    """
    args = build_parser().parse_args(argv)
    try:
        with _end_as_if_interrupted():
            args.run(args)
    except KeyboardInterrupt:
        return _fail("interrupted", debug=False)
    except CIPAError as error:
        return _fail(str(error), debug=args.debug)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", debug=args.debug)
    except Exception as error:  # noqa: BLE001 - a fault of the program itself is still told in one line
        return _fail(f"{type(error).__name__}: {error} (run again with --debug for the traceback)", debug=args.debug)
    return 0


@contextlib.contextmanager
def _end_as_if_interrupted() -> Iterator[None]:
    """Let SIGTERM, which batch systems send, clean up and end child processes as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(message: str, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"nnunet-cipa: error: {' '.join(message.split())}", file=sys.stderr)
    return 1
