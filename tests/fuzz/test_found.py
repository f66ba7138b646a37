"""What the fuzzer found: each was accepted with another meaning, or ended in another error, before."""

import copy
import gzip
import json
import os
import struct
import sys
import zlib

import numpy as np
import pytest

from nnunet_cipa.benchmark.report.models import read_record
from nnunet_cipa.benchmark.run.execute import RunningJob
from nnunet_cipa.benchmark.run.layout import RECORD
from nnunet_cipa.benchmark.run.record import check_record
from nnunet_cipa.dataset_conversion.pclt20k.source import parse_name, read_source
from nnunet_cipa.dataset_conversion.pipeline.finished import RECORDS, keep_finished
from nnunet_cipa.dataset_conversion.study_set.held_out import held_out, read_facts
from nnunet_cipa.dataset_conversion.study_set.image import read_nifti
from nnunet_cipa.dataset_conversion.study_set.nifti_set import is_nifti_layout
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.rtstruct.structures import read_structure_set
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.suv.pet import read_pet
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.png import read_grey_png
from tests.dicom.writer import write_series
from tests.fuzz import dicom_elements as dicom
from tests.fuzz.dicom_readers import Structures
from tests.fuzz.nifti_reader import FIELDS, NiftiVolume, _put
from tests.fuzz.pclt20k_readers import Lists, Png
from tests.fuzz.record_readers import NO_MODELS, BenchmarkRecord, ConversionRecord
from tests.trainers.conftest import DATASET, PLANS
from tests.trainers.planning import plan_cipa


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


def put_pipe(path):
    os.mkfifo(path)


def put_loop(path):
    path.symlink_to(path.name)


def put_folder(path):
    path.mkdir()


def link_to(target):
    return lambda path: path.symlink_to(target)


NO_FILES = pytest.mark.parametrize(
    "put",
    [put_pipe, put_loop, put_folder, link_to("nowhere"), link_to("/dev/zero"), link_to("/proc/self/mem")],
    ids=["pipe", "loop", "folder", "dangling", "endless", "not to be read"],
)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="has other devices")


@on_linux
@NO_FILES
def test_images_that_are_no_files(own, put):
    for image, read in ((Png(own), read_grey_png), (NiftiVolume(own), read_nifti)):
        image.path.unlink(missing_ok=True)
        put(image.path)
        with pytest.raises(CIPAError, match=r"cannot be read|is not a file"):
            read(image.path)


@on_linux
def test_an_image_that_cannot_be_read_when_the_layout_is_looked_for(own):
    """Before, the message had no name of a file."""
    image = own / "P01" / "CT.nii.gz"
    image.parent.mkdir()
    image.symlink_to("/proc/self/mem")
    with pytest.raises(CIPAError, match=r"P01/CT\.nii\.gz: cannot be read"):
        is_nifti_layout(own)


@on_linux
@NO_FILES
@pytest.mark.parametrize("name", ["test.txt", "study.json"])
def test_lists_of_a_study_set_that_are_no_files(own, put, name):
    """Before, a link that leads nowhere was no list, so that nobody was held out."""
    put(own / name)
    with pytest.raises(CIPAError, match=r"cannot be read|is not a file"):
        held_out(own, ["P01"], None, 0) if name == "test.txt" else read_facts(own)


@on_linux
@NO_FILES
def test_lists_of_pclt20k_that_are_no_files(own, put):
    lists = Lists(own)
    lists.write_lists(lists.lines)
    (lists.root / "test.txt").unlink()
    put(lists.root / "test.txt")
    with pytest.raises(CIPAError, match=r"cannot be read|is not a file|no train\.txt and test\.txt in it"):
        read_source(lists.root)


def test_links_to_files_elsewhere_are_followed(own):
    """Data sets are often linked into place."""
    png = Png(own)
    png.path.rename(own / "elsewhere.png")
    png.path.symlink_to(own / "elsewhere.png")
    assert np.array_equal(read_grey_png(png.path).values, png.grey)


def test_a_link_to_itself_in_a_dicom_tree(own):
    write_series(own, folder="input")
    put_loop(own / "input" / "more.dcm")
    found = scan_folder(own / "input")
    (problem,) = found.problems.values()
    assert "more.dcm: cannot be opened" in problem
    assert len(found.images) == 5


@pytest.mark.parametrize("between", ["\r", "\x1c", "\u2028", "\x85"])
def test_patients_to_hold_out_stand_in_lines_of_their_own(own, between):
    (own / "test.txt").write_bytes(f"P01{between}P02".encode())
    with pytest.raises(CIPAError, match="is listed but there is no such patient") as error:
        held_out(own, ["P01", "P02", "P03"], None, 0)
    assert str(error.value).isprintable()


def test_units_of_several_lines_are_told_in_one(own):
    (own / "study.json").write_text(json.dumps({"units": "HU\nSUV\x1b[2J"}))
    with pytest.raises(CIPAError) as error:
        read_facts(own)
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("files",), []), (("files", "dataset.json"), 1), (("folds",), ["a"]), (("folds",), [[0]]), (("folds",), [-1]),
        (("runs",), "a"), (("runs", 0), 0.5), (("runs", 0, "command"), None), (("runs", 0, "machine"), ["CPU"]),
        (("runs", 0, "machine", "devices"), "CPU"), (("models",), []), (("models", "a"), {"title": "a"}),
        (("models", "a"), {"title": [], "trainer": "", "folder": ""}), (("seeds",), [1]),
    ],
)  # fmt: skip
def test_damaged_record_of_a_benchmark(own, path, value):
    reader = BenchmarkRecord(own)
    edit(reader.record, path, value)
    (reader.out / RECORD).write_text(json.dumps(reader.record))
    with pytest.raises(CIPAError, match="is of no benchmark, or damaged"):
        check_record(reader.request, NO_MODELS)
    with pytest.raises(CIPAError, match="names no models with title, trainer and folder"):
        read_record(reader.out)


@pytest.mark.parametrize("name", ["dataset", "budget", "files", "made_by"])
def test_record_of_a_benchmark_without_a_part(own, name):
    reader = BenchmarkRecord(own)
    del reader.record[name]
    (reader.out / RECORD).write_text(json.dumps(reader.record))
    with pytest.raises(CIPAError, match="is of no benchmark, or damaged"):
        check_record(reader.request, NO_MODELS)


@pytest.mark.parametrize("value", ["a\nb", {"epochs": 4}, {"epochs": "\n", "iterations_per_epoch": []}, [1]])
def test_another_budget_is_told_in_one_line(own, value):
    reader = BenchmarkRecord(own)
    reader.record["budget"] = value
    (reader.out / RECORD).write_text(json.dumps(reader.record))
    with pytest.raises(CIPAError, match="holds a benchmark with budget") as error:
        check_record(reader.request, NO_MODELS)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("content", [[], {}, {"attempts": {}}, {"attempts": [1]}, {"attempts": [{"command": None}]}])
def test_a_fold_whose_record_is_damaged_is_not_started(own, content, monkeypatch):
    """Before, its training was started, and nobody waited for it or ended it."""
    reader = BenchmarkRecord(own)
    reader.job.record.write_text(json.dumps(content))
    monkeypatch.setattr(
        "nnunet_cipa.benchmark.run.execute.start_process", lambda *args, **kwargs: pytest.fail("started")
    )
    with pytest.raises(CIPAError, match=r"fold_0\.json: is not a record of a fold, or damaged; remove it"):
        RunningJob(reader.job, {}, {})
    with pytest.raises(CIPAError, match=r"fold_0\.json: (is not a record|holds a list)"):
        read_record(reader.out)


@pytest.mark.parametrize("part", ["files", "made_from"])
def test_a_finished_case_whose_record_was_changed_is_written_again(own, part):
    reader = ConversionRecord(own)
    path = reader.source / RECORDS / "a.json"
    record = json.loads(path.read_bytes())
    record["content"][part] = {}
    path.write_text(json.dumps(record))
    assert keep_finished(reader.source) == {"b", "c"}
    assert not (reader.source / "labelsTr" / "a.nii.gz").exists()
