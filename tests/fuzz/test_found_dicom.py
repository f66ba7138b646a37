"""DICOM that the fuzzer found: each was accepted with another meaning, or ended in another error, before."""

import copy
import struct

import numpy as np
import pytest

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.rtstruct.structures import read_structure_set
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.suv.pet import read_pet
from nnunet_cipa.errors import CIPAError
from tests.dicom.writer import write_series
from tests.fuzz import dicom_elements as dicom
from tests.fuzz.dicom_readers import Structures


def set_value(elements, tag, vr, value):
    for element in elements:
        if element[0] == tag:
            element[1:] = [vr, value]


def changed_series(own, change, *modality):
    """Write a series, change the elements of all its files, and return what is found of it."""
    for path in write_series(own, *modality, folder="input").paths:
        elements = dicom.read_file(path.read_bytes())
        change(elements)
        path.write_bytes(dicom.write_file(elements))
    (candidate,) = group_series(scan_folder(own / "input").images)
    return candidate


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda e: set_value(e, (0x0018, 0x1075), b"FD", b"6586.2"), "even multiple"),
        (lambda e: set_value(e, (0x0018, 0x1075), b"XX", b"6586.2"), "Unknown Value Representation"),
    ],
)
def test_pet_whose_injection_cannot_be_read(own, change, told):
    def change_holders(elements):
        for holder in list(dicom.holders(elements)):
            change(holder)

    candidate = changed_series(own, change_holders, "PT")
    with pytest.raises(CIPAError, match=told):
        read_pet(build_series(candidate))


def test_a_slope_that_is_stored_as_a_tag(own):
    candidate = changed_series(own, lambda e: set_value(e, (0x0028, 0x1053), b"AT", b"1.0 "))
    with pytest.raises(CIPAError, match="RescaleSlope None"):
        read_ct(build_series(candidate))


def test_transfer_syntax_of_several_lines_is_told_in_one(own):
    candidate = changed_series(own, lambda e: set_value(e, (0x0002, 0x0010), b"UI", b"1.2\n3\x1b[2J"))
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
