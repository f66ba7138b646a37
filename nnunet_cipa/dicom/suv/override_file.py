"""Reads the CSV file of --suv-override."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.dicom.suv.override import COLUMNS, SuvOverride
from nnunet_cipa.dicom.suv.override_values import parse_values
from nnunet_cipa.dicom.suv.rules import SuvRules
from nnunet_cipa.errors import CIPAError, refuse
from nnunet_cipa.files.csv_table import read_csv_table

OPTION = "--suv-override"
PATIENT, STUDY, COMMENT = "patient_id", "study_uid", "comment"
_ALL = (PATIENT, STUDY, *COLUMNS, COMMENT)


@dataclass(frozen=True)
class SuvOverrides:
    """Values by PatientID, and by StudyInstanceUID where the file has it (empty where not)."""

    path: Path | None = None
    rows: Mapping[tuple[str, str], SuvOverride] = field(default_factory=dict)

    def of(self, patient_id: str, study_uid: str) -> SuvOverride | None:
        """Return what counts for a study of a patient, if there is anything."""
        found = self.rows.get((patient_id, study_uid))
        return self.rows.get((patient_id, "")) if found is None else found

    def check_known(self, studies: Mapping[str, Iterable[str]]) -> None:
        """Refuse rows of nobody, and rows for all studies of a patient who has several.

        Parameters
        ----------
        studies
            StudyInstanceUIDs of the PET series of each patient, by PatientID.

        Raises
        ------
        CIPAError
            With a line for each such row.
        """
        refuse(self._unknown(studies))

    def _unknown(self, studies: Mapping[str, Iterable[str]]) -> Iterator[str]:
        for patient_id, study_uid in self.rows:
            theirs = set(studies.get(patient_id, ()))
            if not theirs:
                yield f"{OPTION} {self.path}: no PET of a patient {patient_id!r} was found; correct the patient_id"
            elif study_uid and study_uid not in theirs:
                yield (
                    f"{OPTION} {self.path}: patient {patient_id!r} has no PET in study {study_uid}; correct the "
                    "study_uid"
                )
            elif not study_uid and len(theirs) > 1:
                yield (
                    f"{OPTION} {self.path}: patient {patient_id!r} has PET of {len(theirs)} studies "
                    f"({', '.join(sorted(theirs))}); give a row each, with study_uid"
                )


def read_overrides(path: Path | None) -> SuvOverrides:
    """Read the file: a header and a row for each patient, values that do not count left empty.

    Raises
    ------
    CIPAError
        If it cannot be read, is not such a table, has columns without their unit, patients twice, or absurd values.
    """
    if path is None:
        return SuvOverrides()
    table = read_csv_table(path)
    columns = _columns(path, table.columns)
    rows: dict[tuple[str, str], SuvOverride] = {}
    for number, cells in table.rows.items():
        where = f"{path} line {number}"
        row = {columns[name]: cell for name, cell in cells.items() if cell and columns[name] != COMMENT}
        key = (row.pop(PATIENT, ""), row.pop(STUDY, ""))
        if not key[0]:
            raise CIPAError(f"{where}: has no {PATIENT}; enter it")
        if key in rows:
            raise CIPAError(f"{where}: patient {key[0]!r} was there before; keep one row, or give each its study_uid")
        rows[key] = SuvOverride(parse_values(where, row))
    if not rows:
        raise CIPAError(f"{path}: has names of columns, but no row; add one for each patient, or leave out {OPTION}")
    return SuvOverrides(path, rows)


def suv_rules(options: SuvOptions, studies: Mapping[str, Iterable[str]]) -> Callable[[str, str], SuvRules]:
    """Return what tells the rules for a PET by its PatientID and StudyInstanceUID.

    Parameters
    ----------
    options
        Of which the file is read.
    studies
        StudyInstanceUIDs of the PET series of each patient that there is, by PatientID.

    Raises
    ------
    CIPAError
        If the file cannot be read (see ``read_overrides``), or has rows that do not tell whose they are.
    """
    SuvRules(options.most_half_lives)
    overrides = read_overrides(options.suv_override)
    overrides.check_known(studies)
    return lambda patient_id, study_uid: SuvRules(options.most_half_lives, overrides.of(patient_id, study_uid))


def _columns(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Return which column each name is, whatever its case and what is between its words."""
    known = {_plain(column): column for column in _ALL}
    columns: dict[str, str] = {}
    for name in names:
        column = known.get(_plain(name))
        if column is None:
            likely = [one for one in COLUMNS if _plain(name).startswith(one.split("_")[0])]
            hint = f"if it is {' or '.join(likely)}, name it so" if likely else "correct it"
            raise CIPAError(f"{path}: there is no column {name!r} for {OPTION}, but {', '.join(_ALL)}; {hint}")
        if column in columns.values():
            raise CIPAError(f"{path}: has the column {column} twice; keep one")
        columns[name] = column
    if PATIENT not in columns.values():
        raise CIPAError(f"{path}: has no column {PATIENT}; add it, with the PatientID of each patient")
    return columns


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
