"""A folder is scanned whatever the files are called, and nothing that should be DICOM is passed over in silence."""

import os

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from nnunet_cipa.dicom.attributes import DAMAGE, tolerant
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.headers import make_header, read_attributes
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.errors import CIPAError
from tests.dicom.writer import basic_dataset, write_series


def test_finds_by_content_not_by_name(write, tmp_path):
    written = write(names=["a.txt", "b", "IM 3", "4.4.4", "ü.json"], folder="dicom/deep/er")
    write("PT", slices=3, folder="dicom/other")
    found = scan_folder(tmp_path / "dicom")
    assert {header.path for header in found.images if header.modality == "CT"} == set(written.paths)
    assert sum(header.modality == "PT" for header in found.images) == 3
    assert not found.problems
    assert found.foreign == 0


def test_counts_foreign_files(write, tmp_path):
    written = write()
    (written.folder / "README.txt").write_text("about")
    (written.folder / "facts.json").write_text("{}")
    (written.folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (written.folder / "._CT_000.dcm").write_bytes(b"\0\5\x16\7")
    (written.folder / "empty").touch()
    directory = basic_dataset("CT", "1.2.3")
    directory.SOPClassUID = MediaStorageDirectoryStorage
    directory.save_as(written.folder / "DICOMDIR", enforce_file_format=True)
    capture = basic_dataset("CT", "1.2.3.4")
    capture.SOPClassUID = SecondaryCaptureImageStorage
    capture.save_as(written.folder / "dose_report.dcm", enforce_file_format=True)
    found = scan_folder(tmp_path)
    assert found.foreign == 6
    assert found.others == {"Secondary Capture Image Storage": 1}
    assert not found.problems
    assert len(found.images) == 5


def test_lists_structure_sets(write, tmp_path):
    write()
    structures = basic_dataset("RTSTRUCT", "1.2.3.5")
    structures.save_as(tmp_path / "rs.dcm", enforce_file_format=True)
    (found,) = scan_folder(tmp_path).structures
    assert (found.path, found.patient_id, found.study_uid) == (tmp_path / "rs.dcm", "PAT7", "1.2.3.1")
    assert found.sop_instance_uid == structures.SOPInstanceUID


def cut_to(length):
    return lambda path: path.write_bytes(path.read_bytes()[:length])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b""), "empty"),
        (cut_to(100), "does not start as DICOM"),
        (cut_to(150), "cannot be read as DICOM"),
        (lambda path: path.write_bytes(b"\0" * 400), "does not start as DICOM"),
        (lambda path: path.write_bytes(b"\x08\0\x05\0" + path.read_bytes()[200:]), "lacks the preamble"),
    ],
)
def test_damaged_file_is_a_problem_named_by_path(write, tmp_path, damage, reason):
    written = write()
    damage(written.paths[2])
    found = scan_folder(tmp_path)
    assert len(found.images) == 4
    (problem,) = found.problems.values()
    assert str(written.paths[2]) in problem
    assert reason in problem
    assert "\n" not in problem


def test_image_without_series_is_a_problem(write, tmp_path):
    written = write()
    written.rewrite(0, lambda dataset: dataset.pop("SeriesInstanceUID"))
    found = scan_folder(tmp_path)
    assert len(found.images) == 4
    (problem,) = found.problems.values()
    assert str(written.paths[0]) in problem
    assert "SeriesInstanceUID" in problem


def test_deflated_file_is_a_problem(write, tmp_path):
    written = write()
    dataset = written.datasets[0]
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(written.paths[0], enforce_file_format=True)
    (problem,) = scan_folder(tmp_path).problems.values()
    assert str(written.paths[0]) in problem
    assert "deflated" in problem


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.999])
@pytest.mark.parametrize("compressed", [False, True])
def test_cut_pixels_are_refused_with_the_series(write, tmp_path, kept, compressed):
    written = write(shape=(40, 40))
    if compressed:
        for index in range(5):
            written.rewrite(index, lambda dataset: dataset.compress(RLELossless))
    data = written.paths[1].read_bytes()
    pixels = data.rindex(b"\xe0\x7f\x10\x00")
    written.paths[1].write_bytes(data[: pixels + int(kept * (len(data) - pixels))])
    found = scan_folder(tmp_path)
    (candidate,) = group_series(found.images)
    with pytest.raises(CIPAError, match=r"CT_001\.dcm.*(bytes of pixel data|cut short)"):
        build_series(candidate)


def test_header_that_ends_before_the_pixels_is_refused(write, tmp_path):
    written = write()
    data = written.paths[1].read_bytes()
    written.paths[1].write_bytes(data[: data.rindex(b"\xe0\x7f\x10\x00")])
    (candidate,) = group_series(scan_folder(tmp_path).images)
    with pytest.raises(CIPAError, match=r"CT_001\.dcm.*no pixel data"):
        build_series(candidate)


def test_never_follows_links_out_of_the_folder(write, tmp_path):
    written = write(folder="study")
    outside = write(folder="outside")
    (written.folder / "file").symlink_to(outside.paths[0])
    (written.folder / "folder").symlink_to(outside.folder, target_is_directory=True)
    (written.folder / "loop").symlink_to(written.folder, target_is_directory=True)
    (written.folder / "again.dcm").symlink_to(written.paths[0])
    found = scan_folder(written.folder)
    assert len(found.images) == 5
    assert len(found.problems) == 2
    assert all("leads out of" in problem for problem in found.problems.values())


def test_pipe_does_not_block(write, tmp_path):
    written = write()
    os.mkfifo(written.folder / "pipe.dcm")
    assert len(scan_folder(tmp_path).images) == 5


def test_needs_a_folder(tmp_path):
    with pytest.raises(CIPAError, match="not a folder"):
        scan_folder(tmp_path / "none")


@pytest.fixture(scope="module")
def one_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    return write_series(folder, slices=1).paths[0].read_bytes(), folder / "changed.dcm"


@settings(max_examples=150, deadline=None)
@given(place=st.floats(0, 1), junk=st.binary(min_size=1, max_size=6), cut=st.booleans())
def test_any_damage_is_told_as_damage(one_file, place, junk, cut):
    data, path = one_file
    at = 132 + int(place * (len(data) - 140))
    path.write_bytes(data[:at] + junk + (b"" if cut else data[at + len(junk) :]))
    try:
        with tolerant():
            found, fault = read_attributes(path)
            header = make_header(path, found, fault)
    except DAMAGE:
        return
    assert cut is False or header.fault is not None


def test_reads_no_pixels(write, tmp_path, monkeypatch):
    written = write()
    monkeypatch.setattr(pydicom.Dataset, "pixel_array", property(lambda self: pytest.fail("pixels were decoded")))
    found = scan_folder(tmp_path)
    assert len(found.images) == len(written.paths)
