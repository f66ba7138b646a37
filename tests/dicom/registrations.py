"""Spatial registrations made by pydicom alone of SimpleITK's transforms."""

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SpatialRegistrationStorage, generate_uid


def matrix_of(transform):
    """The 4 x 4 matrix that does what a transform of SimpleITK does."""
    matrix = np.eye(4)
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    for axis in range(3):
        matrix[:3, axis] = np.array(transform.TransformPoint(np.eye(3)[axis].tolist())) - matrix[:3, 3]
    return matrix


def registration_item(frame, matrices, kind="RIGID", images=()):
    """An item of RegistrationSequence: ``matrices`` are 4 x 4, in the order in which they are applied."""
    made = Dataset()
    if frame:
        made.FrameOfReferenceUID = frame
    made.ReferencedImageSequence = []
    for uid in images:
        image = Dataset()
        image.ReferencedSOPInstanceUID = uid
        made.ReferencedImageSequence.append(image)
    steps = []
    for matrix in matrices:
        step = Dataset()
        step.FrameOfReferenceTransformationMatrixType = kind
        step.FrameOfReferenceTransformationMatrix = [f"{value:.10f}"[:16] for value in np.ravel(matrix)]
        steps.append(step)
    whole = Dataset()
    whole.MatrixSequence = steps
    made.MatrixRegistrationSequence = [whole]
    return made


def registration(target, items, patient_id="P1", sop_class=SpatialRegistrationStorage):
    """A REG into the frame of reference ``target``."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = sop_class, generate_uid()
    made.Modality, made.PatientID = "REG", patient_id
    made.StudyInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.FrameOfReferenceUID = target
    made.RegistrationSequence = list(items)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def save(made, path):
    made.save_as(path, enforce_file_format=True)
    return path
