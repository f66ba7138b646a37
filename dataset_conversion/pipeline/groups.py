"""Groups of patients by centre, scanner or the like: by what the files say, or by a table of the user's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.errors import CIPAError, refuse
from nnunet_cipa.files.csv_table import CsvTable, read_csv_table
from nnunet_cipa.options import UsageError

# What the column of the patients may be called; the first that is there counts.
PATIENT_COLUMNS = ("patient_id", "patient", "case")


@dataclass(frozen=True)
class Grouping:
    """The column to go by, and a table that has it, or None for what the files say."""

    column: str
    table: CsvTable | None

    def of(self, patients: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
        """Return the patients of each group; spellings in other cases are one group.

        Parameters
        ----------
        patients
            For each name what the files say, by the names of columns.

        Raises
        ------
        CIPAError
            If there is no such column, or a patient has no value in it or several.
        """
        values = self._in_files(patients) if self.table is None else _in_table(self.table, self.column)
        where = "the files" if self.table is None else self.table.path
        remedy = "give its table by --group-table" if self.table is None else "fill it in"
        refuse(f"patient {name} has no {self.column} in {where}; {remedy}" for name in patients if not values.get(name))
        groups: dict[str, list[str]] = {}
        spelling: dict[str, str] = {}
        for name in sorted(patients):
            value = spelling.setdefault(" ".join(values[name].split()).casefold(), values[name])
            groups.setdefault(value, []).append(name)
        return groups

    def _in_files(self, patients: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, str]:
        known = sorted({column for columns in patients.values() for column in columns})
        if self.column not in known:
            there = f"the files have {', '.join(known)}" if known else "the files have none"
            raise CIPAError(
                f"--group {self.column}: no such column; {there}: name one of these, or give a table that has it by "
                "--group-table"
            )
        found = {name: sorted(set(columns.get(self.column, ()))) for name, columns in patients.items()}
        refuse(
            f"patient {name} has several values of {self.column} ({', '.join(values)}), and all studies of a patient "
            "are in one fold; give a table with one value by --group-table"
            for name, values in found.items()
            if len(values) > 1
        )
        return {name: values[0] for name, values in found.items() if values}


def read_grouping(column: str | None, path: Path | None) -> Grouping | None:
    """Return what to group by, or None for nothing.

    Raises
    ------
    UsageError
        If there is a table without a column.
    CIPAError
        If the table cannot be read.
    """
    if column is None:
        if path is not None:
            raise UsageError(f"--group-table {path}: is for --group; name its column by --group, or leave it out")
        return None
    return Grouping(column, None if path is None else read_csv_table(path))


def _in_table(table: CsvTable, column: str) -> dict[str, str]:
    who = next(filter(None, map(table.column, PATIENT_COLUMNS)), None)
    if who is None:
        raise CIPAError(
            f"{table.path}: has the columns {', '.join(table.columns)}; name the one of the patients "
            f"{PATIENT_COLUMNS[0]}"
        )
    what = table.column(column)
    if what is None:
        raise CIPAError(
            f"{table.path}: has the columns {', '.join(table.columns)} and not {column}; add it, or choose another by "
            "--group"
        )
    values: dict[str, str] = {}
    for number, row in table.rows.items():
        other = values.setdefault(row[who], row[what])
        if other != row[what]:
            raise CIPAError(
                f"{table.path} line {number}: {row[who]} has the {column} {row[what]!r}, and {other!r} above; "
                "give a patient one value, as all studies of a patient are in one fold"
            )
    return values
