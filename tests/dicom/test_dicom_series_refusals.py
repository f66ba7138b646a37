"""A series that is not a whole, regular volume is refused with the reason and the numbers."""

import re

import pytest
from pydicom.uid import EnhancedCTImageStorage, JPEGLosslessSV1, generate_uid

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series import checks as series_checks
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.errors import CIPAError


def refused(folder, *words):
    (candidate,) = group_series(scan_folder(folder).images)
    with pytest.raises(CIPAError) as caught:
        build_series(candidate)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert re.search(word, message), f"{word!r} is not in {message!r}"


def test_missing_slice(write):
    written = write(slices=6, spacing=(1, 1, 3.0))
    written.paths[2].unlink()
    refused(written.folder, "slices are missing", r"6\.00 mm", r"3\.00 mm", r"CT_001\.dcm", r"CT_003\.dcm")


def test_missing_slice_of_three(write):
    written = write(slices=4, spacing=(1, 1, 3.0))
    written.paths[1].unlink()
    refused(written.folder, "slices are missing", r"6\.00 mm")


def test_same_instance_with_other_bytes(write):
    written = write()
    (written.folder / "copy").write_bytes(written.paths[1].read_bytes()[:-2] + b"\0\x09")
    refused(written.folder, "same instance", r"CT_001\.dcm", "copy")


def test_two_slices_at_one_place(write):
    written = write()

    def other(dataset):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()

    other(written.datasets[1])
    written.datasets[1].save_as(written.folder / "other.dcm")
    refused(written.folder, "same place", r"0\.000 mm", r"other\.dcm")


def at(z):
    def change(dataset):
        dataset.ImagePositionPatient = [*dataset.ImagePositionPatient[:2], z]

    return change


def test_varying_spacing(write):
    written = write(slices=5, spacing=(1, 1, 3.0), origin=(0, 0, 0))
    written.rewrite(4, at(13.0))
    refused(written.folder, r"3\.00 to 4\.00 mm apart", r"CT_004\.dcm")


def test_spacing_that_creeps(write):
    written = write(slices=12, spacing=(1, 1, 3.0), origin=(0, 0, 0))
    for index in range(12):
        written.rewrite(index, at(round(3.0 * index + 0.015 * index**2 / 2, 6)))
    refused(written.folder, r"from an even stack")


def test_sheared_stack(write):
    written = write(slices=5, origin=(0, 0, 0))
    for index in range(5):
        written.rewrite(index, lambda dataset, index=index: shift(dataset, index * 0.5))
    refused(written.folder, "sheared", "gantry", r"2\.00 mm aside")


def shift(dataset, y):
    x, old, z = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [x, old + y, z]


def put(keyword, value):
    return lambda dataset: setattr(dataset, keyword, value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("ImageOrientationPatient", [1, 0, 0, 0, 0, -1]), ["ImageOrientationPatient is", "and 1.0.0.0.0.-1"]),
        (put("PixelSpacing", [2.0, 1.6]), [r"PixelSpacing is 2.1\.5", r"2.1\.6"]),
        (put("PatientID", "OTHER"), ["PatientID is PAT7", "OTHER"]),
        (put("FrameOfReferenceUID", "1.2.3.77"), [r"FrameOfReferenceUID is 1\.2\.3\.9", r"1\.2\.3\.77"]),
        (put("StudyInstanceUID", "1.2.3.77"), ["StudyInstanceUID", r"1\.2\.3\.77"]),
        (put("Modality", "PT"), [r"CT_003\.dcm: Modality is PT", "CT Image Storage"]),
        (lambda dataset: dataset.pop("ImagePositionPatient"), ["ImagePositionPatient is missing", "1 of 5 files"]),
        (lambda dataset: dataset.pop("ImageOrientationPatient"), ["ImageOrientationPatient is missing"]),
        (lambda dataset: dataset.pop("PixelSpacing"), ["PixelSpacing is missing"]),
        (lambda dataset: dataset.pop("FrameOfReferenceUID"), ["FrameOfReferenceUID is missing"]),
        (put("PatientID", ""), ["PatientID is missing"]),
        (put("PixelSpacing", [2.0]), ["PixelSpacing is missing or unreadable"]),
        (put("PixelSpacing", [0.0, 1.5]), [r"CT_003\.dcm.*PixelSpacing 0.1\.5"]),
        (put("PixelSpacing", [-2.0, 1.5]), [r"PixelSpacing -2.1\.5"]),
        (put("PixelSpacing", ["inf", "1.5"]), ["PixelSpacing is missing or unreadable"]),
        (put("ImagePositionPatient", [0, 0, 1e9]), [r"ImagePositionPatient 0.0.1e\+09"]),
        (put("ImageOrientationPatient", [1, 0, 0, 0.1, 1, 0]), ["ImageOrientationPatient", "right angles"]),
        (put("ImageOrientationPatient", [2, 0, 0, 0, 1, 0]), ["length 1"]),
        (put("ImageOrientationPatient", [0, 0, 0, 0, 1, 0]), ["length 1"]),
        (put("NumberOfFrames", 3), [r"CT_003\.dcm: is multi-frame", "3 frames"]),
        (put("SOPClassUID", EnhancedCTImageStorage), ["multi-frame", "Enhanced CT"]),
    ],
    ids=lambda value: None if callable(value) else value[0],
)
def test_one_slice_that_does_not_fit(write, change, words):
    written = write()
    written.rewrite(3, change)
    refused(written.folder, *words)


def test_number_that_is_none(write):
    written = write()
    data = written.paths[0].read_bytes()
    assert data.count(b"2.0\\1.5") == 1
    written.paths[0].write_bytes(data.replace(b"2.0\\1.5", b"2,0\\1.5"))
    refused(written.folder, "PixelSpacing is missing or unreadable")


def test_other_size(write):
    written = write(slices=4, series_uid="1.2.4")
    write(slices=1, shape=(8, 8), origin=(-10, -20, -18), series_uid="1.2.4", names=["last"])
    refused(written.folder, "Rows is 6", "and 8")


def test_absurd_size(write):
    written = write()
    for index in range(5):
        written.rewrite(index, make_flat)
    refused(written.folder, "48 x 1 pixels")


def make_flat(dataset):
    dataset.Rows, dataset.Columns = 1, 48


def test_slices_too_far_apart(write):
    refused(write(spacing=(1, 1, 50)).folder, r"50\.00 mm apart")


def test_single_slice(write):
    refused(write(slices=1).folder, "only slice")


def test_decoder_that_is_not_installed(write, monkeypatch):
    written = write()
    for index in range(5):
        # The pixels are not coded so, but no decoder may be asked before the series is refused.
        written.rewrite(index, fake_compression)

    class Missing:
        is_available = False
        missing_dependencies = ("gdcm",)

    monkeypatch.setattr(series_checks, "get_decoder", lambda syntax: Missing)
    refused(written.folder, "JPEG Lossless", "no decoder is installed", "python-gdcm", "gdcmconv")


def fake_compression(dataset):
    from pydicom.encaps import encapsulate

    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])


def test_unknown_transfer_syntax(write):
    written = write()
    for index in range(5):
        data = written.paths[index].read_bytes()
        assert data.count(b"1.2.840.10008.1.2.1\0") == 1
        written.paths[index].write_bytes(data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.7\0"))
    refused(written.folder, r"no decoder is known for its transfer syntax 1\.2\.840\.10008\.1\.2\.7")


def test_two_series_are_two_candidates(write, tmp_path):
    write()
    write(folder="other", slices=3)
    candidates = group_series(scan_folder(tmp_path).images)
    assert sorted(len(candidate.headers) for candidate in candidates) == [3, 5]
    assert len({candidate.series_uid for candidate in candidates}) == 2
