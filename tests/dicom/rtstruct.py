"""RTSTRUCT files made by pydicom alone, and a series for them."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage

from nnunet_cipa.dicom.series.grouping import Series, Slice

STUDY, SERIES, FRAME = "1.2.3.1", "1.2.3.1.7", "1.2.3.9"


def item(**attributes):
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def contour(points, kind="CLOSED_PLANAR"):
    numbers = [f"{v:.5f}" for v in np.ravel(points)]
    return item(ContourGeometricType=kind, NumberOfContourPoints=len(points), ContourData=numbers)


def structure_set(rois):
    """A structure set of ``rois``, name -> contours (lists of points, or items of ``contour``)."""
    series = item(SeriesInstanceUID=SERIES)
    study = item(ReferencedSOPInstanceUID=STUDY, RTReferencedSeriesSequence=[series])
    made = item(
        SOPClassUID=RTStructureSetStorage,
        SOPInstanceUID="1.2.3.4",
        PatientID="P1",
        StudyInstanceUID=STUDY,
        Modality="RTSTRUCT",
        StructureSetLabel="plan",
        ReferencedFrameOfReferenceSequence=[item(FrameOfReferenceUID=FRAME, RTReferencedStudySequence=[study])],
        StructureSetROISequence=[
            item(ROINumber=n, ROIName=name, ReferencedFrameOfReferenceUID=FRAME) for n, name in enumerate(rois, 1)
        ],
        ROIContourSequence=[
            item(
                ReferencedROINumber=n,
                ContourSequence=[c if isinstance(c, Dataset) else contour(c) for c in contours],
            )
            for n, contours in enumerate(rois.values(), 1)
        ],
    )
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def save(made, folder, **options):
    path = folder / "RS.dcm"
    made.save_as(path, enforce_file_format=True, **options)
    return path


def series_of(grid, study=STUDY, series=SERIES, frame=FRAME):
    """A series with the geometry of an image."""
    size, step = grid.GetSize(), grid.GetSpacing()[2]
    return Series(
        modality="CT",
        patient_id="P1",
        study_uid=study,
        series_uid=series,
        frame_of_reference_uid=frame,
        description="",
        sop_class_uid=CTImageStorage,
        slices=tuple(Slice(Path(f"{k}.dcm"), f"{series}.{k}", k * step) for k in range(size[2])),
        size=size,
        spacing=grid.GetSpacing(),
        origin=grid.GetOrigin(),
        direction=grid.GetDirection(),
    )
