"""Attributes that all DICOM objects of a synthetic patient share: who it is, UIDs, and how a file is written."""

import uuid
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from nnunet_cipa import __version__
from nnunet_cipa.dataset_conversion.phantoms.options import SLICE_DISTANCE

STUDY_DATE = "20000101"
SYNTHETIC = "SYNTHETIC, made by a program; no patient"
# The root of UIDs that are made of a UUID (PS3.5 B.2); a name-based UUID (RFC 9562, version 5) can be made again.
UID_ROOT = "2.25."
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "nnunet-cipa.phantom")


@dataclass(frozen=True)
class Identity:
    """Which synthetic patient this is: the same numbers give the same images, names and UIDs."""

    seed: int
    index: int
    size: int
    slices: int
    slice_distance: float = SLICE_DISTANCE

    @property
    def folder(self) -> str:
        """Name of the patient's folder."""
        return f"{self.index + 1:04d}"

    @property
    def name(self) -> str:
        """DICOM patient name."""
        return f"PHANTOM^{self.folder}"

    @property
    def patient_id(self) -> str:
        """PatientID, by which test.txt names the patient."""
        return f"PHANTOM-{self.folder}"

    def uid(self, *parts: object) -> UID:
        """UID of what ``parts`` name: the study, the frame of reference, a series, an instance."""
        numbers = (self.seed, self.index, self.size, self.slices, self.slice_distance)
        return UID(UID_ROOT + str(uuid.uuid5(_NAMESPACE, "/".join(map(str, (*numbers, *parts)))).int))


@dataclass(frozen=True)
class PhantomSeries:
    """A series: what its UIDs are made of, number, modality, description, and when it and its study began.

    Both are times of day in s.
    """

    key: str
    number: int
    modality: str
    description: str
    seconds: int
    study_seconds: int


def new_object(identity: Identity, series: PhantomSeries, sop_class: UID, instance: int) -> Dataset:
    """Return a data set with the modules of patient, study, series, equipment and SOP instance."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = identity.uid(series.key, instance)
    dataset.PatientName = identity.name
    dataset.PatientID = identity.patient_id
    dataset.PatientBirthDate = "19400101"
    dataset.PatientSex = "O"
    dataset.QualityControlSubject = "YES"
    dataset.StudyInstanceUID = identity.uid("study")
    dataset.StudyID = f"{identity.index + 1}"
    dataset.StudyDescription = "SYNTHETIC PET/CT thorax"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyDate = dataset.SeriesDate = STUDY_DATE
    dataset.StudyTime, dataset.SeriesTime = time_of_day(series.study_seconds), time_of_day(series.seconds)
    dataset.Modality, dataset.BodyPartExamined = series.modality, "CHEST"
    dataset.SeriesInstanceUID = identity.uid(series.key)
    dataset.SeriesNumber = series.number
    dataset.SeriesDescription = series.description
    dataset.FrameOfReferenceUID = identity.uid("frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = "nnunet_cipa phantom"
    dataset.ManufacturerModelName = "phantom lucid"
    dataset.SoftwareVersions = __version__
    dataset.InstanceNumber = instance
    return dataset


def save(folder: Path, dataset: Dataset) -> None:
    """Write an object under a name without order or meaning, as archives export them."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    # Not those of the library, so that its next version writes the same bytes.
    meta.ImplementationClassUID = UID(UID_ROOT + str(_NAMESPACE.int))
    meta.ImplementationVersionName = "NNUNET_CIPA"
    dataset.file_meta = meta
    name = uuid.uuid5(_NAMESPACE, dataset.SOPInstanceUID).hex[:16].upper()
    dataset.save_as(folder / name, enforce_file_format=True, overwrite=False)


def time_of_day(seconds: float) -> str:
    """DICOM TM of a number of seconds since midnight."""
    whole = int(seconds)
    return f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}"


def decimal(value: float) -> str:
    """DICOM DS of a number: 16 characters at most."""
    return format_number_as_ds(float(value))
