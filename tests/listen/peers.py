"""What nodes talk to: a sender, and a receiver that can be told how to answer."""

import threading
from collections import Counter

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, StoragePresentationContexts, evt

from tests.dicom.clients import free_port

STUDY = "1.2.3.4"


def make_object(number=1, study=STUDY, kind=CTImageStorage, **elements):
    """A small object of a study."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = kind, f"{study}.{number}"
    made.StudyInstanceUID, made.SeriesInstanceUID, made.PatientID = study, f"{study}.0", "SECRET17"
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def associate(port, kinds=(CTImageStorage,), syntaxes=ExplicitVRLittleEndian, called="NNUNETCIPA", calling="SCANNER"):
    entity = AE(calling)
    for kind in kinds:
        entity.add_requested_context(kind, syntaxes)
    return entity.associate("127.0.0.1", port, ae_title=called)


def send(port, objects, **options):
    """The status of each object; None where there was no answer."""
    association = associate(port, {one.SOPClassUID for one in objects}, **options)
    assert association.is_established
    statuses = [association.send_c_store(one).get("Status") for one in objects]
    association.release()
    return statuses


class Receiver:
    """An archive that keeps what it was told to store, by SOPInstanceUID, and how often each came."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.title = "PACS"
        self.stored = {}
        self.times = Counter()
        self.status = 0
        self.came = threading.Event()
        self._entity = AE(self.title)
        for context in StoragePresentationContexts:
            self._entity.add_supported_context(context.abstract_syntax)
        self._entity.require_called_aet = True
        self._server = None

    def __enter__(self):
        handlers = [(evt.EVT_C_STORE, self._store)]
        self._server = self._entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        return self

    def __exit__(self, *_):
        self._entity.shutdown()

    def __str__(self):
        return f"{self.title}@127.0.0.1:{self.port}"

    def _store(self, event):
        found = event.dataset
        found.file_meta = event.file_meta
        self.times[str(found.SOPInstanceUID)] += 1
        if self.status == 0:
            self.stored[str(found.SOPInstanceUID)] = found
        self.came.set()
        return self.status
