"""Describing a network in nnU-Net's plans."""

import math
from collections.abc import Mapping
from pydoc import locate
from typing import Any

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network.petct import PETCTNetwork
from nnunet_cipa.nnunet.channels import check_channels, find_modalities
from nnunet_cipa.nnunet.intensities import find_intensities
from nnunet_cipa.nnunet.plans import check_labels, resolve_configuration, slice_spacing
from nnunet_cipa.trainers.sampling import Sampling


def plan_network(
    plans: dict[str, Any],
    configuration: str,
    dataset_json: dict[str, Any],
    network_class_name: str,
    architecture: Mapping[str, Any],
    sampling: Sampling,
) -> None:
    """Put patch size and architecture of a network into one configuration of the plans.

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
    network_class_name : str
        Dotted path of a ``PETCTNetwork``.
    architecture : mapping
        Arguments of the network that differ from its defaults.
    sampling : Sampling
        What a sample is.

    Raises
    ------
    CIPAError
        If dataset.json does not name one CT and one PET channel, it or the plans are damaged, or the network is unknown
        or does not fit the sampling.
    NotImplementedError
        If the configuration is a cascade, not two-dimensional, or its slices are not axial.
    """
    network = _find_network(network_class_name)
    resolved = resolve_configuration(plans, configuration)
    _check_configuration(network.__name__, plans, configuration, resolved)
    check_labels(plans, dataset_json)
    check_channels(dataset_json)
    sampling.check(architecture.get("slices", 1))
    patch_size = network.admit(resolved["patch_size"][-2:])
    edited = plans["configurations"][configuration]
    edited["patch_size"] = sampling.plan_patch(patch_size)
    edited["architecture"] = {
        "network_class_name": network_class_name,
        "arch_kwargs": {
            "patch_size": patch_size,
            "modalities": list(find_modalities(dataset_json)),
            **find_intensities(dataset_json),
            **({"spacing_z": slice_spacing(plans)} if network.reads_spacing else {}),
            **architecture,
        },
        "_kw_requires_import": [],
    }


def _find_network(name: str) -> type[PETCTNetwork]:
    found = locate(name)
    if not (isinstance(found, type) and issubclass(found, PETCTNetwork)):
        raise CIPAError(
            f"network_class_name is {name!r}, and there is no such class derived from nnunet_cipa.network.PETCTNetwork"
        )
    return found


def _check_configuration(network: str, plans: dict[str, Any], name: str, resolved: dict[str, Any]) -> None:
    if resolved.get("previous_stage") is not None:
        raise NotImplementedError(
            f"configuration {name} is the second stage of a cascade; {network} reads CT and PET and has no input for "
            "an earlier segmentation: train configuration 2d"
        )
    if len(resolved["spacing"]) != 2:
        raise NotImplementedError(
            f"configuration {name} is three-dimensional and {network} reads slices: train configuration 2d"
        )
    if list(plans["transpose_forward"]) != [0, 1, 2]:
        raise NotImplementedError(
            f"transpose_forward is {plans['transpose_forward']} in the plans: nnU-Net slices across the axis with the "
            f"largest spacing, so the slices of {name} would not be the axial ones of the images, which {network} "
            f"reads. To keep those, plan with nnUNetv2_plan_and_preprocess {_axial_plans(plans)}, and train with -p "
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
