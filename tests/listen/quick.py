"""Predictors that take no time, as a module that worker processes can import."""

import hashlib
import os
import signal
import time
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.listen.worker import Outcome


def digest_of(instance_uids) -> str:
    """What tells in a structure set of which objects it was made."""
    return hashlib.sha256(" ".join(sorted(instance_uids)).encode()).hexdigest()


def predict(study: Path, out: Path) -> Outcome:
    """Write a structure set with a UID of its own, in pieces, as a kill may come between them."""
    files = sorted(study.iterdir())
    one = pydicom.dcmread(files[0])
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = RTStructureSetStorage, generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = one.StudyInstanceUID, generate_uid()
    made.PatientID, made.Modality, made.StructureSetLabel = one.get("PatientID", ""), "RTSTRUCT", "IGTV"
    made.StructureSetDescription = digest_of(path.stem for path in files)
    place = out / "patient"
    place.mkdir(parents=True)
    (place / "manifest.json").write_text("{}")
    made.save_as(place / "rtstruct.dcm", enforce_file_format=True)
    print("PatientID", made.PatientID)
    return Outcome(warnings=("look at it",))


def slow(study: Path, out: Path) -> Outcome:
    """Take longer than any test."""
    time.sleep(600)
    return predict(study, out)


def refuse(study: Path, out: Path) -> Outcome:
    """Find the study at fault until there are two objects of it, and leave something behind."""
    out.mkdir()
    (out / "report.html").write_text("half")
    if len(list(study.iterdir())) < 2:
        raise CIPAError("patient P1: no PET;\nsend it")
    return predict(study, out / "again")


def fall(study: Path, out: Path) -> Outcome:
    """End as one for which memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Outcome()
