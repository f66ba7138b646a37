"""Copies of PCLT20K whose names of files end in other cases than the original's."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.pclt20k.convert import Options, convert_pclt20k
from nnunet_cipa.errors import CIPAError


def rename(study, endings, only=""):
    for kind, ending in endings.items():
        for path in sorted(study.root.glob(f"{only}*/*_{kind}.png")):
            path.rename(path.with_name(path.name.removesuffix(f"_{kind}.png") + ending))


@pytest.mark.parametrize(
    "endings",
    [
        {"CT": "_ct.png", "PET": "_pet.png", "mask": "_Mask.png"},
        {"CT": "_Ct.PNG", "PET": "_PET.Png", "mask": "_MASK.PNG"},
        {"PET": "_pet.png"},
    ],
    ids=lambda endings: " ".join(endings.values()),
)
def test_endings_of_other_cases_give_the_same_dataset(study, raw, endings):
    rename(study, endings)
    conversion = convert_pclt20k(study.root, Options(processes=1))
    names = ["0006_001", "0006_002", "0006_003", "0006_004", "0006_005"]
    for channel, kind in enumerate(("CT", "PET")):
        path = conversion.folder / "imagesTr" / f"0006_{channel:04d}.nii.gz"
        expected = study.volume(names, kind) / 255 * 3.2
        np.testing.assert_allclose(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), expected, atol=2e-7)
    assert conversion.unlisted == ()
    summary = json.loads((conversion.folder / "provenance" / "_dataset.json").read_text())
    assert summary["file_endings"] == {"CT": "_CT.png", "PET": "_PET.png", "mask": "_mask.png"} | endings


@pytest.mark.parametrize("whole", [True, False], ids=["patients", "a second copy of a slice"])
def test_two_endings_of_a_kind_are_refused_until_there_is_one(study, raw, whole):
    if whole:
        rename(study, {"mask": "_Mask.png"}, only="0594")
    else:
        study.path("0594_001", "mask").with_name("0594_001_Mask.png").write_bytes(b"")
    told = r"ends in _(mask|Mask)\.png, but .*0594_00\d_(mask|Mask)\.png in .*; give all mask files one ending"
    with pytest.raises(CIPAError, match=told):
        convert_pclt20k(study.root, Options(processes=1))
    for path in study.root.glob("0594/*_Mask.png"):
        path.rename(path.with_name(path.name.replace("Mask", "mask"))) if whole else path.unlink()
    assert convert_pclt20k(study.root, Options(processes=1)).written == 7


def test_files_of_no_listed_slice_do_not_count_but_are_told(study, raw):
    study.path("0594_001", "CT").with_name("0594_009_ct.PNG").write_bytes(b"")
    conversion = convert_pclt20k(study.root, Options(processes=1))
    assert conversion.unlisted == ("0594/0594_009_ct.PNG",)
