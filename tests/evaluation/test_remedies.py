"""What the refusals of a cross-validation's scores tell one to do, done as the message has it."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import audit_leakage, fit_pet_threshold, score_folds
from tests.evaluation.cross_validation import CrossValidation, tumour, write_json, write_mask
from tests.evaluation.faults import (
    copy_as,
    copy_of,
    finer,
    held_out_too,
    image_of,
    in_dataset,
    in_fold,
    same_patient,
    splits,
    summary,
)
from tests.evaluation.test_scoring import study


def path_of(message):
    return Path(message.partition(": ")[0])


def remove(made, message):
    path_of(message).unlink()


def restore(made, message):
    """Write the file or the folder that is named as it was before."""
    name = path_of(message).relative_to(made.root)
    before = CrossValidation(made.root / "before").write().root / name
    if before.is_dir():
        shutil.copytree(before, made.root / name, dirs_exist_ok=True)
    else:
        shutil.copy(before, made.root / name)


def complete(made, message):
    """Write the whole folder of the file that is named."""
    restore(made, f"{path_of(message).parent}: ")


def bring_back(made, message):
    splits(list)(made)


def validate(made, message):
    """Let nnU-Net validate the fold that is named."""
    made.write_fold("exact", int(re.search(r"fold_(\d)", message)[1]))


def resample(made, message):
    path, grid = re.match(r"(\S+): has .* and (\S+) has", message).groups()
    moved = sitk.Resample(sitk.ReadImage(path), sitk.ReadImage(grid), sitk.Transform(), sitk.sitkNearestNeighbor)
    sitk.WriteImage(moved, path)


def keep_those_that_end(made, message):
    ending = re.search(r"ends in (\S+)$", message)[1]
    for path in path_of(message).parent.glob("case02.*"):
        if not path.name.endswith(ending):
            path.unlink()


def folds_by_patient(made, message):
    folds = [made.validated(fold) for fold in range(made.folds)]
    folds[4].remove("case09")
    folds[3].append("case09")
    made.validated = folds.__getitem__
    made.write_splits(folds)
    for fold in range(made.folds):
        shutil.rmtree(made.validation("exact", fold))
        made.write_fold("exact", fold)


def set_modalities(made, message):
    told = json.loads("{" + re.search(r'"modalities": \{.*?\}', message)[0] + "}")
    path = made.dataset / "dataset.json"
    write_json(path, json.loads(path.read_text()) | told)


MISSING_CASE = '{"metric_per_case": [{"prediction_file": "case02.nii.gz", "metrics": {"1": {"Dice": 1}}}]}'
BACK = "bring back the file that the models were trained with"
DICE = "with nnUNetv2_train --val if it is of a fold"
REMEDIES = {
    "no prediction": (in_fold(lambda f: (f / "case02.nii.gz").unlink()), "run nnUNetv2_train --val", validate),
    "not validated": (in_fold(shutil.rmtree), "run nnUNetv2_train on it, with --val if it is trained", validate),
    "prediction of another": (in_fold(copy_as("case03.nii.gz")), "remove it", remove),
    "other folds": (splits(lambda f: f[1:] + f[:1]), "bring back the splits_final.json", bring_back),
    "second prediction": (in_fold(copy_as("case02.nrrd")), "keep the one", keep_those_that_end),
    "second prediction, first by name": (in_fold(copy_as("case02.mha")), "keep the one", keep_those_that_end),
    "finer grid": (in_fold(finer), "bring both onto one voxel grid", resample),
    "changed prediction": (in_fold(lambda f: write_mask(f / "case02.nii.gz", tumour(3))), "validate again", validate),
    "summary lacks a case": (in_fold(summary(MISSING_CASE)), "validate again with nnUNetv2_train --val", validate),
    "summary is cut off": (in_fold(summary("{")), DICE, validate),
    "summary of nothing": (in_fold(summary('{"metric_per_case": []}')), f"predict, then .* {DICE}", validate),
    "summary without Dice": (in_fold(summary("{}")), DICE, validate),
    "no folds": (in_dataset("splits_final.json", Path.unlink), BACK, restore),
    "folds are cut off": (in_dataset("splits_final.json", "["), BACK, restore),
    "folds are none": (in_dataset("splits_final.json", "{}"), BACK, restore),
    "foreign case": (splits(lambda f: [[*f[0], "x"], *f[1:]]), "use the folds of this dataset", restore),
    "case in two folds": (splits(lambda f: [[*f[0], *f[1]], *f[1:]]), "name each case once", restore),
    "case in no fold": (splits(lambda f: [f[0][:1], *f[1:]]), "complete the folds", restore),
    "patient in two folds": (same_patient, "make folds by patient and train again", folds_by_patient),
    "no masks": (in_dataset("labelsTr", shutil.rmtree), "put the true mask of each case there", restore),
    "no PET": (in_dataset("imagesTr/case04_0001.nii.gz", Path.unlink), "complete the folder", complete),
    "no dataset.json": (in_dataset("dataset.json", Path.unlink), "run the step that writes it again", restore),
    "no file_ending": (in_dataset("dataset.json", "{}"), "give a dataset in nnU-Net's format", restore),
    "modalities": (in_dataset("dataset.json", '{"file_ending": ".nii.gz"}'), 'set "modalities"', set_modalities),
    "cut off": (in_dataset("labelsTr/case04.nii.gz", "no image"), "write it again", restore),
    "label 2": (in_dataset("labelsTr/case04.nii.gz", image_of(2, 8, 24, 28)), "give a label map", restore),
    "4D": (in_dataset("labelsTr/case04.nii.gz", image_of(0, 2, 8, 24, 28)), "give a three-dimensional image", restore),
    "NaN": (in_dataset("imagesTr/case04_0001.nii.gz", image_of(np.nan, 8, 24, 28)), "write the image again", restore),
    "nameless patient": (in_dataset("provenance/case04.json", '{"patient": 7}'), "convert again", remove),
    "no images": (in_dataset("imagesTr", shutil.rmtree), "complete the folder", complete),
    "copy": (in_dataset("imagesTr/case4x_0000.nii.gz", copy_of("case04_0000.nii.gz")), "keep one of them", remove),
    "copy held out": (in_dataset("imagesTs/a_0000.nii.gz", copy_of("case04_0000.nii.gz")), "keep one of them", remove),
    "patient held out": (held_out_too, "take the patient out of one of the two", remove),
}  # fmt: skip


@pytest.mark.parametrize("name", REMEDIES)
def test_a_cross_validation_is_scored_once_it_is_as_told(name, cross_validation):
    fault, told, follow = REMEDIES[name]

    def evaluate():
        scores = score_folds(study(cross_validation, "exact"))
        return len(scores), audit_leakage(cross_validation.dataset).cases

    fault(cross_validation)
    with pytest.raises(CIPAError, match=told) as error:
        evaluate()
    follow(cross_validation, str(error.value))
    assert evaluate() == (10, 10)


@pytest.mark.parametrize(
    ("trainers", "options", "told", "more"),
    [
        (["exact"], {"folds": (5,)}, "give folds from 0 to 4", {"folds": (0, 4)}),
        (["exact", "exact"], {}, "give each once, under a name of its own", {}),
        (["exact"], {"tolerance_mm": 0}, "give a positive number of mm", {"tolerance_mm": 1}),
    ],
)
def test_a_study_as_told(trainers, options, told, more, cross_validation):
    with pytest.raises(CIPAError, match=told):
        score_folds(study(cross_validation, *trainers, **options))
    assert score_folds(study(cross_validation, *dict.fromkeys(trainers), **more))


def test_masks_with_tumour_have_a_threshold(dataset):
    with pytest.raises(CIPAError, match=r"no mask holds tumour, .*; convert again"):
        fit_pet_threshold([dataset.add("a", np.zeros((2, 3, 4)))])
    assert fit_pet_threshold([dataset.add("a", np.arange(24).reshape(2, 3, 4) < 6)]).dice == 1


def test_a_dataset_in_the_raw_format_is_audited(dataset):
    with pytest.raises(CIPAError, match="imagesTr: holds no image; give a dataset in nnU-Net's raw format"):
        audit_leakage(dataset.folder)
    dataset.add("a", np.zeros((2, 3, 4)), part="Tr")
    assert audit_leakage(dataset.folder).cases == 1
