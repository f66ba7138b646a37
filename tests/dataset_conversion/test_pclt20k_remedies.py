"""What the refusals of ``convert pclt20k`` tell one to do, done as the message has it."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from nnunet_cipa.dataset_conversion.pclt20k.convert import Options, convert_pclt20k
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.test_malformed import FAULTS, NAME

CASES = 7


def take_off_the_list(study, _):
    for part, names in (("train", study.train), ("test", study.test)):
        (study.root / f"{part}.txt").write_text("\n".join(name for name in names if name != NAME))


def save(change):
    """Write the image that the message names as ``change`` makes it."""

    def follow(_, message):
        path = re.match(r"\S+\.png", message).group()
        change(Image.open(path)).save(path)

    return follow


save_as_grey = save(lambda image: image.convert("L"))
scale_to_0_and_255 = save(lambda image: Image.fromarray(np.asarray(image) * 255))
resample = save(lambda image: image.resize((32, 24)))


def list_once(study, _):
    study.write_lists()


REMEDIES = {
    "RGBA": ("8 bit grey", save_as_grey),
    "16 bit": ("8 bit grey", save_as_grey),
    "grey with alpha": ("8 bit grey", save_as_grey),
    "colour": ("8 bit grey", save_as_grey),
    "huge": ("resample it", resample),
    "mask in 0 and 1": ("scale it to 0 and 255", scale_to_0_and_255),
    "empty mask": ("take it off the list", take_off_the_list),
    "inverted mask": ("restore it", lambda study, _: study.write(NAME, "mask", 255 - study.grey[f"{NAME}_mask.png"])),
    "missing partner": ("take the slice off the list", take_off_the_list),
    "listed without files": ("take it off the list", take_off_the_list),
    "name twice in a list": ("once", list_once),
    "patient in both lists": ("one list", list_once),
    "path traversal": ("should be like", list_once),
}


@pytest.mark.parametrize("fault", REMEDIES)
def test_the_source_is_converted_once_it_is_as_told(fault, study, raw):
    told, follow = REMEDIES[fault]
    FAULTS[fault][0](study)
    with pytest.raises(CIPAError, match=told) as error:
        convert_pclt20k(study.root, Options(processes=1))
    follow(study, str(error.value))
    convert_pclt20k(study.root, Options(processes=1))
    assert len(list(raw.glob("Dataset701_PCLT20K/labels*/*.nii.gz"))) == CASES


def test_one_of_the_folders_that_hold_lists(study, raw):
    shutil.copytree(study.root, study.root / "copy")
    with pytest.raises(CIPAError, match="give one of these folders") as error:
        convert_pclt20k(study.root, Options(processes=1))
    (named,) = re.findall(r"copy\b", str(error.value))
    convert_pclt20k(study.root / named, Options(processes=1))
    assert (raw / "Dataset701_PCLT20K" / "dataset.json").is_file()


def test_the_folder_that_holds_the_lists(study, raw):
    with pytest.raises(CIPAError, match="give the folder that holds them"):
        convert_pclt20k(study.root / "0001", Options(processes=1))
    convert_pclt20k(study.root, Options(processes=1))
    assert (raw / "Dataset701_PCLT20K" / "dataset.json").is_file()


@pytest.mark.parametrize("options", [{"overwrite": True}, {"dataset_id": 702}], ids=str)
def test_a_dataset_that_is_there_is_replaced_or_another_number_given(options, study, raw):
    convert_pclt20k(study.root, Options(processes=1))
    with pytest.raises(CIPAError, match="--overwrite to replace it, or choose another --dataset-id"):
        convert_pclt20k(study.root, Options(processes=1))
    convert_pclt20k(study.root, Options(processes=1, **options))
    assert (raw / f"Dataset{options.get('dataset_id', 701)}_PCLT20K" / "dataset.json").is_file()
