"""What the refusals of ``export-dicom`` tell one to do, done with ITK, pydicom or the option that the message names."""

import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import generate_uid

from nnunet_cipa.cli import main
from nnunet_cipa.dicom.rtstruct.contours import contours_to_mask
from nnunet_cipa.dicom.rtstruct.roi_contours import read_contours
from nnunet_cipa.dicom.rtstruct.structures import read_structure_set
from tests.dicom.ct_series import SERIES, write_ct
from tests.dicom.export_study import GRID, OTHER, mask_on, write_damaged
from tests.dicom.geometry import make_grid

REGION = np.zeros(GRID.GetSize()[::-1], dtype=np.uint8)
REGION[1:3, 4:9, 5:10] = 1
FINER = make_grid((32, 28, 10), (0.5, 0.75, 1.5), origin=(-20.75, 12.875, -300.75))


@dataclass
class Command:
    """The command line, of which faults and remedies may change parts, and what it said."""

    study: Path
    options: list[str] = field(default_factory=list)
    out: str = "out"
    ct: str = "ct"
    message: str = ""

    @property
    def mask(self):
        return self.study / "mask.nii.gz"

    def run(self):
        places = (self.mask, self.study / self.ct, self.study / self.out)
        return main(["export-dicom", *map(str, places), *self.options])


def given(*options, **parts):
    """A fault or a remedy: options, and where the CT and the output are."""

    def change(command):
        command.options = list(options)
        for name, value in parts.items():
            setattr(command, name, value)

    return change


def mask(function):
    """A fault or a remedy: what a function makes of the mask."""
    return lambda command: sitk.WriteImage(function(sitk.ReadImage(command.mask)), command.mask)


def in_study(function):
    return lambda command: function(command.study)


def remove_named(command):
    """Remove the file that the message names."""
    Path(re.search(rf"{command.study}/[^\s:;,]+", command.message).group()).unlink()


def ct_again(command):
    shutil.rmtree(command.study / "ct")
    write_ct(command.study / "ct", GRID)


def on_the_ct(image):
    """Resample to the voxels of the CT."""
    return sitk.Resample(image, GRID, sitk.Transform(), sitk.sitkNearestNeighbor)


def finer(image):
    return sitk.Resample(image, FINER, sitk.Transform(), sitk.sitkNearestNeighbor)


def probabilities(image):
    return sitk.Cast(image, sitk.sitkFloat32) * 0.7


def over_the_ct(command):
    command.out = f"ct/{next((command.study / 'ct').iterdir()).name}"
    command.options = ["--overwrite"]


def there(command):
    command.out = "x.dcm"
    (command.study / "x.dcm").write_text("old")


def doubled(command):
    path = next((command.study / "ct").iterdir())
    piece = pydicom.dcmread(path)
    piece.SOPInstanceUID = piece.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    piece.save_as(command.study / "ct" / "zz.dcm")


REMEDIES = {
    "another label": (mask(lambda i: i * 3), "it holds 0, 3; choose one of these with --label", given("--label", "3")),
    "label of the background": (given("--label", "0"), "give a label from 1", given("--label", "1")),
    "probabilities": (mask(probabilities), "give the prediction's labels", mask(lambda i: i > 0.5)),
    "4D": (mask(lambda i: sitk.JoinSeries([i, i])), "give one three-dimensional mask", mask(lambda i: i[..., 0])),
    "damaged mask": (in_study(write_damaged), "write it again", lambda c: sitk.WriteImage(mask_on(GRID), c.mask)),
    "no mask": (in_study(lambda s: (s / "mask.nii.gz").unlink()), "write it again",
                lambda c: sitk.WriteImage(mask_on(GRID), c.mask)),
    "another grid": (mask(finer), "export a prediction on the CT's grid", mask(on_the_ct)),
    "larger than the CT": (
        mask(lambda i: sitk.ConstantPad(i, (2, 2, 2), (2, 2, 2))), "or cropped from it by whole voxels",
        mask(lambda i: i[4:14, 4:14, 3:6]),
    ),
    "name with an umlaut": (given("--roi-name", "Läsion"), "printable ASCII", given("--roi-name", "Lesion")),
    "no such series": (given("--series", "1.9"), "name another with --series", given("--series", SERIES)),
    "two series": (
        in_study(lambda s: write_ct(s / "ct", GRID, OTHER)), "choose one with --series", given("--series", SERIES),
    ),
    "no folder": (given(ct="nowhere"), "give the folder that holds the DICOM files", given(ct="ct")),
    "no CT in it": (
        lambda c: (given(ct="empty")(c), (c.study / "empty").mkdir()), "add one that is not a localizer",
        lambda c: write_ct(c.study / "empty", GRID),
    ),
    "slice missing": (in_study(lambda s: next((s / "ct").glob("014*")).unlink()), "add them", ct_again),
    "slice twice": (doubled, "keep one slice for each place", in_study(lambda s: (s / "ct" / "zz.dcm").unlink())),
    "no DICOM": (
        in_study(lambda s: (s / "ct" / "bad.dcm").write_bytes(b"x")), "or remove it if it is not needed", remove_named,
    ),
    "out is a file": (
        in_study(lambda s: (s / "out").write_text("x")), "give a folder, or a name that does", given(out="out.dcm"),
    ),
    "out is a file, then a folder": (
        in_study(lambda s: (s / "out").write_text("x")), "give a folder, or a name that does", given(out="folder"),
    ),
    "out is a folder": (
        lambda c: (given(out="x.dcm")(c), (c.study / "x.dcm").mkdir()), "give another OUT", given(out="y.dcm"),
    ),
    "out is there": (there, "give --overwrite to replace it", given("--overwrite")),
    "out is there, then another": (there, "or another OUT", given(out="y.dcm")),
    "out is below a file": (given(out="mask.nii.gz/x.dcm"), "or give another OUT", given(out="y.dcm")),
    "out is an input": (over_the_ct, "give another OUT", given(out="y.dcm")),
}  # fmt: skip


@pytest.mark.parametrize("fault", REMEDIES)
def test_the_region_is_exported_once_it_is_as_told(fault, study, capsys):
    make, told, follow = REMEDIES[fault]
    command = Command(study)
    make(command)
    assert command.run() == 1
    command.message = capsys.readouterr().err
    assert told in command.message
    follow(command)
    assert command.run() == 0, capsys.readouterr().err
    check(capsys.readouterr().out)


def check(out):
    """The region that is written, drawn again on the CT, is that of the mask."""
    path = Path(re.match(r"written: (.*)", out).group(1))
    structures = read_structure_set(path)
    (roi,) = structures.rois
    found = contours_to_mask(read_contours(structures, roi), GRID, "exported")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), REGION)


def test_highdicom_is_installed(study, capsys, monkeypatch):
    command = Command(study, ["--seg"])
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "highdicom", None)
        assert command.run() == 1
    assert "install it with pip install 'nnunet-cipa[seg]'" in capsys.readouterr().err
    command.options += ["--overwrite"]
    assert command.run() == 0
    assert (study / "out" / "seg.dcm").is_file()
