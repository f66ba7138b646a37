"""Sends objects to another node by C-STORE."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context

from nnunet_cipa.dicom.part10 import read_kind
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.listen.options import Destination

_WARNINGS = range(0xB000, 0xC000)  # stored, though not as it was sent


class SendingError(CIPAError):
    """Objects that another node did not store."""


def send(files: Sequence[Path], destination: Destination, title: str, stored: Callable[[Path], None]) -> None:
    """Send files in one association.

    Parameters
    ----------
    files
        DICOM files, uncompressed ones; they are sent in implicit VR where the other node takes no explicit one.
    destination
        Where to.
    title
        AE title of the sender.
    stored
        Called with each file that the other node says it has stored.

    Raises
    ------
    SendingError
        If there is no association, or a file was not stored; the others have been tried.
    """
    entity = AE(title)
    entity.connection_timeout = 15
    syntaxes = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    kinds = {read_kind(path) for path in files}
    contexts = [build_context(kind, syntax) for kind in sorted(kinds) for syntax in syntaxes]
    association = entity.associate(destination.host, destination.port, contexts=contexts, ae_title=destination.title)
    if not association.is_established:
        how = "rejects" if association.is_rejected else "does not answer"
        raise SendingError(f"{destination}: {how} the association; check that it runs, and knows AE title {title}")
    refused = []
    try:
        for path in files:
            try:
                status = association.send_c_store(path).get("Status")
            except (ValueError, RuntimeError) as error:  # its kind is not accepted there, or the association is gone
                refused.append(f"{path.name} ({error})")
                continue
            if status is not None and (status == 0 or status in _WARNINGS):
                stored(path)
            else:
                refused.append(f"{path.name} ({'no answer' if status is None else f'status 0x{status:04X}'})")
    finally:
        if association.is_established:
            association.release()
    if refused:
        raise SendingError(f"{destination}: did not store {', '.join(refused)}")
