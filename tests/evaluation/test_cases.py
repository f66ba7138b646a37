import re

import numpy as np
import pytest

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.cases import find_cases

MASK = np.ones((2, 3, 4), dtype=np.uint8)


@pytest.mark.parametrize(("channels", "ct", "pet"), [(("CT", "PET"), 0, 1), (("PET", "CT"), 1, 0)])
def test_modalities_decide_which_file_is_ct(make_dataset, channels, ct, pet):
    dataset = make_dataset(channels=channels)
    for name in ("b", "a", "a.b_0000"):
        dataset.add(name, MASK, MASK)
    images, labels = dataset.folder / "imagesTs", dataset.folder / "labelsTs"
    found = find_cases(dataset.folder, "Ts", dataset.predictions)
    assert [case.name for case in found] == ["a", "a.b_0000", "b"]
    assert [case.ct for case in found] == [images / f"{case.name}_000{ct}.nii.gz" for case in found]
    assert [case.pet for case in found] == [images / f"{case.name}_000{pet}.nii.gz" for case in found]
    assert [case.truth for case in found] == [labels / f"{case.name}.nii.gz" for case in found]
    assert [case.prediction for case in found] == [dataset.predictions / f"{case.name}.nii.gz" for case in found]


def test_training_cases_and_held_out_ones_are_apart(dataset):
    dataset.add("held_out", MASK)
    dataset.add("training", MASK, part="Tr")
    (training,) = find_cases(dataset.folder, "Tr")
    assert training.name == "training"
    assert training.prediction is None
    assert training.ct.parent.name == "imagesTr"


@pytest.mark.parametrize("missing", ["prediction", "ct", "pet"])
def test_incomplete_case_is_refused(dataset, missing):
    dataset.add("a", MASK, MASK)
    case = dataset.add("b", MASK, MASK)
    path = getattr(case, missing)
    path.unlink()
    with pytest.raises(CIPAError, match=re.escape(f"{path}: no such file, but {case.truth} has a mask of case b")):
        find_cases(dataset.folder, "Ts", dataset.predictions)


def test_no_true_mask(dataset):
    with pytest.raises(
        CIPAError, match=re.escape(f"{dataset.folder / 'labelsTs'}: holds no file that ends in .nii.gz")
    ):
        find_cases(dataset.folder)


@pytest.mark.parametrize("ending", [None, "", 7])
def test_dataset_json_without_a_file_ending(dataset, ending):
    dataset.describe(file_ending=ending)
    with pytest.raises(CIPAError, match=re.escape(f"{dataset.folder / 'dataset.json'}: has no file_ending")):
        find_cases(dataset.folder)


def test_dataset_json_of_other_modalities(dataset):
    dataset.describe(modalities={"0": "CT", "1": "MR"})
    with pytest.raises(CIPAError, match=r"modalities is \{.*'MR'\}, and CIPA needs one CT and one PET"):
        find_cases(dataset.folder)


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"{", "is not valid JSON"), (b"\xff\xfe\x00", "is not valid JSON"), (b"[1]", "holds a list where an object")],
)
def test_damaged_dataset_json(dataset, content, problem):
    path = dataset.folder / "dataset.json"
    path.write_bytes(content)
    with pytest.raises(CIPAError, match=re.escape(f"{path}: {problem}")):
        find_cases(dataset.folder)


def test_missing_dataset_json(tmp_path):
    with pytest.raises(CIPAError, match=re.escape(f"{tmp_path / 'dataset.json'}: no such file")):
        find_cases(tmp_path)
