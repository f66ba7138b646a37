"""Predicted patients that are phantoms in DICOM: what was drawn stands for what a model predicts."""

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.phantoms import lucid as lucid_phantom
from nnunet_cipa.dataset_conversion.phantoms.options import Form, LucidPhantomOptions
from nnunet_cipa.dataset_conversion.study_set.check import StudyCheckJob, check_study
from nnunet_cipa.dataset_conversion.study_set.options import Storage
from nnunet_cipa.dataset_conversion.study_set.unlabelled import read_unlabelled
from nnunet_cipa.predict.lesions import measure_lesions
from nnunet_cipa.predict.model.trained import TrainedModel
from nnunet_cipa.predict.predicted import Predicted, Source

SEED, PATIENTS = 11, 2
SIZES = {"patients": PATIENTS, "seed": SEED, "size": 96, "slices": 48, "slice_distance": 5.0}


def make_studies(folder):
    """Draw the phantoms, and write them in DICOM; return what was drawn."""
    studies = [lucid_phantom.image_study(SEED, index, 96, 48, 5.0) for index in range(PATIENTS)]
    options = LucidPhantomOptions(**SIZES, form=Form.DICOM, processes=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lucid_phantom, "image_study", lambda seed, index, *_: studies[index])
        lucid_phantom.make_lucid_phantom(folder, options)
    return studies


def stored(study):
    """HU and SUV of the drawn tumour as ``window`` stores them, by the formulas of docs/data_formats.md."""
    image, grid = (sitk.GetImageFromArray(values.astype(np.float32)) for values in (study.pet, study.ct))
    for made, place in ((image, study.pet_grid), (grid, study.grid)):
        made.SetOrigin(place.origin[::-1])
        made.SetSpacing(place.spacing[::-1])
    suv = sitk.GetArrayFromImage(sitk.Resample(image, grid))
    inside = study.igtv > 0
    return (
        (np.clip(study.ct[inside], -1200, -200) + 1200) / 1000 * 3.2,
        np.clip(suv[inside], 0, 20) / 20 * 3.2,
    )


def trained_on(studies):
    """A model that was trained on these phantoms, with the statistics that nnU-Net's planner would write."""
    channels = [np.concatenate(values) for values in zip(*map(stored, studies), strict=True)]
    properties = {
        str(index): {
            "percentile_00_5": float(np.percentile(values, 0.5)),
            "percentile_99_5": float(np.percentile(values, 99.5)),
        }
        for index, values in enumerate(channels)
    }
    spacings = [list(map(float, study.grid.spacing)) for study in studies]
    return TrainedModel(
        folder=Path("Dataset702_LUCID/nnUNetTrainerCIPASIM__nnUNetPlans__2d"),
        trainer="nnUNetTrainerCIPASIM",
        configuration="2d",
        dataset="Dataset702_LUCID",
        checkpoint="checkpoint_final.pth",
        hashes={"fold_0": "0123456789abcdef" * 4, "fold_1": "fedcba9876543210" * 4},
        plans={
            "plans_name": "nnUNetPlans",
            "foreground_intensity_properties_per_channel": properties,
            "original_median_spacing_after_transp": np.median(spacings, axis=0).tolist(),
            "transpose_forward": [0, 1, 2],
            "transpose_backward": [0, 1, 2],
            "configurations": {"2d": {"patch_size": [96, 96], "spacing": [5.0, 5.0]}},
        },
        dataset_json={
            "channel_names": {"0": "noNorm", "1": "noNorm"},
            "modalities": {"0": "CT", "1": "PET"},
            "labels": {"background": 0, "IGTV": 1},
            "numTraining": len(studies),
            "synthetic": True,
        },
        fingerprint={"spacings": spacings},
        storage=Storage(),
        crop=False,
    )


def make_predicted(folder, index, studies, model):
    """Read a phantom as a patient to predict; its mask is what was drawn."""
    found = read_unlabelled(folder)
    number = f"PHANTOM-{index + 1:04d}"
    (patient,) = (one for one in found.patients if one.ct.patient_id == number)
    checked = check_study(StudyCheckJob(patient, None))
    assert checked.problems == ()
    ct, pet = (patient.read(name).image for name in ("CT", "PET"))
    mask = sitk.GetImageFromArray((studies[index].igtv > 0).astype(np.uint8))
    mask.CopyInformation(ct)
    series = {"CT": patient.ct, "PET": patient.pet}
    sources = {
        name: Source(
            path=one.slices[0].path.parent,
            files=len(one.slices),
            sha256=patient.sha256(name),
            series_uid=one.series_uid,
            study_uid=one.study_uid,
            description=f"{one.description} of Mrs Doe",
            taken="2026-01-02 11:12:13",
            scanner="Maker Model",
        )
        for name, one in series.items()
    }
    return Predicted(
        name=number,
        patient_id=number,
        pseudonym=f"pseudonym_{index + 1}",
        sources=sources,
        ct=ct,
        pet=pet,
        mask=mask,
        labels={"IGTV": (1,)},
        facts=checked.facts,
        model=model,
        warnings=(),
        started=datetime(2026, 1, 3, 9, 30, tzinfo=timezone.utc),
        seconds={"reading": 3.21, "predicting": 41.0},
    )


def with_mask(predicted, values):
    """Return the patient with another mask, and its lesions."""
    mask = sitk.GetImageFromArray(values.astype(np.uint8))
    mask.CopyInformation(predicted.ct)
    changed = replace(predicted, mask=mask)
    return changed, measure_lesions(changed)
