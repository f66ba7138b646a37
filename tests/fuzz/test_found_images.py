"""PNG and NIfTI that the fuzzer found: each was accepted with another meaning, or ended in another error, before."""

import gzip
import struct
import zlib

import pytest

from nnunet_cipa.dataset_conversion.study_set.image import read_nifti
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.png import read_grey_png
from tests.fuzz.nifti_reader import FIELDS, NiftiVolume, _put
from tests.fuzz.pclt20k_readers import Png


def chunk(kind, content):
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))


@pytest.mark.parametrize(
    "more",
    [chunk(b"IHDR", struct.pack(">LLBBBBB", 8, 3, 8, 0, 0, 0, 0)), chunk(b"IHDR", bytes(20)), chunk(b"gAMA", bytes(4))],
    ids=["two headers", "a header of 20 bytes", "another chunk first"],
)
def test_png_whose_first_chunk_is_not_its_only_header(own, more):
    png = Png(own)
    png.path.write_bytes(png.data[:8] + more + png.data[8:])
    with pytest.raises(CIPAError, match=r"not a sound PNG .*only header"):
        read_grey_png(png.path)


def test_png_without_pixels(own):
    png = Png(own)
    png.path.write_bytes(png.data[:33] + chunk(b"IEND", b""))
    with pytest.raises(CIPAError, match="not a sound PNG"):
        read_grey_png(png.path)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"pixdim1": -2.0}, "voxels of"),
        ({"pixdim0": -0.26}, r"pixdim\[0\]"),
        ({"qform_code": 16}, "qform_code is 16"),
        ({"sizeof_hdr": 127}, "does not start"),
        ({"vox_offset": 0.0}, "start at byte 0"),
        ({"vox_offset": float("inf")}, "start at byte inf"),
        ({"bitpix": 1}, "1 bits"),
        ({"xyzt_units": 6}, "unknown unit"),
        ({"datatype": 77}, "unknown type 77"),
        ({"scl_slope": 1e-30, "scl_inter": 0.5}, "its scale is 1e-30 and 0.5"),
        ({"scl_slope": 0.0, "scl_inter": 0.5}, "its scale is 0 and 0.5"),
        ({"dim0": 9}, "does not start"),
    ],
)
def test_nifti_header_that_is_repaired_by_one_reader_and_not_by_another(own, fields, told):
    volume = NiftiVolume(own)
    data = bytearray(volume.data)
    volume.path.write_bytes(gzip.compress(data))
    assert read_nifti(volume.path).GetSize() == (6, 5, 4)
    for name, value in fields.items():
        assert name in FIELDS
        _put(data, name, value)
    volume.path.write_bytes(gzip.compress(data))
    with pytest.raises(CIPAError, match=told):
        read_nifti(volume.path)


def test_nifti_that_declares_more_than_a_file_can_hold(own):
    volume = NiftiVolume(own)
    data = bytearray(volume.data)
    for name in ("dim1", "dim2", "dim3"):
        _put(data, name, 4096)
    volume.path.write_bytes(gzip.compress(data))
    with pytest.raises(CIPAError, match="137438953472 bytes, more than the file can hold"):
        read_nifti(volume.path)
