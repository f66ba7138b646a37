"""Factors from what a PET slice holds to SUV by body weight."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnunet_cipa.dicom.suv.body_size import DEFAULT_TYPES, PLAUSIBLE_WEIGHT_KG, plausible, suv_by_weight
from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.override import SuvOverride
from nnunet_cipa.dicom.suv.rules import SuvRules
from nnunet_cipa.dicom.suv.same import CODES, check_same
from nnunet_cipa.dicom.suv.times import elapsed_to_frames, elapsed_to_reference
from nnunet_cipa.dicom.suv.vendor_factors import vendor_factors
from nnunet_cipa.errors import CIPAError

# From a tenth of what small children get of fluorine-18 to above rubidium-82 and [15O]water.
PLAUSIBLE_DOSE_BQ = (1e6, 1e10)
# From below rubidium-82 (75 s) to above iodine-124 (4.2 days).
PLAUSIBLE_HALF_LIFE_S = (60.0, 1e6)
# A smaller RadionuclideTotalDose is in MBq: some scanners write it so, against the standard.
LEAST_BQ = 1e4
# In mCi it would be a 37th of that, so that less than this is not taken for MBq.
LEAST_BQ_PER_KG = 1e6


@dataclass(frozen=True)
class SuvScale:
    """One factor for each slice, from its rescaled value to SUV in g/ml, and what they were computed from.

    ``used`` is for a provenance record: numbers, codes and times of day, but no date and no identifier. ``notes`` are
    lines for the user on what is unusual and was believed.
    """

    factors: tuple[float, ...]
    used: dict[str, object]
    notes: tuple[str, ...] = ()


def suv_scale(slices: Sequence[PetFacts], rules: SuvRules | None = None) -> SuvScale:
    """Compute the factors from values after RescaleSlope to SUV by body weight (g/ml), one for each slice.

    1. The images must be corrected for attenuation, and for decay unless DecayCorrection is NONE.
    2. Units GML and CM2ML: the values are SUV already, by the size that SUVType names, body weight if absent (see
       ``body_size``); CorrectedImage may be missing, as workstations drop it.
    3. Units of a vendor (see ``vendors``): private factor to SUV if above 0, else private factor to Bq/ml if above 0,
       then as BQML.
    4. Units BQML, DecayCorrection ADMIN: weight / dose.
    5. Units BQML, DecayCorrection START: weight / (dose x 2^(-t/T)) with half life T and the time t from the injection
       to the moment to which decay was corrected (see ``elapsed_to_reference``).
    6. Units BQML, DecayCorrection NONE: the same with the time to the mean of the frame of each slice (see
       ``elapsed_to_frames``).
    7. No weight, dose, half life or time is ever assumed.

    Parameters
    ----------
    slices
        Facts of each slice.
    rules
        What counts beside the facts: values in their place, and the longest time from injection to scan.

    Raises
    ------
    CIPAError
        If attributes are missing, absurd, contradict each other or differ between slices, or if the units are others.
        The message does not name the series.

    Notes
    -----
    After the vendor-neutral pseudo-code for SUV in appendix G of the FDG-PET/CT profile 1.13 of the Quantitative
    Imaging Biomarkers Alliance (2016), and sections C.8.9.1 and C.8.9.4 of DICOM PS3.3.
    """
    rules = rules or SuvRules()
    override = rules.override or SuvOverride()
    header = slices[0]
    slices = [override.apply(facts) for facts in slices]
    check_same(slices)
    first = slices[0]
    used: dict[str, object] = {name: getattr(first, field) for field, name in CODES.items()}
    if override.given:
        used["override"] = override.recorded(header)
    notes = (*_check_corrections(first), *override.notes(header))
    if first.units in DEFAULT_TYPES:
        factor, size = suv_by_weight(first)
        return SuvScale((factor,) * len(slices), {**used, **size, "rule": 2}, notes)
    if first.units == "BQML":
        to_bqml: tuple[float, ...] = (1.0,) * len(slices)
    else:
        found = vendor_factors(slices, to_suv=not override.given)
        shown = {str(found.tag): [min(found.values), max(found.values)]}
        if found.give_suv:
            return SuvScale(found.values, {**used, "rule": 3, **shown}, notes)
        used |= shown
        to_bqml = found.values
    weight, dose = _weight_and_dose(first)
    remaining, decay = _remaining_activity(slices, rules)
    per_bqml = [1000.0 * weight / (dose * part) for part in remaining]
    same = len(set(per_bqml)) == 1
    used |= {"PatientWeight": weight, "RadionuclideTotalDose": dose, **decay}
    used["suv_per_bqml"] = per_bqml[0] if same else [min(per_bqml), max(per_bqml)]
    return SuvScale(tuple(one * factor for one, factor in zip(per_bqml, to_bqml, strict=True)), used, notes)


def _check_corrections(first: PetFacts) -> tuple[str, ...]:
    """Check that the images are corrected, and return a note if that is believed."""
    if not first.corrections and first.units in DEFAULT_TYPES:
        return (f"CorrectedImage is missing; Units {first.units} are believed to be SUV of corrected images",)
    needed = ["ATTN"] if first.decay_correction == "NONE" and first.units not in DEFAULT_TYPES else ["ATTN", "DECY"]
    lacking = [code for code in needed if code not in first.corrections]
    if lacking:
        raise CIPAError(
            f"CorrectedImage is {'/'.join(first.corrections) or 'missing'}, without {' and '.join(lacking)}; SUV needs "
            "the reconstruction that is corrected for attenuation and decay"
        )
    return ()


def _weight_and_dose(facts: PetFacts) -> tuple[float, float]:
    """Return the patient's weight in kg and the activity injected in Bq."""
    if facts.injections > 1:
        raise CIPAError(
            f"{facts.injections} injections are given; SUV can be computed for exactly one, leave that of the scan, or "
            "give its dose, half life and injection time with --suv-override"
        )
    dose, is_mbq = facts.dose, facts.dose is not None and 0 < facts.dose < LEAST_BQ
    if dose is not None and is_mbq:
        dose *= 1e6
    weight = plausible("PatientWeight", facts.weight, PLAUSIBLE_WEIGHT_KG, "kg")
    dose = plausible("RadionuclideTotalDose", dose, PLAUSIBLE_DOSE_BQ, "Bq")
    if is_mbq and dose < LEAST_BQ_PER_KG * weight:
        raise CIPAError(
            f"RadionuclideTotalDose is {facts.dose:g}, little for MBq ({dose / 1e6 / weight:.2g} per kg), so it may be "
            "in mCi; write it in Bq, or give it as dose_mbq with --suv-override"
        )
    return weight, dose


def _remaining_activity(slices: Sequence[PetFacts], rules: SuvRules) -> tuple[tuple[float, ...], dict[str, object]]:
    """Return the part of the activity injected that is left at the moment that each slice holds for."""
    first = slices[0]
    if first.decay_correction == "ADMIN":
        return (1.0,) * len(slices), {"rule": 4}
    if first.decay_correction not in {"START", "NONE"}:
        raise CIPAError(
            f"DecayCorrection is {first.decay_correction or 'missing'}; SUV needs START, ADMIN or NONE, export one of "
            "these"
        )
    half_life = plausible("RadionuclideHalfLife", first.half_life, PLAUSIBLE_HALF_LIFE_S, "s")
    is_start = first.decay_correction == "START"
    if not is_start and "DECY" in first.corrections:
        raise CIPAError(
            "DecayCorrection is NONE, but CorrectedImage has DECY; correct the one that is wrong, or export it again"
        )
    elapsed = (elapsed_to_reference if is_start else elapsed_to_frames)(slices, half_life, rules)
    remaining = tuple(2.0 ** (-seconds / half_life) for seconds in elapsed.seconds)
    return remaining, {
        "rule": 5 if is_start else 6,
        "RadionuclideHalfLife": half_life,
        **elapsed.used,
        "remaining_activity": remaining[0] if is_start else [min(remaining), max(remaining)],
    }
