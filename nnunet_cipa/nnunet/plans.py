"""Refusing damaged plans and dataset.json, which nnU-Net takes as they are and then fails on somewhere."""

import math
from typing import Any

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_cipa.errors import CIPAError, shown

LARGEST_SIDE = 4096
LARGEST_LABEL = 65535
# What nnU-Net's handlers raise on what is not as they expect it: they check little.
_DAMAGE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RuntimeError, AssertionError)
_REMEDY = "plan the data set again with nnUNetv2_plan_and_preprocess"


def resolve_configuration(plans: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a configuration of the plans with all that it inherits.

    Raises
    ------
    CIPAError
        If there is none, or its patch size, spacing or the order of its axes are not what nnU-Net's planner writes.
    """
    try:
        resolved: dict[str, Any] = PlansManager(plans).get_configuration(name).configuration
        own = plans["configurations"][name]
    except _DAMAGE as error:
        raise CIPAError(f"the plans have no sound configuration {name!r} ({_told(error)}); {_REMEDY}") from error
    axes = plans.get("transpose_forward")
    for key, value, sound in (
        (f"configuration {name}", own, isinstance(own, dict)),
        ("patch_size", resolved.get("patch_size"), _all(resolved.get("patch_size"), _is_side)),
        ("spacing", resolved.get("spacing"), _all(resolved.get("spacing"), _is_length)),
        ("transpose_forward", axes, isinstance(axes, list) and sorted(axes, key=repr) == [0, 1, 2]),
    ):
        if not sound:
            raise CIPAError(f"{key} is {shown(value)} in the plans; {_REMEDY}")
    if len(resolved["patch_size"]) < len(resolved["spacing"]):
        raise CIPAError(f"patch_size {resolved['patch_size']} has fewer sides than the spacing in the plans; {_REMEDY}")
    return resolved


def slice_spacing(plans: dict[str, Any]) -> float:
    """Return the median distance of axial slices of the data set in mm, whose axis comes first.

    Raises
    ------
    CIPAError
        If the plans do not tell it as nnU-Net's planner does.
    """
    key = "original_median_spacing_after_transp"
    spacing: Any = plans.get(key)
    if not (_all(spacing, _is_length) and len(spacing) == 3):
        raise CIPAError(f"{key} is {shown(spacing)} in the plans, which has to be three lengths in mm; {_REMEDY}")
    return float(spacing[0])


def check_labels(plans: dict[str, Any], dataset_json: dict[str, Any]) -> None:
    """Refuse labels from which nnU-Net would make no classes, or others than are named.

    Raises
    ------
    CIPAError
        If they are not whole numbers, or lists of them for regions, or nnU-Net takes them for another reason as wrong.
    """
    labels = dataset_json.get("labels")
    remedy = 'name the labels as in {"background": 0, "tumour": 1}, and plan the data set again'
    if not isinstance(labels, dict) or not all(_is_label(label) for label in labels.values()):
        raise CIPAError(f"dataset.json: labels are {shown(labels)}; {remedy}")
    try:
        PlansManager(plans).get_label_manager(dataset_json)
    except _DAMAGE as error:
        raise CIPAError(f"dataset.json: labels are {shown(labels)} ({_told(error)}); {remedy}") from error


def _all(values: Any, sound: Any) -> bool:
    return isinstance(values, list) and len(values) in {2, 3} and all(sound(value) for value in values)


def _is_side(value: Any) -> bool:
    return type(value) is int and 1 <= value <= LARGEST_SIDE


def _is_length(value: Any) -> bool:
    return type(value) in {int, float} and 0 < value < math.inf


def _is_label(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_label(one) and not isinstance(one, list) for one in value)
    return type(value) is int and 0 <= value <= LARGEST_LABEL


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {shown(str(error))}"
