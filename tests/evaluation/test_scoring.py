"""Scores of a cross-validation whose errors are known, and refusals of one that is not whole."""

import json
import re
import shutil

import numpy as np
import pytest

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import Model, Study, audit_leakage, read_folds, score_folds
from tests.evaluation.cross_validation import SPACING, TRAINERS, tumour, write_json, write_mask


def study(made, *trainers, **options):
    return Study(made.dataset, made.splits, tuple(Model(t, made.model(t)) for t in trainers or TRAINERS), **options)


def test_processes_change_nothing(cross_validation):
    few = study(cross_validation, "shifted", folds=(0,))
    assert score_folds(few, 2) == score_folds(few, 1)


def test_known_errors_have_known_scores(cross_validation):
    scores = score_folds(study(cross_validation))
    assert [(s.model, s.fold, s.files.name) for s in scores] == [
        (trainer, fold, name) for trainer in TRAINERS for fold in range(5) for name in cross_validation.validated(fold)
    ]
    voxel = np.prod(SPACING) / 1000
    for score in scores:
        number = int(score.files.name[4:])
        slices, rows, columns = 3 + number % 3, 6 + number % 5, 7 + number % 7
        found, truth_ml = score.measures, slices * rows * columns * voxel
        assert score.patient == score.files.name
        assert found.truth_ml == pytest.approx(truth_ml)
        if score.model == "exact":
            expected = {"dice": 1, "hd95_mm": 0, "surface_mm": 0, "nsd": 1, "lesion_f1": 1, "excess_ml": 0}
        elif score.model == "shifted":
            shift = 2 if number % 3 == 0 else 1
            expected = {
                "dice": 1 - shift / columns,
                "hd95_mm": shift,
                "centroid_mm": shift,
                "excess_ml": truth_ml * shift / columns,
            }
        elif number % 4 == 0:
            diagonal = np.linalg.norm(np.multiply((28, 24, 8), SPACING))
            expected = {"dice": 0, "hd95_mm": diagonal, "lesion_f1": 0, "false_negative_ml": truth_ml, "nsd": 0}
        else:
            expected = {
                "dice": 2 * (slices - 1) / (2 * slices - 1),
                "sensitivity": (slices - 1) / slices,
                "relative_volume_error": -1 / slices,
                "hd95_mm": 3,
                "dice_ends": 2 / 3,
                "dice_between": 1,
            }
        assert {name: getattr(found, name) for name in expected} == pytest.approx(expected)
        assert score.slices.slices == 8


def test_some_folds_only(cross_validation):
    shutil.rmtree(cross_validation.model("exact") / "fold_3")
    scores = score_folds(study(cross_validation, "exact", folds=(4, 0)))
    assert [score.fold for score in scores] == [0, 0, 4, 4]
    with pytest.raises(CIPAError, match="has 5 folds, numbered from 0, and no fold 5"):
        score_folds(study(cross_validation, "exact", folds=(5,)))


def copy_as(name):
    def damage(folder):
        shutil.copy(folder / "case02.nii.gz", folder / name)

    return damage


@pytest.mark.parametrize(
    ("damage", "file", "problem"),
    [
        (
            lambda folder: (folder / "case02.nii.gz").unlink(),
            "case02.nii.gz",
            "no such file, but fold_2 validates",
        ),
        (
            lambda folder: (folder / "summary.json").unlink(),
            "summary.json",
            "no such file, so fold_2 was not",
        ),
        (shutil.rmtree, "summary.json", "no such file, so fold_2 was not"),
        (copy_as("case03.nii.gz"), "case03.nii.gz", "predicts case case03, which is not validated in fold_2"),
        (copy_as("other.nii.gz"), "other.nii.gz", "predicts case other, which is not validated in fold_2"),
        (copy_as("case02.nrrd"), "case02.nrrd", "is a second prediction of case case02"),
        (
            lambda folder: write_mask(folder / "case02.nii.gz", tumour(2), spacing=(1, 1, 1)),
            "case02.nii.gz",
            "has spacing (1, 1, 1)",
        ),
        (lambda folder: write_mask(folder / "case02.nii.gz", tumour(2)[1:]), "case02.nii.gz", "has size (7, 24, 28)"),
        (
            lambda folder: write_mask(folder / "case02.nii.gz", tumour(3)),
            "summary.json",
            "has a Dice of 1.0000 for case case02",
        ),
    ],
)
def test_predictions_that_are_not_those_of_the_fold(cross_validation, damage, file, problem):
    folder = cross_validation.validation("exact", 2)
    damage(folder)
    with pytest.raises(CIPAError, match=re.escape(f"{folder / file}: {problem}")):
        score_folds(study(cross_validation, "shifted", "exact"))


def test_summary_that_lacks_a_case(cross_validation):
    path = cross_validation.validation("exact", 1) / "summary.json"
    content = json.loads(path.read_text())
    content["metric_per_case"].pop()
    write_json(path, content)
    with pytest.raises(CIPAError, match=re.escape(f"{path}: has no case case06")):
        score_folds(study(cross_validation, "exact"))


def test_models_need_names_of_their_own(cross_validation):
    with pytest.raises(CIPAError, match="exact: names 2 models"):
        score_folds(study(cross_validation, "exact", "exact"))
    with pytest.raises(CIPAError, match="no model to score"):
        score_folds(Study(cross_validation.dataset, cross_validation.splits, ()))


@pytest.mark.parametrize("tolerance", [0, -1, float("nan"), float("inf")])
def test_tolerances_that_cannot_be(cross_validation, tolerance):
    with pytest.raises(CIPAError, match=r"tolerance .* give a positive number of mm"):
        score_folds(study(cross_validation, tolerance_mm=tolerance))


def fold(train, val):
    return {"train": train.split(), "val": val.split()}


PATIENTS = {"a": "a", "b1": "b", "b2": "b", "c": "c"}


@pytest.mark.parametrize(
    ("folds", "problem"),
    [
        ([fold("b1 b2 c", "a"), fold("a c", "b1 b2")], "case c is validated in no fold"),
        ([fold("b1 b2", "a c"), fold("a c", "b1 b2 c")], "case c is validated in fold 0 and in fold 1"),
        ([fold("b1 b2", "a c c"), fold("a c", "b1 b2")], "case c is validated twice in fold 0"),
        ([fold("b1 b2", "a c x"), fold("a c", "b1 b2")], "fold 0 has case x, which is not in labelsTr"),
        ([fold("b1 y", "a c"), fold("a c", "b1 b2")], "fold 0 has case y, which is not in labelsTr"),
        (
            [fold("b2", "a b1"), fold("a", "b2 c")],
            "fold 0 validates case b1 and trains on case b2 of the same patient",
        ),
        ([fold("c", "a b1"), fold("a", "b2 c")], "patient b is in fold 0 and, as case b2, in fold 1"),
        ([fold("b1 b2 a", "a c"), fold("a c", "b1 b2")], "fold 0 validates case a and trains on case a"),
        ([], "is not a list of folds"),
        ([{"train": ["a"]}], "is not a list of folds"),
        ([fold("", "a b1 b2 c")], "fold 0 has no cases in train"),
        ({"train": ["a"]}, "is not a list of folds"),
    ],
)
def test_folds_that_are_not_clean(tmp_path, folds, problem):
    path = tmp_path / "splits_final.json"
    write_json(path, folds)
    with pytest.raises(CIPAError, match=re.escape(f"{path}: {problem}")):
        read_folds(path, PATIENTS)


def test_clean_folds(tmp_path):
    path = tmp_path / "splits_final.json"
    write_json(path, [fold("b1 b2", "c a"), fold("a c", "b2 b1")])
    assert read_folds(path, PATIENTS) == (("a", "c"), ("b1", "b2"))
    with pytest.raises(CIPAError, match="no such file"):
        read_folds(tmp_path / "other.json", PATIENTS)


def test_patients_come_from_the_provenance(cross_validation):
    """Two cases of a patient that the converter cut in two, in two folds."""
    for case in ("case03", "case09"):
        write_json(cross_validation.dataset / "provenance" / f"{case}.json", {"patient": "P"})
    with pytest.raises(CIPAError, match="fold 3 validates case case03 and trains on case case09 of the same patient P"):
        score_folds(study(cross_validation, "exact"))


def test_audit_counts_what_it_looked_at(cross_validation):
    write_json(cross_validation.dataset / "provenance" / "case01.json", {"patient": "case00"})
    audit = audit_leakage(cross_validation.dataset)
    assert (audit.patients, audit.cases, audit.images) == (9, 10, 20)


@pytest.mark.parametrize("channel", ["0000", "0001"])
@pytest.mark.parametrize("part", ["Tr", "Ts"])
def test_the_same_patient_under_two_names(cross_validation, channel, part):
    """One image of two cases is the same; its file is not, as the other has another type and spacing."""
    import SimpleITK as sitk

    copied = cross_validation.dataset / "imagesTr" / f"case04_{channel}.nii.gz"
    image = sitk.Cast(sitk.ReadImage(copied), sitk.sitkFloat64)
    image.SetSpacing((2, 2, 2))
    path = cross_validation.dataset / f"images{part}" / f"case4x_{channel}.nii.gz"
    path.parent.mkdir(exist_ok=True)
    sitk.WriteImage(image, path)
    with pytest.raises(CIPAError, match=re.escape(f"{path}: has the same voxels as {copied}, but case case4x")):
        audit_leakage(cross_validation.dataset)


def test_a_patient_in_training_and_test(cross_validation):
    folder = cross_validation.dataset / "imagesTs"
    folder.mkdir()
    shutil.copy(cross_validation.dataset / "imagesTr" / "case00_0000.nii.gz", folder / "held_0000.nii.gz")
    write_json(cross_validation.dataset / "provenance" / "held.json", {"patient": "case07"})
    with pytest.raises(CIPAError, match="case held is of patient case07, as is case case07 of the training part"):
        audit_leakage(cross_validation.dataset)


@pytest.mark.parametrize("patient", ["", 7, None])
def test_provenance_without_a_patient_name(cross_validation, patient):
    path = cross_validation.dataset / "provenance" / "case00.json"
    write_json(path, {"patient": patient})
    with pytest.raises(CIPAError, match=re.escape(f"{path}: has the patient {patient!r}")):
        audit_leakage(cross_validation.dataset)
