"""Ties of a predicted case to its CT: the key table and the provenance that ``convert`` wrote."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nnunet_cipa.dicom.series.grouping import Candidate, build_series
from nnunet_cipa.errors import CIPAError, listed
from nnunet_cipa.files.csv_table import read_csv_table
from nnunet_cipa.files.hashes import files_hash
from nnunet_cipa.files.json_files import read_object

CASE, CT_SERIES = "case", "ct_series_uid"
_ANYWAY = "or leave out {option} to export onto the CT that you give, unchecked"


class Tie(Protocol):
    """Tells which CT a case was converted from."""

    def find(self, case: str, candidates: Sequence[Candidate]) -> Candidate:
        """Return the CT of a case.

        Raises
        ------
        CIPAError
            If it is not known, or not among the candidates.
        """


@dataclass(frozen=True)
class KeyTable:
    """SeriesInstanceUID of the CT by case, of the table at ``path``."""

    path: Path
    series: dict[str, str]

    def find(self, case: str, candidates: Sequence[Candidate]) -> Candidate:
        """Return the CT that the table names for a case.

        Raises
        ------
        CIPAError
            If the table does not have the case, or its CT is not among the candidates.
        """
        uid = self.series.get(case)
        if uid is None:
            raise CIPAError(
                f"{self.path}: has no case {case}; give the table of the conversion that it comes from, name the mask "
                f"by its case, {_ANYWAY.format(option='--key-table')}"
            )
        for candidate in candidates:
            if candidate.series_uid == uid:
                return candidate
        raise CIPAError(
            f"case {case} belongs to CT series {uid} by {self.path}, and there is: {_labels(candidates)}; give the "
            f"folder of its own CT, {_ANYWAY.format(option='--key-table')}"
        )


@dataclass(frozen=True)
class Provenance:
    """The folder of a dataset's provenance, whose files hold hashes of what each case was made of.

    ``hashes`` are those of the series that have been asked for, so that none is read twice.
    """

    folder: Path
    hashes: dict[str, str | None] = field(default_factory=dict, compare=False)

    def find(self, case: str, candidates: Sequence[Candidate]) -> Candidate:
        """Return the CT whose files are those that the case was converted from, byte by byte.

        Raises
        ------
        CIPAError
            If there is no provenance of the case, or no candidate has the hash.
        """
        path = self.folder / f"{case}.json"
        hashes = read_object(path, "give the folder provenance of the dataset that has the case").get("sha256")
        wanted = hashes.get("CT") if isinstance(hashes, dict) else None
        if not wanted:
            raise CIPAError(f"{path}: has no hash of a CT; give the folder provenance of a dataset made from DICOM")
        for candidate in candidates:
            uid = candidate.series_uid
            if uid not in self.hashes:
                self.hashes[uid] = _hash(candidate)
            if self.hashes[uid] == wanted:
                return candidate
        raise CIPAError(
            f"case {case} was converted from other files than those of {_labels(candidates)}, by {path}; give the "
            f"folder of its own CT as it was converted, {_ANYWAY.format(option='--provenance')}"
        )


def read_key_table(path: Path) -> KeyTable:
    """Read the table that ``convert --key-table`` wrote, as it is or as a spreadsheet saved it.

    Raises
    ------
    CIPAError
        If it cannot be read, lacks a column or a value, or names two series for one case.
    """
    try:
        table = read_csv_table(path)
    except CIPAError as error:
        raise CIPAError(f"--key-table {error}") from error
    columns = [table.column(name) for name in (CASE, CT_SERIES)]
    if None in columns:
        raise CIPAError(
            f"--key-table {path}: has the columns {', '.join(table.columns)}; give the table that convert wrote from "
            f"DICOM, with {CASE} and {CT_SERIES}"
        )
    series: dict[str, str] = {}
    for number, row in table.rows.items():
        case, uid = (row[column] for column in columns if column is not None)
        if not case or not uid:
            raise CIPAError(
                f"--key-table {path}: line {number} has no {CT_SERIES if case else CASE}; give the table that convert "
                "wrote, complete"
            )
        if series.setdefault(case, uid) != uid:
            raise CIPAError(f"--key-table {path}: case {case} has CT series {series[case]} and {uid}; keep one of them")
    if not series:
        raise CIPAError(f"--key-table {path}: holds no case; give the table that convert wrote")
    return KeyTable(path, series)


def _hash(candidate: Candidate) -> str | None:
    """Hash a CT as the conversion did, in the order of its slices; None if it is not a whole series."""
    try:
        series = build_series(candidate, grid_only=True)
    except CIPAError:
        return None
    return files_hash(piece.path for piece in series.slices)


def _labels(candidates: Sequence[Candidate]) -> str:
    return listed([f"CT series {candidate.label}" for candidate in candidates]) or "none"
