"""What is told of a series that is not CT in HU, or no whole and regular volume, done as the message has it."""

import pydicom
import pytest
from pydicom.uid import generate_uid

from tests.dataset_conversion.lucid_dicom_faults import NUMBER, change, place, remove
from tests.dataset_conversion.lucid_dicom_remedies import Remedy, again, edit, enter, file_again, in_one_file
from tests.dataset_conversion.lucid_dicom_remedies import remove as remove_file


def put(**texts):
    def function(dataset):
        for keyword, value in texts.items():
            setattr(dataset, keyword, value)

    return function


def extra(function):
    """A fault: a further file in the CT."""

    def fault(export):
        dataset = pydicom.dcmread(export.files(NUMBER, "CT")[3])
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        function(dataset)
        dataset.save_as(export.folder(NUMBER) / "EXTRA")

    return fault


def same_instance_edited(export):
    dataset = pydicom.dcmread(export.files(NUMBER, "CT")[3])
    dataset.SeriesDescription = "edited"
    dataset.save_as(export.folder(NUMBER) / "EXTRA")


def nameless_at_first(export):
    path = min(export.files(NUMBER, "CT"))
    dataset = pydicom.dcmread(path)
    dataset.PatientID = ""
    path.unlink()
    dataset.save_as(path)


def without_table(dataset, _):
    del dataset.ModalityLUTSequence


GEOMETRY = "correct it, or remove the files of the other"
FAULTS = {
    "Modality of another kind": (in_one_file(put(Modality="PT")), Remedy("export it again", file_again)),
    "one slice": (remove("CT", slice(1, None)), Remedy("export all of them", again("CT"))),
    "every fourth slice": (
        lambda export: [path.unlink() for k, path in enumerate(export.files(NUMBER, "CT")) if k % 4],
        Remedy("export all of them", again("CT")),
    ),
    "no PatientID in the first file": (
        nameless_at_first, Remedy("nor have 0 other files, so whose they are is not known; give all", file_again),
    ),
    "no position": (
        in_one_file(lambda dataset: dataset.pop("ImagePositionPatient")), Remedy("or export them again", file_again),
    ),
    "another frame in one file": (
        in_one_file(put(FrameOfReferenceUID="1.2.3.9")), Remedy("correct it", enter("CT", "FrameOfReferenceUID")),
    ),
    "slice of another patient": (extra(put(PatientID="ANOTHER")), Remedy(GEOMETRY, remove_file("EXTRA"))),
    "slice turned by 10 degrees": (
        extra(put(ImageOrientationPatient=[1, 0, 0, 0, 0.9848, 0.1736])), Remedy(GEOMETRY, remove_file("EXTRA")),
    ),
    "instance twice with other content": (same_instance_edited, Remedy("keep one", remove_file("EXTRA"))),
    "one row": (change("CT", Rows=1), Remedy("export it so", again("CT"))),
    "spacing of zero": (change("CT", PixelSpacing=[0, 1.5]), Remedy("correct it", enter("CT", "PixelSpacing"))),
    "far away": (place("CT", lambda x, y, z: (1e6, y, z)), Remedy("export it again", again("CT"))),
    "axes that are none": (
        change("CT", ImageOrientationPatient=[2, 0, 0, 0, 1, 0]), Remedy("export it again", again("CT")),
    ),
    "slices of two reconstructions": (
        in_one_file(lambda dataset: dataset.ImagePositionPatient.__setitem__(2, dataset.ImagePositionPatient[2] + 2)),
        Remedy("or export one reconstruction", again("CT")),
    ),
    "no slope": (change("CT", RescaleSlope=None), Remedy("an intercept are needed, export it again", again("CT"))),
    "white air": (
        change("CT", PhotometricInterpretation="MONOCHROME1"),
        Remedy("export grey values as MONOCHROME2", enter("CT", "PhotometricInterpretation")),
    ),
    "look-up table": (
        change("CT", ModalityLUTSequence=[]), Remedy("export it with RescaleSlope", edit("CT", without_table)),
    ),
    "units that are not HU": (change("CT", RescaleType="US"), Remedy("export it in HU", enter("CT", "RescaleType"))),
    "HU from zero": (change("CT", RescaleIntercept=0), Remedy("write the CT in HU", enter("CT", "RescaleIntercept"))),
    "HU of ten thousands": (
        change("CT", RescaleSlope=30), Remedy("rescale them to HU", enter("CT", "RescaleSlope")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_patient_is_converted_once_it_is_as_told(fault, follow):
    follow(*FAULTS[fault])
