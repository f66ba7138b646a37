"""Sizes of a body other than its weight by which SUV is normalised, and the way back to SUV by body weight."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.errors import CIPAError

PLAUSIBLE_HEIGHT_M = (0.4, 2.5)
PLAUSIBLE_WEIGHT_KG = (2.0, 400.0)
Formula = Callable[[float, float], float]


@dataclass(frozen=True)
class BodySize:
    """A size by formulas from weight (kg) and height (cm), for men and for women.

    Attributes
    ----------
    units
        Units of SUV by it.
    male, female
        The formulas: kg, or cm2 / 1000 for a body surface, so that SUV times the weight over it is SUV by body weight.
    """

    units: str
    male: Formula
    female: Formula


def _surface(weight: float, height: float) -> float:
    """Du Bois 1916: m2, of which SUV is in cm2/ml, times 10 for g/ml."""
    return 10 * 0.007184 * weight**0.425 * height**0.725


BODY_SIZES: Mapping[str, BodySize] = {
    "LBMJAMES128": BodySize(
        "GML",
        lambda weight, height: 1.10 * weight - 128 * (weight / height) ** 2,
        lambda weight, height: 1.07 * weight - 148 * (weight / height) ** 2,
    ),
    "LBMJANMA": BodySize(
        "GML",
        lambda weight, height: 9270 * weight / (6680 + 216 * weight / (height / 100) ** 2),
        lambda weight, height: 9270 * weight / (8780 + 244 * weight / (height / 100) ** 2),
    ),
    "IBW": BodySize(
        "GML", lambda _, height: 48.0 + 1.06 * (height - 152), lambda _, height: 45.5 + 0.91 * (height - 152)
    ),
    "BSA": BodySize("CM2ML", _surface, _surface),
}
# What SUVType means where it is missing.
DEFAULT_TYPES = {"GML": "BW", "CM2ML": "BSA"}


def suv_by_weight(facts: PetFacts) -> tuple[float, dict[str, object]]:
    """Return the factor from values in Units GML or CM2ML to SUV by body weight, and what it was computed from.

    Raises
    ------
    CIPAError
        If SUVType is not known or has other units, or if weight, height or sex is needed and missing or absurd.
    """
    kind = facts.suv_type or DEFAULT_TYPES[str(facts.units)]
    if kind == "BW" and facts.units == "GML":
        return 1.0, {}
    size = BODY_SIZES.get(kind)
    if size is None or size.units != facts.units:
        known = ", ".join(name for name, one in BODY_SIZES.items() if one.units == facts.units)
        more = ", which does not tell by which formula" if kind == "LBM" else ""
        raise CIPAError(
            f"SUVType is {kind}{more}, with Units {facts.units}; export SUV by body weight (BW) or Bq/ml, or name the "
            f"type ({known}) as suv_type with --suv-override"
        )
    weight = plausible("PatientWeight", facts.weight, PLAUSIBLE_WEIGHT_KG, "kg")
    height = plausible("PatientSize", facts.height, PLAUSIBLE_HEIGHT_M, "m")
    body = _of_sex(size, facts.sex, weight, 100 * height)
    if body <= 0:
        raise CIPAError(
            f"{weight:g} kg and {height:g} m give no {kind}; correct them, or export SUV by body weight (BW)"
        )
    used: dict[str, object] = {
        "PatientWeight": weight,
        "PatientSize": height,
        "PatientSex": facts.sex,
        "body_size": body,
    }
    return weight / body, used


def plausible(keyword: str, value: float | None, limits: tuple[float, float], unit: str) -> float:
    """Return a value that is there and within limits.

    Raises
    ------
    CIPAError
        If it is not.
    """
    if value is None:
        raise CIPAError(
            f"{keyword} is missing or no number; enter it where the images come from and export again, or give it with "
            "--suv-override"
        )
    if not limits[0] <= value <= limits[1]:
        low, high = limits
        raise CIPAError(
            f"{keyword} is {value:g} {unit}; {low:g} to {high:g} {unit} is plausible, correct it, or give it with "
            "--suv-override"
        )
    return value


def _of_sex(size: BodySize, sex: str | None, weight: float, height: float) -> float:
    """Return the size; for O (other) it is half-way between the sexes, as in the IBSI's reference objects."""
    male, female = size.male(weight, height), size.female(weight, height)
    by_sex = {"M": male, "F": female, "O": (male + female) / 2}
    if male == female:
        return male
    if sex not in by_sex:
        raise CIPAError(
            f"PatientSex is {sex or 'missing'}, and the body's size depends on it; enter M, F or O where the images "
            "come from and export again, or give it with --suv-override"
        )
    return by_sex[sex]
