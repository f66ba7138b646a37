"""Values that count for a patient in place of what the headers of the PET say."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nnunet_cipa.dicom.suv.body_size import BODY_SIZES, DEFAULT_TYPES
from nnunet_cipa.dicom.suv.clock import Moment, parse_datetime
from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.errors import CIPAError

# Columns of --suv-override, and the fields of PetFacts that they set; two set the dose, of which a row may have one.
COLUMNS = {
    "weight_kg": "weight",
    "height_cm": "height",
    "sex": "sex",
    "suv_type": "suv_type",
    "dose_bq": "dose",
    "dose_mbq": "dose",
    "half_life_s": "half_life",
    "injection_time": "injection_given",
    "scan_time": "scan_start",
}
# Those that tell by what SUV was divided; they count where the values are SUV already.
_OF_SIZE = {"weight", "height", "sex", "suv_type"}
_TIMES = {"half_life", "injection_given", "scan_start"}


@dataclass(frozen=True)
class SuvOverride:
    """What counts for one patient: values of fields of ``PetFacts``, by the columns that they were given in."""

    given: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, facts: PetFacts) -> PetFacts:
        """Return the facts with the values given in place of the header's.

        Raises
        ------
        CIPAError
            If the values of the images are SUV already, and were divided by what is to be replaced.
        """
        fields = {COLUMNS[column]: value for column, value in self.given.items()}
        if facts.units in DEFAULT_TYPES:
            self._check_size(facts, fields)
        if {"dose", "half_life", "injection_given"} <= fields.keys():
            fields["injections"] = 1
        return replace(facts, **fields)

    def recorded(self, facts: PetFacts) -> dict[str, object]:
        """Return what was replaced, for a provenance record: header's value and given one; times without dates."""
        whole = parse_datetime(facts.injection_datetime)
        injected = facts.injection_time if whole is None else whole[0].clock
        shown = {"injection_given": injected, "scan_start": facts.series_time}
        return {
            column: {"header": shown.get(COLUMNS[column], getattr(facts, COLUMNS[column])), "given": _told(value)}
            for column, value in self.given.items()
        }

    def notes(self, facts: PetFacts) -> tuple[str, ...]:
        """Return what the user should know: that it was applied, and what SUV of such images does not depend on."""
        if not self.given:
            return ()
        lines = [f"{', '.join(self.given)} of --suv-override count in place of the header's"]
        idle = [column for column in self.given if COLUMNS[column] in _TIMES]
        if idle and facts.decay_correction == "ADMIN":
            lines.append(f"{', '.join(idle)} of --suv-override have no effect, as DecayCorrection is ADMIN")
        return tuple(lines)

    def _check_size(self, facts: PetFacts, fields: Mapping[str, Any]) -> None:
        for column, value in self.given.items():
            name = COLUMNS[column]
            header = getattr(facts, name)
            unknown = header is None or (name == "suv_type" and header not in {"BW", *BODY_SIZES})
            if name not in _OF_SIZE or not (unknown or header == fields[name]):
                raise CIPAError(
                    f"--suv-override gives {column} {_told(value)}, but Units are {facts.units}: the values were made "
                    "SUV with what the header says, and cannot be corrected; export Bq/ml, or leave it out"
                )


def _told(value: object) -> object:
    return value.clock if isinstance(value, Moment) else value
