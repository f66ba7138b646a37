"""Faults in the files of a cross-validation."""

import shutil

import numpy as np
import SimpleITK as sitk

from tests.evaluation.cross_validation import SPACING, write_json


def in_fold(change):
    """Change the folder of a fold's predictions."""
    return lambda made: change(made.validation("exact", 2))


def in_dataset(path, change):
    """Change a file of the dataset, or put another one in its place if it is to be text."""

    def fault(made):
        file = made.dataset / path
        file.parent.mkdir(exist_ok=True)
        if isinstance(change, str):
            file.write_text(change)
        else:
            change(file)

    return fault


def copy_of(name):
    return lambda file: shutil.copy(file.parent.parent / "imagesTr" / name, file)


def copy_as(name):
    return lambda folder: shutil.copy(folder / "case02.nii.gz", folder / name)


def image_of(value, *shape):
    return lambda file: sitk.WriteImage(sitk.GetImageFromArray(np.full(shape, value, np.float32)), file)


def summary(content):
    return lambda folder: (folder / "summary.json").write_text(content)


def finer(folder):
    """Write the prediction on a grid with two voxels along x where the truth has one."""
    image = sitk.ReadImage(folder / "case02.nii.gz")
    fine = sitk.GetImageFromArray(np.repeat(sitk.GetArrayFromImage(image), 2, axis=2))
    fine.SetSpacing((SPACING[0] / 2, *SPACING[1:]))
    fine.SetOrigin((-SPACING[0] / 4, 0, 0))
    sitk.WriteImage(fine, folder / "case02.nii.gz")


def same_patient(made):
    for case in ("case03", "case09"):
        write_json(made.dataset / "provenance" / f"{case}.json", {"patient": "P"})


def held_out_too(made):
    copy = made.dataset / "imagesTs" / "held_0000.nii.gz"
    copy.parent.mkdir()
    shutil.copy(made.dataset / "imagesTr" / "case00_0000.nii.gz", copy)
    write_json(made.dataset / "provenance" / "held.json", {"patient": "case07"})


def splits(change):
    def fault(made):
        made.write_splits(change([made.validated(fold) for fold in range(made.folds)]))

    return fault
