"""Runs a DICOM node until it is told to end."""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from nnunet_cipa.dicom.attributes import tolerant
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.locks import alone
from nnunet_cipa.listen.arrivals import Arrivals
from nnunet_cipa.listen.options import ListenOptions
from nnunet_cipa.listen.predicting import Predicting
from nnunet_cipa.listen.spool import Spool
from nnunet_cipa.listen.versions import Version
from nnunet_cipa.listen.worker import Predictor

_POLL = 0.2
_logger = logging.getLogger(__name__)


def run_node(options: ListenOptions, predict: Predictor) -> None:
    """Receive studies, predict them and send on what is made, until SIGTERM or Ctrl-C.

    Parameters
    ----------
    options
        Of the node.
    predict
        What predicts a study; runs in a process of its own.

    Raises
    ------
    UsageError
        If an option cannot be.
    CIPAError
        If pynetdicom is missing, the port or the folder cannot be had, or a part of the node fails.
    """
    options.check()
    try:
        from nnunet_cipa.listen.couriers import Courier  # noqa: PLC0415 - an optional dependency
        from nnunet_cipa.listen.server import Server  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        if error.name != "pynetdicom":
            raise
        raise CIPAError("listen: needs pynetdicom; pip install 'nnunet-cipa[listen]'") from error
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stop = threading.Event()
    refusal = f"{options.folder}: another node uses it; end that one, or give another --folder"
    with alone(options.folder / ".lock", refusal), tolerant(), _told_to_stop(stop), _log():
        spool, arrivals = Spool(options.folder), Arrivals(options.quiet)
        couriers = [Courier(one, options, spool.lock, stop) for one in options.destinations()]

        def predicted(version: Version) -> None:
            for courier in couriers:
                courier.add(version)

        predicting = Predicting(spool, arrivals, predict, predicted, stop)
        predicting.take_up(retry=options.retry)
        server = Server(options, spool, arrivals)
        server.start()
        _tell(options)
        try:
            _work([predicting.run, *(courier.run for courier in couriers)], stop)
        finally:
            server.close()
        _logger.info("ended")


def _work(parts: list[Callable[[], None]], stop: threading.Event) -> None:
    """Run the parts until the end."""
    threads = [threading.Thread(target=part) for part in parts]
    for thread in threads:
        thread.start()
    try:
        while not stop.wait(_POLL):
            if not all(thread.is_alive() for thread in threads):
                raise CIPAError("a part of the node failed, as told above; what was received is kept, start it again")
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _tell(options: ListenOptions) -> None:
    _logger.info(
        "%s listens at %s, port %d; studies are kept in %s", options.aet, options.host, options.port, options.folder
    )
    _logger.info("may send: %s", ", ".join(options.allow) or "everybody (no --allow)")
    _logger.info("results are sent to: %s", ", ".join(map(str, options.destinations())) or "nobody (no --send-to)")


@contextmanager
def _told_to_stop(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the node in order."""

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _log() -> Iterator[None]:
    """Write to stderr what the node does, and what pynetdicom warns of."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    loggers = {logging.getLogger("nnunet_cipa.listen"): logging.INFO, logging.getLogger("pynetdicom"): logging.WARNING}
    for logger, level in loggers.items():
        logger.addHandler(handler)
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
