"""Words for how SUV came about: what the headers say, what was computed, and why it is believed."""

from collections.abc import Iterator, Mapping
from typing import Any

from nnunet_cipa.dataset_conversion.study_set.registered import REGISTRATION

_UNITS = {
    "BQML": "Bq/ml",
    "GML": "g/ml, which is SUV already",
    "CM2ML": "cm2/ml, which is SUV already",
    "CNTS": "counts",
}
_DECAY = {
    "START": "to the start of the scan (START)",
    "ADMIN": "to the injection (ADMIN)",
    "NONE": "not in the images (NONE); computed here by frame",
}
# By the rule that the facts name (see ``suv_scale``).
_WHY = {
    2: "The images are SUV by what they say of themselves; nothing was computed from dose and weight.",
    3: "The vendor's own factor to SUV, in every slice, was used.",
    4: "SUV is the value times weight over dose, as decay was corrected to the injection.",
    5: "SUV is the value times weight over the dose that was left when the scan began.",
    6: "SUV is the value times weight over the dose that was left at the mean of each frame.",
}
_CHECKED = (
    "All slices agree in what SUV is computed from, weight, dose and half life are plausible, and the times that the "
    "headers give agree within a minute."
)


def suv_words(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how SUV came about, a name and a text each.

    Parameters
    ----------
    facts
        Of the PET, as ``suv_scale`` and the reader of patients record them; empty for what was SUV in the file.
    """
    if "rule" not in facts:
        yield "values", "SUV by body weight as the file has them; how they were computed is not known here"
    else:
        yield "values", _UNITS.get(str(facts["Units"]), str(facts["Units"]))
        yield from _header(facts)
        yield from _times(facts)
        yield "why believed", _why(facts)
    yield from _changes(facts)
    if "highest_suv" in facts:
        yield "highest SUV", f"{facts['highest_suv']:.1f}"


def _why(facts: Mapping[str, Any]) -> str:
    rule = facts["rule"]
    if rule == 2 and "body_size" in facts:
        return "The images are SUV by another size of the body, and were multiplied by weight over that size."
    return f"{_WHY[rule]} {_CHECKED}" if rule in {4, 5, 6} else _WHY[rule]


def _header(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if facts.get("SUVType"):
        yield "SUV type", str(facts["SUVType"])
    yield "corrections", ", ".join(facts["CorrectedImage"]) or "not told"
    if facts.get("DecayCorrection"):
        yield "decay correction", _DECAY.get(facts["DecayCorrection"], str(facts["DecayCorrection"]))
    if "PatientWeight" in facts:
        yield "weight", f"{facts['PatientWeight']:g} kg"
    if "PatientSize" in facts:
        yield "height, sex", f"{facts['PatientSize']:g} m, {facts['PatientSex'] or 'not told'}"
    if "RadionuclideTotalDose" in facts:
        yield "dose", f"{facts['RadionuclideTotalDose'] / 1e6:.1f} MBq"
    if "RadionuclideHalfLife" in facts:
        yield "half life", f"{facts['RadionuclideHalfLife'] / 60:.2f} min"


def _times(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "elapsed_s" not in facts:
        return
    yield "injection", f"{facts['injection_time']}, by {facts['injection_from']}"
    yield "values hold for", f"{facts['reference_time']}, by {facts['reference_from']}"
    yield "between them", f"{_range(facts['elapsed_s'], 60, 1)} min, by {facts['elapsed_from']}"
    yield "left of the dose", f"{_range(facts['remaining_activity'], 0.01, 1)} %"


def _changes(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "suv_per_bqml" in facts:
        yield "SUV per kBq/ml", _range(facts["suv_per_bqml"], 1e-3, 4)
    for column, values in facts.get("override", {}).items():
        yield f"{column} by --suv-override", f"{values['given']} in place of the header's {values['header']}"
    if REGISTRATION in facts:
        degrees, shift = (facts[REGISTRATION][name] for name in ("degrees", "shift_mm"))
        origin = ", ".join(f"{one:.1f}" for one in shift)
        yield "registration", f"moved by a DICOM REG: turned by {degrees:.1f} degrees, the origin to ({origin}) mm"


def _range(value: float | list[float], unit: float, digits: int) -> str:
    ends = value if isinstance(value, list | tuple) else [value]
    return " to ".join(dict.fromkeys(f"{one / unit:.{digits}f}" for one in ends))
