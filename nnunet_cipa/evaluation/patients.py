"""The patient of each case."""

from collections.abc import Iterable
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_object


def read_patients(dataset: Path, cases: Iterable[str]) -> dict[str, str]:
    """Return case -> patient: what ``provenance/CASE.json`` says, as the converters write it, else the case itself.

    Parameters
    ----------
    dataset : Path
        ``$nnUNet_raw/DatasetNNN_NAME``.
    cases : iterable of str
        Names of cases.

    Raises
    ------
    CIPAError
        If a case has a provenance that cannot be read or names no patient.
    """
    return {case: _patient(dataset / "provenance" / f"{case}.json", case) for case in cases}


def _patient(provenance: Path, case: str) -> str:
    if not provenance.is_file():
        return case
    patient = read_object(provenance).get("patient", case)
    if not isinstance(patient, str) or not patient:
        raise CIPAError(f"{provenance}: has the patient {patient!r} where a name is expected; convert again")
    return patient
