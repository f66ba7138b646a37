"""nnU-Net's folders and the datasets in them."""

import re

import pytest

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.folders import RAW, find_dataset, folder_if_set, nnunet_folder


def test_folder_that_is_set(tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_raw", str(tmp_path))
    assert nnunet_folder(RAW) == folder_if_set(RAW) == tmp_path


@pytest.mark.parametrize("value", [None, ""])
def test_folder_that_is_not_set(value, monkeypatch):
    monkeypatch.delenv("nnUNet_raw", raising=False)
    if value is not None:
        monkeypatch.setenv("nnUNet_raw", value)
    assert folder_if_set(RAW) is None
    with pytest.raises(CIPAError, match=r"nnUNet_raw is not set; .*export nnUNet_raw="):
        nnunet_folder(RAW)


def test_dataset_in_several_folders(tmp_path):
    folders = [tmp_path / "raw", tmp_path / "preprocessed", tmp_path / "nowhere"]
    for folder, name in (
        (0, "Dataset701_A"),
        (1, "Dataset701_A"),
        (1, "Dataset071_B"),
        (0, "Dataset007_C"),
        (0, "Dataset7010_D"),
    ):
        (folders[folder] / name).mkdir(parents=True)
    (folders[0] / "Dataset008_file").touch()
    assert find_dataset("701", folders) == find_dataset("Dataset701_A", folders) == "Dataset701_A"
    assert find_dataset("7", folders) == "Dataset007_C"
    (folders[1] / "Dataset701_B").mkdir()
    there = f"701: Dataset701_A, Dataset701_B in {folders[0]} and {folders[1]} and {folders[2]}; give the number"
    with pytest.raises(CIPAError, match=re.escape(there)):
        find_dataset("701", folders)
    assert find_dataset("Dataset701_B", folders) == "Dataset701_B"


@pytest.mark.parametrize("wrong", ["8", "70", "-701", "Dataset701", "Dataset701_*", "Dataset7*", "../raw", "raw", ""])
def test_no_such_dataset(tmp_path, wrong):
    (tmp_path / "raw" / "Dataset701_A").mkdir(parents=True)
    (tmp_path / "raw" / "Dataset008_file").touch()
    with pytest.raises(CIPAError, match=re.escape(f"{wrong}: no such dataset in {tmp_path / 'raw'}; plan it")):
        find_dataset(wrong, [tmp_path / "raw"], "plan it")
