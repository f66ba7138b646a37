"""What the refusals of ``demo`` and of its page tell one to do, done as the message has it."""

import re
import shutil

import pytest

from nnunet_cipa.demo import Demo, DemoOptions, Page, Verdict, write_page
from nnunet_cipa.demo.folder import prepare_folder
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import PetThreshold


def file(out):
    out.write_text("mine")


def other_folder(out):
    out.mkdir()
    (out / "mine.txt").write_text("mine")


def earlier_demo(out):
    prepare_folder(Demo(out, DemoOptions(rows=())), overwrite=False)
    (out / "report").mkdir()


@pytest.mark.parametrize(
    ("taken", "told"),
    [
        (file, "is a file; give a new folder$"),
        (other_folder, "is not empty and holds no earlier demo; give a new folder$"),
        (earlier_demo, "holds an earlier demo; give --overwrite to replace it, or a new folder$"),
    ],
)
def test_a_new_folder_or_the_option(taken, told, tmp_path):
    taken(tmp_path / "out")
    with pytest.raises(CIPAError, match=told) as error:
        prepare_folder(Demo(tmp_path / "out", DemoOptions(rows=())), overwrite=False)
    prepare_folder(Demo(tmp_path / "new", DemoOptions(rows=())), overwrite=False)
    assert (tmp_path / "new" / "nnUNet_raw").is_dir()
    if re.search("--overwrite", str(error.value)):
        prepare_folder(Demo(tmp_path / "out", DemoOptions(rows=())), overwrite=True)
        assert not (tmp_path / "out" / "report").exists()
        assert (tmp_path / "out" / "nnUNet_raw").is_dir()


def test_a_page_once_its_curve_is_drawn_and_its_folder_free(tmp_path):
    page = Page("title", "notice", Verdict(True, "done"), [], PetThreshold(1, 1), tmp_path / "progress.png")
    out = tmp_path / "page"
    with pytest.raises(CIPAError, match=r"progress\.png: no such file; run the training to its end, which draws it"):
        write_page(page, out)
    page.curve.touch()
    write_page(page, out)
    with pytest.raises(CIPAError, match="exists; remove it or choose another folder for the page"):
        write_page(page, out)
    assert write_page(page, tmp_path / "another").is_file()
    shutil.rmtree(out)
    assert write_page(page, out).is_file()
