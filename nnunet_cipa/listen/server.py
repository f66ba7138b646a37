"""The side of a node that takes associations."""

import logging
import threading
import time
from typing import Any
from weakref import WeakKeyDictionary

from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom import AE, _config, evt

from nnunet_cipa.errors import CIPAError, shown
from nnunet_cipa.listen.arrivals import Arrivals
from nnunet_cipa.listen.objects import identify
from nnunet_cipa.listen.options import ListenOptions
from nnunet_cipa.listen.spool import Spool

_VERIFICATION = "1.2.840.10008.1.1"
SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000
# In which an object is wanted if its sender lets us choose: first as it is, then without loss.
_PREFERRED = (
    "1.2.840.10008.1.2.1",  # explicit VR
    "1.2.840.10008.1.2",  # implicit VR
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.80",  # JPEG-LS
    "1.2.840.10008.1.2.4.90",  # JPEG 2000
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.2",  # big endian
)
_MOST_ASSOCIATIONS = 20
_LARGEST = 4 << 30
_FOR_ANSWERS = 0.5
_logger = logging.getLogger(__name__)


class Server:
    """Receives objects into a spool.

    Parameters
    ----------
    options
        Of the node.
    spool, arrivals
        Where objects go to, and where it is noted that they came.
    """

    def __init__(self, options: ListenOptions, spool: Spool, arrivals: Arrivals) -> None:
        self._options, self._spool, self._arrivals = options, spool, arrivals
        self._closing = threading.Event()
        self._lengths: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._entity = AE(options.aet)
        self._entity.add_supported_context(_VERIFICATION)
        self._entity.require_called_aet = True
        self._entity.require_calling_aet = list(options.allow)
        self._entity.maximum_associations = _MOST_ASSOCIATIONS

    def start(self) -> None:
        """Take associations from now on, in threads of their own.

        Raises
        ------
        CIPAError
            If the port cannot be had.
        """
        _config.UNRESTRICTED_STORAGE_SERVICE = True  # private kinds of objects too, so that no sender stops at one
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, _prefer),
            (evt.EVT_REJECTED, _tell_rejected),
            (evt.EVT_DATA_RECV, self._limit),
            (evt.EVT_C_STORE, self._store),
        ]
        where = (self._options.host, self._options.port)
        try:
            self._entity.start_server(where, block=False, evt_handlers=handlers)
        except OSError as error:
            raise CIPAError(
                f"--host {where[0]} --port {where[1]}: cannot listen there ({error.strerror or error}); give others"
            ) from error

    def close(self) -> None:
        """Take no more associations, finish what is being stored, and end those that are open."""
        self._closing.set()
        with self._spool.lock:
            pass
        time.sleep(_FOR_ANSWERS)
        self._entity.shutdown()

    def _store(self, event: Any) -> int:
        """Answer a C-STORE request with its status."""
        self._lengths.pop(event.assoc, None)
        peer = _peer(event)
        if self._closing.is_set():
            return OUT_OF_RESOURCES
        try:
            received = identify(
                event.encoded_dataset(), str(event.request.AffectedSOPInstanceUID), str(event.context.transfer_syntax)
            )
        except CIPAError as error:
            _logger.warning("%s: %s", peer, error)
            return CANNOT_UNDERSTAND
        if received.is_input:
            self._arrivals.note(received.study_uid, event.assoc)
        try:
            self._spool.store(received)
        except OSError as error:
            _logger.error("%s: study %s: is not stored (%s)", peer, received.study_uid, error)  # noqa: TRY400 - told in one line
            return OUT_OF_RESOURCES
        if received.is_input:
            self._arrivals.note(received.study_uid, event.assoc)
        return SUCCESS

    def _limit(self, event: Any) -> None:
        """End an association whose object never ends: until then, it is in memory."""
        length = self._lengths[event.assoc] = self._lengths.get(event.assoc, 0) + len(event.data)
        if length > _LARGEST:
            _logger.warning("%s: sends an object of more than %d bytes; aborted", _peer(event), _LARGEST)
            event.assoc.abort()


def _prefer(event: Any) -> None:
    """Sort the transfer syntaxes that are proposed, of which pynetdicom takes the first."""
    for context in event.assoc.requestor.primitive.presentation_context_definition_list:
        context.transfer_syntax.sort(key=_rank)


def _rank(syntax: str) -> int:
    if syntax == DeflatedExplicitVRLittleEndian:  # is refused
        return len(_PREFERRED) + 1
    return _PREFERRED.index(syntax) if syntax in _PREFERRED else len(_PREFERRED)


def _tell_rejected(event: Any) -> None:
    primitive = event.assoc.requestor.primitive
    called = "" if primitive is None else f" to {shown(primitive.called_ae_title)}"
    _logger.warning("%s: association%s rejected", _peer(event), called)


def _peer(event: Any) -> str:
    """Return who sends, for the log."""
    requestor = event.assoc.requestor
    return f"{shown(requestor.ae_title)} at {requestor.address}"
