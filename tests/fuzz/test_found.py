"""What the fuzzer found: each was accepted with another meaning, or ended in another error, before."""

import copy
import gzip
import struct
import zlib

import numpy as np
import pytest

from nnunet_cipa.dataset_conversion.dicom.ct import read_ct
from nnunet_cipa.dataset_conversion.dicom.files import scan_folder
from nnunet_cipa.dataset_conversion.dicom.pet import read_pet
from nnunet_cipa.dataset_conversion.dicom.series import build_series, group_series
from nnunet_cipa.dataset_conversion.dicom.structures import read_structure_set
from nnunet_cipa.dataset_conversion.lucid.image import read_volume
from nnunet_cipa.dataset_conversion.pclt20k.source import parse_name
from nnunet_cipa.dataset_conversion.png import read_grey_png
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.plans import plan_cipa
from tests.dataset_conversion.dicom.writer import write_series
from tests.fuzz import dicom_elements as dicom
from tests.fuzz.dicom_readers import Structures
from tests.fuzz.nifti_reader import FIELDS, NiftiVolume, _put
from tests.fuzz.pclt20k_readers import Png
from tests.trainers.conftest import DATASET, PLANS


@pytest.fixture
def own(tmp_path):
    for part in ("input", "output"):
        (tmp_path / part).mkdir()
    return tmp_path


def test_a_name_that_is_too_long_for_a_file():
    with pytest.raises(CIPAError, match="is not a slice name"):
        parse_name("a" * 300 + "_1")
    assert parse_name("a" * 100 + "_1").number == 1


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
    assert read_volume(volume.path).GetSize() == (6, 5, 4)
    for name, value in fields.items():
        assert name in FIELDS
        _put(data, name, value)
    volume.path.write_bytes(gzip.compress(data))
    with pytest.raises(CIPAError, match=told):
        read_volume(volume.path)


def test_nifti_that_declares_more_than_a_file_can_hold(own):
    volume = NiftiVolume(own)
    data = bytearray(volume.data)
    for name in ("dim1", "dim2", "dim3"):
        _put(data, name, 4096)
    volume.path.write_bytes(gzip.compress(data))
    with pytest.raises(CIPAError, match="137438953472 bytes, more than the file can hold"):
        read_volume(volume.path)


def set_value(elements, tag, vr, value):
    for element in elements:
        if element[0] == tag:
            element[1:] = [vr, value]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda e: set_value(e, (0x0018, 0x1075), b"FD", b"6586.2"), "even multiple"),
        (lambda e: set_value(e, (0x0018, 0x1075), b"XX", b"6586.2"), "Unknown Value Representation"),
    ],
)
def test_pet_whose_injection_cannot_be_read(own, change, told):
    for path in write_series(own, "PT", folder="input").paths:
        elements = dicom.read_file(path.read_bytes())
        for holder in list(dicom.holders(elements)):
            change(holder)
        path.write_bytes(dicom.write_file(elements))
    (candidate,) = group_series(scan_folder(own / "input").images)
    with pytest.raises(CIPAError, match=told):
        read_pet(build_series(candidate))


def test_a_slope_that_is_stored_as_a_tag(own):
    for path in write_series(own, folder="input").paths:
        elements = dicom.read_file(path.read_bytes())
        set_value(elements, (0x0028, 0x1053), b"AT", b"1.0 ")
        path.write_bytes(dicom.write_file(elements))
    (candidate,) = group_series(scan_folder(own / "input").images)
    with pytest.raises(CIPAError, match="RescaleSlope None"):
        read_ct(build_series(candidate))


def test_transfer_syntax_of_several_lines_is_told_in_one(own):
    for path in write_series(own, folder="input").paths:
        elements = dicom.read_file(path.read_bytes())
        set_value(elements, (0x0002, 0x0010), b"UI", b"1.2\n3\x1b[2J")
        path.write_bytes(dicom.write_file(elements))
    (candidate,) = group_series(scan_folder(own / "input").images)
    with pytest.raises(CIPAError) as error:
        build_series(candidate)
    assert str(error.value).isprintable()


def first_item(data, tag):
    """Where the length of the first item of a sequence is."""
    return data.index(struct.pack("<HH", *tag) + b"SQ\0\0") + 12 + 4


def spoil_lengths(data, tag, more):
    at = first_item(data, tag)
    (length,) = struct.unpack_from("<L", data, at)
    return data[:at] + struct.pack("<L", length + more) + data[at + 4 :]


@pytest.mark.parametrize("more", [8, 300, -8])
@pytest.mark.parametrize("tag", [(0x3006, 0x0040), (0x3006, 0x0039), (0x3006, 0x0020)])
def test_structure_set_whose_items_are_longer_or_shorter_than_they_say(own, tag, more):
    structures = Structures(own)
    structures.path.write_bytes(spoil_lengths(structures.data, tag, more))
    with pytest.raises(CIPAError, match=r"RS\.dcm: cannot be read as RTSTRUCT"):
        read_structure_set(structures.path)


def test_structure_set_with_a_field_twice(own):
    structures = Structures(own)
    elements = dicom.read_file(structures.data)
    item = dicom.find(elements, (0x3006, 0x0039))[0]
    item.insert(0, copy.deepcopy(item[0]))
    structures.path.write_bytes(dicom.write_file(elements))
    with pytest.raises(CIPAError, match="is there twice"):
        read_structure_set(structures.path)


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("implicit", [True, False])
def test_structure_sets_in_other_forms_are_read(own, undefined, implicit):
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    structures = Structures(own)
    file = pydicom.dcmread(structures.path)
    file.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian

    def mark(holder):
        for element in holder:
            if element.VR == "SQ":
                element.is_undefined_length = undefined
                for item in element.value:
                    item.is_undefined_length_sequence_item = undefined
                    mark(item)

    mark(file)
    file.save_as(structures.path, implicit_vr=implicit, little_endian=True)
    assert (b"\xff\xff\xff\xff" in structures.path.read_bytes()) == undefined
    roi, mask = structures.read()
    assert roi.name == "IGTV"
    structures.path.write_bytes(structures.data)
    assert np.array_equal(mask, structures.read()[1])


def edit(content, path, value):
    *way, last = path
    for key in way:
        content = content[key]
    content[last] = value


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("configurations",), [1], "no sound configuration"),
        (("configurations", "2d"), [], "no sound configuration"),
        (("configurations", "2d", "inherits_from"), ["2d"], "no sound configuration"),
        (("configurations", "2d", "inherits_from"), "2d", "no sound configuration"),
        (("configurations", "2d", "patch_size"), [64, [64]], "patch_size is"),
        (("configurations", "2d", "patch_size"), [64, 10**9], "patch_size is"),
        (("configurations", "2d", "patch_size"), [64, -64], "patch_size is"),
        (("configurations", "2d", "spacing"), "ab", "spacing is"),
        (("configurations", "2d", "spacing"), [1.0, float("nan")], "spacing is"),
        (("transpose_forward",), 7, "transpose_forward is"),
        (("label_manager",), [], "labels are"),
    ],
)
def test_damaged_plans(path, value, told):
    plans = copy.deepcopy(PLANS)
    edit(plans, path, value)
    with pytest.raises(CIPAError, match=told):
        plan_cipa(plans, "2d", DATASET, {})


@pytest.mark.parametrize(
    "labels",
    [None, [], {}, {"GTV": 1}, {"background": 1, "GTV": 0}, {"background": 0, "GTV": "1"},
     {"background": 0, "GTV": 0.5},
     {"background": 0, "GTV": [[1]]}, {"background": 0, "GTV": 10**30}, {"background": 0, "GTV": [1, 2]}],
)  # fmt: skip
def test_damaged_labels(labels):
    with pytest.raises(CIPAError, match=r"dataset\.json: labels are"):
        plan_cipa(copy.deepcopy(PLANS), "2d", {**DATASET, "labels": labels}, {})
