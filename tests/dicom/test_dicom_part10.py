"""Files without the preamble or the meta information of part 10, as planning systems write them."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.part10 import as_part10
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import build_series, group_series

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)


def stripped(path, syntax, first=(), keep_meta=False):
    """Write a file again in a syntax, without preamble; ``first`` are elements for its beginning."""
    dataset = pydicom.dcmread(path)
    for keyword, value in first:
        setattr(dataset, keyword, value)
    big = syntax == ExplicitVRBigEndian
    whole = pydicom.Dataset(dataset)
    whole.file_meta = pydicom.dataset.FileMetaDataset(dataset.file_meta)
    whole.file_meta.TransferSyntaxUID = syntax
    if big:
        whole.PixelData = np.frombuffer(whole.PixelData, "<i2").astype(">i2").tobytes()
    whole.save_as(path, enforce_file_format=True)
    data = path.read_bytes()
    path.write_bytes(data[132 if keep_meta else after_meta(data) :])


def after_meta(data):
    assert data[128:140] == b"DICM\x02\0\0\0UL\x04\0"
    return 144 + int.from_bytes(data[140:144], "little")


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize(
    "first", [(), (("SpecificCharacterSet", "ISO_IR 100"), ("ImageType", ["ORIGINAL", "PRIMARY"]))]
)
def test_bare_data_sets(write, syntax, first):
    written = write()
    for path in written.paths:
        stripped(path, syntax, first)
    found = scan_folder(written.folder)
    assert not found.problems
    (candidate,) = group_series(found.images)
    series = build_series(candidate)
    assert series.notes == ("5 files without the preamble of DICOM part 10, read by the first elements",)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_ct(series)), written.stored - 1024.0)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_meta_information_without_preamble(write, syntax):
    written = write()
    stripped(written.paths[2], syntax, keep_meta=True)
    (candidate,) = group_series(scan_folder(written.folder).images)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_ct(build_series(candidate))), written.stored - 1024.0)


def test_kind_that_the_meta_information_lacks(write):
    written = write()
    dataset = written.datasets[2]
    del dataset.file_meta.MediaStorageSOPClassUID
    dataset.save_as(written.paths[2], enforce_file_format=False)
    assert "MediaStorageSOPClassUID" not in pydicom.dcmread(written.paths[2]).file_meta
    found = scan_folder(written.folder)
    assert (len(found.images), found.problems) == (5, {})


def element(number, value, vr=b"UI", order="little"):
    """An element of group 8 in explicit VR."""
    return (8).to_bytes(2, order) + number.to_bytes(2, order) + vr + len(value).to_bytes(2, order) + value


CLASS = element(0x16, CTImageStorage.encode() + b"\0" * (len(CTImageStorage) % 2))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08\0",
        b"\x08\0\x05\0",
        b"\x08\0\x05\0" + bytes(400),
        b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + b"\xff" * 400,
        element(0x05, b"ISO_IR 100", b"CS"),
        element(0x16, b"1.2.3.4\0"),
        element(0x18, b"1.2.3.4\0") + CLASS,  # not in ascending order
        element(0x05, b"x" * 5000, b"CS") + CLASS,
        CLASS[:20],
        b"\x02\0\0\0" + bytes(40),
        b"II*\0" + bytes(400),
    ],
)
def test_what_is_no_bare_data_set(tmp_path, data):
    with pytest.raises(ValueError, match="lacks the preamble"):
        as_part10(data)
    (tmp_path / "IM0001").write_bytes(data)
    found = scan_folder(tmp_path)
    assert found.images == ()
    assert found.foreign + len(found.problems) == 1
    assert all("IM0001: cannot be read as DICOM" in problem for problem in found.problems.values())


def test_pixels_that_do_not_tell_how_they_are_compressed(write):
    written = write()
    dataset = written.datasets[2]
    dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    dataset.save_as(written.paths[2], enforce_file_format=True)
    data = written.paths[2].read_bytes()
    written.paths[2].write_bytes(data[after_meta(data) :])
    faults = [header.fault for header in scan_folder(written.folder).images]
    assert [fault for fault in faults if fault] == [faults[2]]
    assert "its pixel data is compressed, and its transfer syntax is not" in faults[2]
