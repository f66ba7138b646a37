"""Factors from values in units of a vendor's own to SUV or to Bq/ml."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.vendors import PrivateTag, Vendor, vendors
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class VendorFactors:
    """One factor for each slice, the private attribute that holds them, and whether they give SUV rather than Bq/ml."""

    tag: PrivateTag
    values: tuple[float, ...]
    give_suv: bool


def vendor_factors(slices: Sequence[PetFacts], *, to_suv: bool = True) -> VendorFactors:
    """Find the factors that a vendor wrote for the units of the slices: those to SUV, else those to Bq/ml.

    Parameters
    ----------
    slices
        Facts of each slice.
    to_suv
        Whether factors to SUV count, which the vendor computed from the header.

    Raises
    ------
    CIPAError
        If no vendor has such units, or a slice lacks the factor.
    """
    units = slices[0].units
    able = [vendor for vendor in vendors() if vendor.units is not None and vendor.units == units]
    if not able:
        raise CIPAError(
            f"Units are {units or 'missing'}; SUV can be computed from {_known_units()}, export one of these"
        )
    for vendor in able:
        for tag, give_suv in ((vendor.to_suv, True), (vendor.to_bqml, False)):
            values = None if tag is None else _usable([facts.private.get(tag) for facts in slices])
            if tag is not None and values is not None and (to_suv or not give_suv):
                return VendorFactors(tag, values, give_suv)
    if not to_suv:
        raise CIPAError(
            f"Units are {units}, and without a factor to Bq/ml, what --suv-override gives cannot count; export it in "
            "Bq/ml, or leave it out"
        )
    raise CIPAError(
        f"Units are {units}, and {' and '.join(map(_described, able))} are missing or 0; export it with the private "
        "attributes, or in Bq/ml"
    )


def _usable(texts: Sequence[str | None]) -> tuple[float, ...] | None:
    """Return the factors if all slices have one that is above 0 and finite."""
    try:
        numbers = [float(text) for text in texts if text is not None]
    except ValueError:
        return None
    good = tuple(number for number in numbers if 0 < number < math.inf)
    return good if len(good) == len(texts) else None


def _known_units() -> str:
    makers: dict[str, list[str]] = {}
    for vendor in vendors():
        if vendor.units is not None:
            makers.setdefault(vendor.units, []).append(vendor.name)
    return (
        ", ".join(["BQML", *(f"{units} ({', '.join(names)})" for units, names in makers.items())]) + ", GML and CM2ML"
    )


def _described(vendor: Vendor) -> str:
    tags = ((vendor.to_suv, "SUV"), (vendor.to_bqml, "Bq/ml"))
    targets = " and ".join(f"to {unit} {tag}" for tag, unit in tags if tag is not None)
    return f"{vendor.name}'{'' if vendor.name.endswith('s') else 's'} factors {targets}"
