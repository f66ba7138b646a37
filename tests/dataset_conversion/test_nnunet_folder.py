import os

import pytest

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.raw_folder import dataset_folder


def test_unset_variable_is_refused_with_the_command_that_sets_it(monkeypatch):
    monkeypatch.delenv("nnUNet_raw", raising=False)
    with pytest.raises(CIPAError, match="export nnUNet_raw="):
        dataset_folder(701, "A")


def test_missing_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "nowhere"))
    with pytest.raises(CIPAError, match=r"nowhere: not a folder; create it"):
        dataset_folder(701, "A")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission_is_refused(raw):
    raw.chmod(0o500)
    with pytest.raises(CIPAError, match="not writable"):
        dataset_folder(701, "A")


@pytest.mark.parametrize("variable", ["nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"])
def test_id_of_another_dataset_is_refused_as_nnunet_would_refuse_both(tmp_path, raw, monkeypatch, variable):
    monkeypatch.setenv(variable, str(raw if variable == "nnUNet_raw" else tmp_path / variable))
    other = (raw if variable == "nnUNet_raw" else tmp_path / variable) / "Dataset701_Other"
    other.mkdir(parents=True)
    with pytest.raises(CIPAError, match=r"Dataset701_Other: has the id 701.*another --dataset-id"):
        dataset_folder(701, "A")
    assert dataset_folder(7, "A") == raw / "Dataset007_A"


def test_same_name_elsewhere_is_no_conflict(tmp_path, raw, monkeypatch):
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    (tmp_path / "results" / "Dataset701_A").mkdir(parents=True)
    assert dataset_folder(701, "A") == raw / "Dataset701_A"
