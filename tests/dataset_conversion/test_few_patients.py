"""Fewer than five patients: as many folds as there are patients, and none with one."""

import json
import shlex
import shutil

import pytest

from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.dataset_conversion.pclt20k.convert import convert_pclt20k
from nnunet_cipa.dataset_conversion.pclt20k.options import Options as Pclt20kOptions


@pytest.fixture
def few(lucid):
    """Remove all patients of the NIfTI study but some."""

    def keep(count):
        for folder in sorted(lucid.root.iterdir())[count:]:
            shutil.rmtree(folder)
        return lucid

    return keep


@pytest.mark.parametrize("count", [2, 4])
def test_there_are_as_many_folds_as_patients_and_a_warning_names_them(count, few, raw):
    conversion = convert_lucid(few(count).root, Options(processes=1))
    folds = json.loads((conversion.folder / "splits_final.json").read_text())
    assert sorted(fold["val"] for fold in folds) == [[f"P{number:02d}"] for number in range(1, count + 1)]
    (warning,) = conversion.warnings
    assert f"Dataset702_LUCID has {count} folds, not 5" in warning
    assert warning.endswith("nnUNetv2_predict -f " + " ".join(str(fold) for fold in range(count)))


def test_one_patient_is_trained_on_as_told(few, raw, monkeypatch):
    conversion = convert_lucid(few(1).root, Options(processes=1))
    assert not (conversion.folder / "splits_final.json").exists()
    (warning,) = conversion.warnings
    command = warning[warning.index("nnUNetv2_train") :].split(";")[0]
    assert shlex.split(command)[1:] == ["702", "2d", "all", "-tr", "nnUNetTrainerCIPA"]


def test_five_patients_are_not_warned_of(few, raw):
    assert convert_lucid(few(5).root, Options(processes=1)).warnings == ()


def test_folds_of_an_earlier_conversion_are_warned_of_where_there_are_none_now(few, raw, tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path))
    (tmp_path / "Dataset702_LUCID").mkdir()
    (tmp_path / "Dataset702_LUCID" / "splits_final.json").write_text("[]")
    assert len(convert_lucid(few(1).root, Options(processes=1)).warnings) == 1
    (tmp_path / "Dataset702_LUCID" / "splits_final.json").write_text('[{"train": ["P01"], "val": ["P02"]}]')
    *_, warning = convert_lucid(few(1).root, Options(processes=1, overwrite=True)).warnings
    assert "holds other folds than the new dataset" in warning
    assert warning.endswith("remove it first")


@pytest.mark.parametrize("sections", [False, True])
def test_few_patients_of_pclt20k(study, raw, sections):
    study.train = [name for name in study.train if name.startswith(("0006", "0594"))]
    study.write_lists()
    conversion = convert_pclt20k(study.root, Pclt20kOptions(processes=1, split_at_gaps=sections))
    folds = json.loads((conversion.folder / "splits_final.json").read_text())
    assert len(folds) == 2
    for fold in folds:
        patients = {part: {case.split("_")[0] for case in fold[part]} for part in ("train", "val")}
        assert sorted(patients["train"] | patients["val"]) == ["0006", "0594"]
        assert not patients["train"] & patients["val"]
    assert any("has 2 folds, not 5" in warning for warning in conversion.warnings)


def test_one_patient_of_pclt20k(study, raw):
    study.train = [name for name in study.train if name.startswith("0006")]
    study.write_lists()
    conversion = convert_pclt20k(study.root, Pclt20kOptions(processes=1))
    assert not (conversion.folder / "splits_final.json").exists()
    assert any("nnUNetv2_train 701 2d all" in warning for warning in conversion.warnings)
