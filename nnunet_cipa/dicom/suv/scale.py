"""Factors from what a PET slice holds to SUV by body weight."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.times import elapsed_to_reference
from nnunet_cipa.dicom.suv.vendor_factors import vendor_factors
from nnunet_cipa.dicom.suv.vendors import scan_start_tags
from nnunet_cipa.errors import CIPAError

PLAUSIBLE_WEIGHT_KG = (2.0, 400.0)
# From a tenth of what small children get of fluorine-18 to above rubidium-82 and [15O]water.
PLAUSIBLE_DOSE_BQ = (1e6, 1e10)
# From below rubidium-82 (75 s) to above iodine-124 (4.2 days).
PLAUSIBLE_HALF_LIFE_S = (60.0, 1e6)
# A smaller RadionuclideTotalDose is in MBq: some scanners write it so, against the standard.
LEAST_BQ = 1e4
CODES = {
    "units": "Units",
    "suv_type": "SUVType",
    "corrections": "CorrectedImage",
    "decay_correction": "DecayCorrection",
    "manufacturer": "Manufacturer",
}
# Names in PetFacts that must not differ between the slices of a series, and what DICOM calls them.
SAME = {
    **CODES,
    "injections": "the number of injections",
    "weight": "PatientWeight",
    "dose": "RadionuclideTotalDose",
    "half_life": "RadionuclideHalfLife",
    "injection_datetime": "RadiopharmaceuticalStartDateTime",
    "injection_time": "RadiopharmaceuticalStartTime",
    "series_date": "SeriesDate",
    "series_time": "SeriesTime",
    "timezone": "TimezoneOffsetFromUTC",
}


@dataclass(frozen=True)
class SuvScale:
    """One factor for each slice, from its rescaled value to SUV in g/ml, and what they were computed from.

    ``used`` is for a provenance record: numbers, codes and times of day, but no date and no identifier.
    """

    factors: tuple[float, ...]
    used: dict[str, object]


def suv_scale(slices: Sequence[PetFacts]) -> SuvScale:
    """Compute the factors from values after RescaleSlope to SUV by body weight (g/ml), one for each slice.

    1. The images must be corrected for attenuation and for decay.
    2. Units GML: the values are SUV already, if SUVType is BW or absent.
    3. Units of a vendor (see ``vendors``): private factor to SUV if above 0, else private factor to Bq/ml if above 0,
       then as BQML.
    4. Units BQML, DecayCorrection ADMIN: weight / dose.
    5. Units BQML, DecayCorrection START: weight / (dose x 2^(-t/T)) with half life T and the time t from the injection
       to the moment to which decay was corrected (see ``elapsed_to_reference``).
    6. No weight, dose, half life or time is ever assumed.

    Raises
    ------
    CIPAError
        If attributes are missing, absurd, or differ between slices, or if the units are others. The message does not
        name the series.

    Notes
    -----
    After the vendor-neutral pseudo-code for SUV in appendix G of the FDG-PET/CT profile 1.13 of the Quantitative
    Imaging Biomarkers Alliance (2016), and sections C.8.9.1 and C.8.9.4 of DICOM PS3.3.
    """
    _check_same(slices)
    first = slices[0]
    used: dict[str, object] = {name: getattr(first, field) for field, name in CODES.items()}
    lacking = [code for code in ("ATTN", "DECY") if code not in first.corrections]
    if lacking:
        raise CIPAError(
            f"CorrectedImage is {'/'.join(first.corrections) or 'missing'}, without {' and '.join(lacking)}; SUV needs "
            "the reconstruction that is corrected for attenuation and decay"
        )
    if first.units == "GML":
        if first.suv_type not in {None, "BW"}:
            raise CIPAError(f"SUVType is {first.suv_type}; export SUV by body weight (BW), or Bq/ml")
        return SuvScale((1.0,) * len(slices), {**used, "rule": 2})
    if first.units == "BQML":
        to_bqml: tuple[float, ...] = (1.0,) * len(slices)
    else:
        found = vendor_factors(slices)
        shown = {str(found.tag): [min(found.values), max(found.values)]}
        if found.give_suv:
            return SuvScale(found.values, {**used, "rule": 3, **shown})
        used |= shown
        to_bqml = found.values
    weight, dose = _weight_and_dose(first)
    remaining, decay = _remaining_activity(slices)
    suv_per_bqml = 1000.0 * weight / (dose * remaining)
    used |= {"PatientWeight": weight, "RadionuclideTotalDose": dose, **decay, "suv_per_bqml": suv_per_bqml}
    return SuvScale(tuple(suv_per_bqml * factor for factor in to_bqml), used)


def _check_same(slices: Sequence[PetFacts]) -> None:
    values = {keyword: {getattr(facts, field) for facts in slices} for field, keyword in SAME.items()}
    for tag in scan_start_tags():
        values[f"the scan's date and time {tag}"] = {facts.private.get(tag) for facts in slices}
    for keyword, found in values.items():
        if len(found) > 1:
            shown = " and ".join(sorted(map(str, found))[:2])
            raise CIPAError(
                f"{keyword} differs between slices ({shown}); correct it, or export one reconstruction by itself"
            )


def _weight_and_dose(facts: PetFacts) -> tuple[float, float]:
    """Return the patient's weight in kg and the activity injected in Bq."""
    if facts.injections > 1:
        raise CIPAError(
            f"{facts.injections} injections are given; SUV can be computed for exactly one, leave that of the scan"
        )
    dose = facts.dose
    if dose is not None and 0 < dose < LEAST_BQ:
        dose *= 1e6
    weight = _plausible("PatientWeight", facts.weight, PLAUSIBLE_WEIGHT_KG, "kg")
    return weight, _plausible("RadionuclideTotalDose", dose, PLAUSIBLE_DOSE_BQ, "Bq")


def _remaining_activity(slices: Sequence[PetFacts]) -> tuple[float, dict[str, object]]:
    """Return the part of the activity injected that is left at the moment to which decay was corrected."""
    correction = slices[0].decay_correction
    if correction == "ADMIN":
        return 1.0, {"rule": 4}
    if correction != "START":
        raise CIPAError(f"DecayCorrection is {correction or 'missing'}; SUV needs START or ADMIN, export one of these")
    half_life = _plausible("RadionuclideHalfLife", slices[0].half_life, PLAUSIBLE_HALF_LIFE_S, "s")
    elapsed = elapsed_to_reference(slices, half_life)
    remaining = 2.0 ** (-elapsed.seconds / half_life)
    return remaining, {
        "rule": 5,
        "RadionuclideHalfLife": half_life,
        **elapsed.used,
        "remaining_activity": remaining,
    }


def _plausible(keyword: str, value: float | None, limits: tuple[float, float], unit: str) -> float:
    if value is None:
        raise CIPAError(f"{keyword} is missing or no number; enter it where the images come from and export again")
    if not limits[0] <= value <= limits[1]:
        low, high = limits
        raise CIPAError(f"{keyword} is {value:g} {unit}; {low:g} to {high:g} {unit} is plausible, correct it")
    return value
