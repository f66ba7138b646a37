"""Small DICOM series written by pydicom alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
    RTStructureSetStorage,
    generate_uid,
)

CLASSES = {"CT": CTImageStorage, "PT": PositronEmissionTomographyImageStorage, "RTSTRUCT": RTStructureSetStorage}
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass
class Written:
    """A series on disk: its folder, its files in order along the normal, its stored values (slice, row, column)."""

    folder: Path
    paths: list[Path]
    datasets: list[FileDataset]
    stored: np.ndarray

    def rewrite(self, index, change):
        """Change the dataset of one slice and write it again."""
        change(self.datasets[index])
        self.datasets[index].save_as(self.paths[index])


def basic_dataset(modality, series_uid, **values):
    """A dataset with all identifying attributes and no pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CLASSES[modality]
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Modality = modality
    dataset.PatientID = "PAT7"
    dataset.PatientName = "Muster^Max"
    dataset.PatientBirthDate = "19500101"
    dataset.StudyInstanceUID = "1.2.3.1"
    dataset.SeriesInstanceUID = series_uid
    dataset.FrameOfReferenceUID = "1.2.3.9"
    dataset.SeriesDescription = f"{modality} thorax"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def pet_values():
    """Attributes of a PET slice in BQML: 70 kg, 350 MBq of fluorine-18 an hour before the series."""
    tracer = Dataset()
    tracer.RadionuclideTotalDose = 350e6
    tracer.RadionuclideHalfLife = 6586.2
    tracer.RadiopharmaceuticalStartTime = "093000"
    return {
        "Units": "BQML",
        "DecayCorrection": "START",
        "CorrectedImage": ["DECY", "ATTN", "SCAT"],
        "PatientWeight": 70,
        "RadiopharmaceuticalInformationSequence": [tracer],
        "SeriesDate": "20200102",
        "SeriesTime": "103000",
        "AcquisitionDate": "20200102",
        "AcquisitionTime": "103000",
        "Manufacturer": "ACME",
    }


def write_series(
    root,
    modality="CT",
    slices=5,
    shape=(6, 8),
    spacing=(2.0, 1.5, 3.0),
    origin=(-10.0, -20.0, -30.0),
    orientation=AXIAL,
    slope=1.0,
    intercept=-1024.0,
    names=None,
    folder="dicom",
    series_uid=None,
    seed=1,
    **values,
):
    """Write a regular series into root / folder.

    ``spacing`` is that of rows, columns and slices in mm; ``slope`` may be one number for each slice; ``names`` are the
    files' names in the order of the slices along the normal; further keywords are attributes.
    """
    target = root / folder
    target.mkdir(parents=True, exist_ok=True)
    series_uid = series_uid or generate_uid()
    stored = np.random.default_rng(seed).integers(0, 3000, (slices, *shape)).astype(np.int16)
    normal = np.cross(orientation[:3], orientation[3:])
    slopes = np.broadcast_to(slope, slices)
    written = Written(target, [], [], stored)
    extra = {**(pet_values() if modality == "PT" else {}), **values}
    for index in range(slices):
        dataset = basic_dataset(modality, series_uid, **extra)
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.ImagePositionPatient = [round(float(x), 9) for x in origin + index * spacing[2] * normal]
        dataset.ImageOrientationPatient = [f"{x:.12f}"[:16] for x in orientation]
        dataset.PixelSpacing = list(spacing[:2])
        dataset.Rows, dataset.Columns = shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.PixelRepresentation = 1
        dataset.RescaleSlope = float(slopes[index])
        dataset.RescaleIntercept = 0.0 if modality == "PT" else intercept
        dataset.InstanceNumber = index + 1
        dataset.PixelData = stored[index].tobytes()
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        path = target / (names[index] if names else f"{modality}_{index:03d}.dcm")
        dataset.save_as(path, enforce_file_format=True)
        written.paths.append(path)
        written.datasets.append(dataset)
    return written
