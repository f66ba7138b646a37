"""Names, lists and links that the fuzzer found: each had another meaning, or ended in another error, before."""

import json
import os
import sys

import numpy as np
import pytest

from nnunet_cipa.dataset_conversion.pclt20k.source import parse_name, read_source
from nnunet_cipa.dataset_conversion.study_set.held_out import held_out, read_facts
from nnunet_cipa.dataset_conversion.study_set.image import read_nifti
from nnunet_cipa.dataset_conversion.study_set.nifti_set import is_nifti_layout
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.png import read_grey_png
from tests.dicom.writer import write_series
from tests.fuzz.nifti_reader import NiftiVolume
from tests.fuzz.pclt20k_readers import Lists, Png


def test_a_name_that_is_too_long_for_a_file():
    with pytest.raises(CIPAError, match="is not a slice name"):
        parse_name("a" * 300 + "_1")
    assert parse_name("a" * 100 + "_1").number == 1


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
