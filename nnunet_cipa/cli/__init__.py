"""The program ``nnunet-cipa``: a thin shell over the package's functions, one module per command or group of them."""

import argparse
import contextlib
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence

from nnunet_cipa import __version__
from nnunet_cipa.cli import (
    bench,
    benchmark,
    convert,
    demo,
    doctor,
    draw,
    evaluate,
    export_dicom,
    listen,
    phantom,
    plugin_path,
    predict,
    weights,
)
from nnunet_cipa.cli.command import add_commands
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import UsageError

COMMANDS = tuple(
    module.COMMAND
    for module in (
        plugin_path,
        doctor,
        convert,
        phantom,
        weights,
        benchmark,
        predict,
        listen,
        evaluate,
        draw,
        export_dicom,
        demo,
        bench,
    )
)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all ``COMMANDS``."""
    parser = argparse.ArgumentParser(
        prog="nnunet-cipa",
        description="CIPA for lung tumours in PET/CT, as a plugin for nnU-Net v2: data conversion, weights, new "
        "patients and checks. Training, and prediction of a data set, are nnU-Net's own commands.",
    )
    parser.add_argument("--version", action="version", version=f"nnunet-cipa {__version__}")
    add_commands(parser, "COMMAND", COMMANDS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0 done, 1 the job failed; a wrong command line leaves by SystemExit with status 2.
    """
    args = build_parser().parse_args(argv)
    try:
        with _end_as_if_interrupted():
            args.command.call(args)
    except KeyboardInterrupt:
        return _fail("interrupted", debug=False)
    except UsageError as error:
        args.parser.error(str(error))
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
