"""Trained models' folders, made without training."""

import json
from pathlib import Path

import torch

from nnunet_cipa.dataset_conversion.study_set.options import Storage

TRAINERS = Path(__file__).parent / "threshold_trainer"
NAME = "nnUNetTrainerThreshold__nnUNetPlans__2d"


def make_plans(spacing, side):
    """Return plans of a 2D configuration, as nnU-Net's planner writes them."""
    configuration = {
        "data_identifier": "nnUNetPlans_2d",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [side, side],
        "median_image_size_in_voxels": [float(side), float(side)],
        "spacing": [spacing, spacing],
        "normalization_schemes": ["NoNormalization", "NoNormalization"],
        "use_mask_for_norm": [False, False],
        "batch_dice": True,
        "architecture": {"network_class_name": "PlainConvUNet", "arch_kwargs": {}, "_kw_requires_import": []},
    }
    for kind, order in (("data", 3), ("seg", 1), ("probabilities", 1)):
        configuration[f"resampling_fn_{kind}"] = "resample_data_or_seg_to_shape"
        how = {"is_seg": kind == "seg", "order": order, "order_z": 0, "force_separate_z": None}
        configuration[f"resampling_fn_{kind}_kwargs"] = how
    return {
        "dataset_name": "Dataset702_LUCID",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "original_median_spacing_after_transp": [5.6, spacing, spacing],
        "foreground_intensity_properties_per_channel": {
            str(channel): {
                "max": 3.2,
                "mean": 1.0,
                "median": 1.0,
                "min": 0.0,
                "percentile_00_5": 0.0,
                "percentile_99_5": 3.2,
                "std": 0.5,
            }
            for channel in (0, 1)
        },
        "configurations": {"2d": configuration},
    }


def make_dataset_json(storage, **more):
    """Return dataset.json as convert lucid writes it."""
    return {
        "channel_names": {"0": "noNorm", "1": "noNorm"},
        "modalities": {"0": "CT", "1": "PET"},
        "labels": {"background": 0, "IGTV": 1},
        "numTraining": 6,
        "file_ending": ".nii.gz",
        "units": {"CT": "HU", "PET": "SUVbw"},
        **json.loads(json.dumps(storage.facts())),
        **more,
    }


def in_three_dimensions(plans, distance, slices):
    """Return the same plans with a configuration 3d_fullres for slices of a distance."""
    plane = plans["configurations"]["2d"]
    volume = {
        **plane,
        "data_identifier": "nnUNetPlans_3d_fullres",
        "patch_size": [slices, *plane["patch_size"]],
        "median_image_size_in_voxels": [float(slices), *plane["median_image_size_in_voxels"]],
        "spacing": [distance, *plane["spacing"]],
    }
    return {**plans, "configurations": {"3d_fullres": volume}}


def threshold_weights(threshold, dimensions=2):
    """Return the weights by which the PET's channel is compared with a threshold, as it is stored."""
    weight = torch.zeros(2, 2, *[1] * dimensions)
    weight[1, 1] = 1
    return {"weight": weight, "bias": torch.tensor([0.0, -threshold])}


def write_model(folder, plans, dataset_json, folds, trainer="nnUNetTrainerThreshold", configuration="2d"):
    """Write a trained model's folder with the weights of each fold, and return it."""
    model = folder / plans["dataset_name"] / f"{trainer}__{plans['plans_name']}__{configuration}"
    for fold, weights in folds.items():
        (model / f"fold_{fold}").mkdir(parents=True)
        checkpoint = {
            "network_weights": weights,
            "trainer_name": trainer,
            "init_args": {"plans": plans, "configuration": configuration, "fold": fold, "dataset_json": dataset_json},
            "inference_allowed_mirroring_axes": (0, 1),
        }
        torch.save(checkpoint, model / f"fold_{fold}" / "checkpoint_final.pth")
    (model / "plans.json").write_text(json.dumps(plans))
    (model / "dataset.json").write_text(json.dumps(dataset_json))
    return model


def stored(suv, storage=None):
    """Return a SUV as the window stores it: 0 to 3.2 over the range."""
    low, high = (storage or Storage()).suv_range
    return (suv - low) / (high - low) * 3.2
