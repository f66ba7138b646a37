"""CT series written by pydicom alone."""

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

STUDY, SERIES, FRAME = "1.2.3.1", "1.2.3.1.7", "1.2.3.9"


def write_ct(folder, grid, series=SERIES, edit=None):
    """Write a CT with the geometry of an image, one file a slice in scrambled order; ``edit`` may change each."""
    folder.mkdir(parents=True, exist_ok=True)
    columns, rows, count = grid.GetSize()
    axes = np.reshape(grid.GetDirection(), (3, 3))
    for k in range(count):
        piece = Dataset()
        piece.SOPClassUID, piece.SOPInstanceUID = CTImageStorage, f"{series}.{k + 1}"
        piece.StudyInstanceUID, piece.SeriesInstanceUID, piece.FrameOfReferenceUID = STUDY, series, FRAME
        piece.Modality, piece.SeriesNumber, piece.InstanceNumber, piece.SeriesDescription = "CT", 2, count - k, "thorax"
        piece.SpecificCharacterSet = "ISO_IR 100"
        piece.PatientName, piece.PatientID, piece.PatientBirthDate, piece.PatientSex = "Möller^A", "P1", "19500102", "F"
        piece.StudyDate, piece.StudyTime, piece.StudyID, piece.AccessionNumber = "20200304", "101500", "S1", "A7"
        piece.ReferringPhysicianName, piece.PositionReferenceIndicator = "", ""
        piece.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        origin = np.array(grid.TransformIndexToPhysicalPoint((0, 0, k)))
        piece.ImagePositionPatient = [f"{round(v, 6):.10g}" for v in origin]
        piece.ImageOrientationPatient = [f"{v + 0.0:.10f}" for v in (*axes[:, 0], *axes[:, 1])]
        piece.PixelSpacing = [f"{grid.GetSpacing()[axis]:.10g}" for axis in (1, 0)]
        piece.SliceThickness = f"{grid.GetSpacing()[2]:.10g}"
        piece.Rows, piece.Columns, piece.SamplesPerPixel, piece.PhotometricInterpretation = (
            rows,
            columns,
            1,
            "MONOCHROME2",
        )
        piece.BitsAllocated, piece.BitsStored, piece.HighBit, piece.PixelRepresentation = 16, 16, 15, 1
        piece.RescaleIntercept, piece.RescaleSlope = 0, 1
        piece.PixelData = np.full((rows, columns), -1000 + k, dtype=np.int16).tobytes()
        piece.file_meta = FileMetaDataset()
        piece.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if edit is not None:
            edit(piece, k)
        piece.save_as(folder / f"{(k * 7) % 101:03d}_{series[-1]}.dcm", enforce_file_format=True)
    return folder
