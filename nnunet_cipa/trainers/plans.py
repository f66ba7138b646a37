"""Describing CIPA in nnU-Net's plans."""

import math
from typing import Any

from nnunet_cipa.network.arguments import STRIDE
from nnunet_cipa.nnunet.channels import check_channels, find_modalities
from nnunet_cipa.nnunet.intensities import find_intensities
from nnunet_cipa.nnunet.plans import check_labels, resolve_configuration

NETWORK = "nnunet_cipa.network.CIPA"


def plan_cipa(
    plans: dict[str, Any],
    configuration: str,
    dataset_json: dict[str, Any],
    architecture: dict[str, Any],
    depth: int | None = None,
) -> None:
    """Put patch size and architecture of CIPA into one configuration of the plans.

    The result depends on the plans and dataset.json alone, so all folds agree, and doing it twice changes nothing.
    nnU-Net saves the edited plans beside the checkpoints, so prediction builds the same network.

    Parameters
    ----------
    plans : dict
        Content of the plans file; changed in place.
    configuration : str
        Name of the configuration, "2d" as a rule.
    dataset_json : dict
        Content of dataset.json.
    architecture : dict
        Arguments of the network that differ from its defaults.
    depth : int or None
        Slices of a tile of nnU-Net's sliding window, for a network that reads neighbouring slices. The patch then has
        three entries while the spacing keeps two, so that preprocessing leaves the slices as they are.

    Raises
    ------
    CIPAError
        If dataset.json does not name one CT and one PET channel, or it or the plans are damaged.
    NotImplementedError
        If the configuration is a cascade, not two-dimensional, or its slices are not axial.
    """
    resolved = resolve_configuration(plans, configuration)
    _check_configuration(plans, configuration, resolved)
    check_labels(plans, dataset_json)
    check_channels(dataset_json)
    patch_size = [-(-int(side) // STRIDE) * STRIDE for side in resolved["patch_size"][-2:]]
    edited = plans["configurations"][configuration]
    edited["patch_size"] = list(patch_size) if depth is None else [depth, *patch_size]
    edited["architecture"] = {
        "network_class_name": NETWORK,
        "arch_kwargs": {
            "patch_size": patch_size,
            "modalities": list(find_modalities(dataset_json)),
            **find_intensities(dataset_json),
            **architecture,
        },
        "_kw_requires_import": [],
    }


def _check_configuration(plans: dict[str, Any], name: str, resolved: dict[str, Any]) -> None:
    if resolved.get("previous_stage") is not None:
        raise NotImplementedError(
            f"configuration {name} is the second stage of a cascade; CIPA reads CT and PET and has no input for an "
            "earlier segmentation: train configuration 2d"
        )
    if len(resolved["spacing"]) != 2:
        raise NotImplementedError(
            f"configuration {name} is three-dimensional and CIPA reads slices: train configuration 2d"
        )
    if list(plans["transpose_forward"]) != [0, 1, 2]:
        raise NotImplementedError(
            f"transpose_forward is {plans['transpose_forward']} in the plans: nnU-Net slices across the axis with the "
            f"largest spacing, so the slices of {name} would not be the axial ones of the images, which CIPA reads. "
            f"To keep those, plan with nnUNetv2_plan_and_preprocess {_axial_plans(plans)}, and train with -p "
            "nnUNetPlansAxial"
        )


def _axial_plans(plans: dict[str, Any]) -> str:
    """Return the options with which nnU-Net takes the first axis for the slices' and keeps the spacing in plane.

    A 2D configuration never resamples across slices, so the first number only has to be the largest.
    """
    try:
        spacing = plans["original_median_spacing_after_transp"]
        _, rows, columns = (float(spacing[axis]) for axis in plans["transpose_backward"])
        slices = math.ceil(1.25 * max(rows, columns))
    except (TypeError, LookupError, ValueError, OverflowError):
        return "-overwrite_target_spacing Z Y X, Z above Y and X, -overwrite_plans_name nnUNetPlansAxial"
    return (
        f"-d ID -c 2d -overwrite_target_spacing {slices} {rows:.6g} {columns:.6g} -overwrite_plans_name "
        "nnUNetPlansAxial"
    )
