"""What the refusals of a folder for ``demo`` tell one to do, done as the message has it."""

import re

import pytest

from nnunet_cipa.demo import Demo, Options
from nnunet_cipa.demo.folder import prepare_folder
from nnunet_cipa.errors import CIPAError


def file(out):
    out.write_text("mine")


def other_folder(out):
    out.mkdir()
    (out / "mine.txt").write_text("mine")


def earlier_demo(out):
    prepare_folder(Demo(out, Options(rows=())), overwrite=False)
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
        prepare_folder(Demo(tmp_path / "out", Options(rows=())), overwrite=False)
    prepare_folder(Demo(tmp_path / "new", Options(rows=())), overwrite=False)
    assert (tmp_path / "new" / "nnUNet_raw").is_dir()
    if re.search("--overwrite", str(error.value)):
        prepare_folder(Demo(tmp_path / "out", Options(rows=())), overwrite=True)
        assert not (tmp_path / "out" / "report").exists()
        assert (tmp_path / "out" / "nnUNet_raw").is_dir()
