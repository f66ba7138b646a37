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


def export(study: Path, out: Path) -> Outcome:
    """Write a structure set and a segmentation of a mask in the middle of the CT, as a prediction would."""
    import numpy as np
    import SimpleITK as sitk

    from nnunet_cipa.dicom.export.options import ExportOptions
    from nnunet_cipa.dicom.export.write import export_dicom
    from nnunet_cipa.dicom.files import scan_folder
    from nnunet_cipa.dicom.series.grouping import build_series, group_series
    from nnunet_cipa.dicom.series.selection import select_ct

    grid = build_series(select_ct(group_series(scan_folder(study).images), None), grid_only=True).grid()
    values = np.zeros(grid.GetSize()[::-1], np.uint8)
    values[4:8, 20:40, 20:40] = 1
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(grid)
    out.mkdir()
    sitk.WriteImage(mask, out / "mask.nii.gz")
    options = ExportOptions(segmentation=True)
    return Outcome(warnings=export_dicom(out / "mask.nii.gz", study, out / "patient", options).warnings)


def slow(study: Path, out: Path) -> Outcome:
    """Take longer than any test, in a process that tells its number."""
    print(os.getpid(), flush=True)
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
