"""What is told of DICOM files that cannot be read, done as the message has it."""

import shutil

import pydicom
import pytest
from highdicom.legacy import LegacyConvertedEnhancedCTImage
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

from tests.dataset_conversion.lucid_dicom_faults import NUMBER
from tests.dataset_conversion.lucid_dicom_remedies import Remedy, again, file_again, in_one_file, remove_named

STANDARD = b"1.2.840.10008.1.2.1\0"


def bare(export):
    """A file as written before part 10 of the standard, which does not tell what it is either."""
    path = export.files(NUMBER, "CT")[3]
    dataset = pydicom.dcmread(path)
    del dataset.SOPClassUID
    del dataset.file_meta
    dataset.preamble = None
    path.unlink()
    dataset.save_as(path, implicit_vr=True, little_endian=True)


def add_preamble(refused):
    path = refused.named
    dataset = pydicom.dcmread(path, force=True)
    dataset.SOPClassUID = CTImageStorage
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    path.unlink()
    dataset.save_as(path, enforce_file_format=True)


def write_explicitly(refused):
    path = refused.named
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.unlink()
    dataset.save_as(path)


def of_unknown_syntax(export):
    path = export.files(NUMBER, "CT")[3]
    export.replace(path, path.read_bytes().replace(STANDARD, b"1.2.840.10008.1.2.7\0"))


def linked(export):
    path = export.files(NUMBER, "CT")[3]
    outside = shutil.move(path, export.root.parent / "outside")
    path.symlink_to(outside)


def put_the_file_there(refused):
    outside = refused.named.resolve()
    refused.named.unlink()
    shutil.copy(outside, refused.named)


def multi_frame(export):
    paths = export.files(NUMBER, "CT")
    pieces = [pydicom.dcmread(path) for path in paths]
    series = pieces[0].SeriesInstanceUID
    made = LegacyConvertedEnhancedCTImage(pieces, series, 2, generate_uid(), 1)
    for path in paths:
        path.unlink()
    made.save_as(export.folder(NUMBER) / "ENHANCED")


def as_single_slices(refused):
    refused.named.unlink()
    again("CT")(refused)


def compressed(export):
    """As if in high-throughput JPEG 2000, which is refused before a pixel is decoded."""
    for path in export.files(NUMBER, "CT"):
        dataset = pydicom.dcmread(path)
        dataset.PixelData = encapsulate([dataset.PixelData])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = HTJ2KLossless
        path.unlink()
        dataset.save_as(path)


def decompress(refused):
    for path in refused.export.files(NUMBER, "CT"):
        dataset = pydicom.dcmread(path)
        (dataset.PixelData,) = generate_frames(dataset.PixelData, number_of_frames=1)
        dataset["PixelData"].is_undefined_length = False
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path.unlink()
        dataset.save_as(path)


def badly_compressed(dataset):
    dataset.compress(RLELossless)
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    dataset.PixelData = encapsulate([frame[:64] + bytes(len(frame) - 64)])


FAULTS = {
    "no preamble": (bare, Remedy("do not tell what it is; add it", add_preamble)),
    "deflated": (
        in_one_file(lambda dataset: setattr(dataset.file_meta, "TransferSyntaxUID", DeflatedExplicitVRLittleEndian)),
        Remedy("inflate it", write_explicitly),
    ),
    "empty file": (
        lambda export: (export.folder(NUMBER) / "empty.dcm").touch(),
        Remedy("or remove it if it is not needed", remove_named),
    ),
    "no series": (in_one_file(lambda dataset: dataset.pop("SeriesInstanceUID")), Remedy("export it again", file_again)),
    "link to nothing": (
        lambda export: (export.folder(NUMBER) / "gone").symlink_to(export.folder(NUMBER) / "nothing"),
        Remedy("make it readable, or remove it", remove_named),
    ),
    "link to a file elsewhere": (linked, Remedy("put the file itself there", put_the_file_there)),
    "unknown transfer syntax": (of_unknown_syntax, Remedy("export it in a standard one", write_explicitly)),
    "multi-frame": (multi_frame, Remedy("export the series as single slices, one file each", as_single_slices)),
    "coding without decoder": (compressed, Remedy("decompress the files", decompress)),
    "damaged RLE": (in_one_file(badly_compressed), Remedy("export it again", file_again)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_patient_is_converted_once_it_is_as_told(fault, follow):
    follow(*FAULTS[fault])
