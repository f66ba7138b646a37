"""CSV files that users write, read to rows by the names of the columns."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.regular import read_regular

SEPARATORS = ",;\t"


@dataclass(frozen=True)
class CsvTable:
    """The rows of a CSV file.

    Attributes
    ----------
    path
        Of the file.
    columns
        Names in its first line.
    rows
        For each further line the text under each column, without spaces round it; by the number of the line.
    """

    path: Path
    columns: tuple[str, ...]
    rows: dict[int, dict[str, str]]

    def column(self, name: str) -> str | None:
        """Return the column of a name, whatever its case; None if there is none."""
        return next((column for column in self.columns if column.casefold() == name.casefold()), None)


def read_csv_table(path: Path) -> CsvTable:
    """Read a table with a line of names, separated by commas, semicolons or tabs, as spreadsheets write it.

    Raises
    ------
    CIPAError
        If it cannot be read, is not text in UTF-8, has no line of names or one with a name twice, or if a line has
        another number of values.
    """
    try:
        text = read_regular(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CIPAError(f"{path}: not UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from error
    first = text.lstrip().split("\n", 1)[0]
    separator = max(SEPARATORS, key=first.count)
    lines: dict[int, list[str]] = {}
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for values in reader:
            if any(value.strip() for value in values):
                lines[reader.line_num] = [value.strip() for value in values]
    except csv.Error as error:
        raise CIPAError(f"{path} line {reader.line_num}: is not CSV ({error}); save it again as CSV") from error
    if not lines:
        raise CIPAError(f"{path}: is empty; give it a line with the names of its columns, and a line per patient")
    number = next(iter(lines))
    columns = lines.pop(number)
    _check_columns(path, number, columns)
    for number, values in lines.items():
        if len(values) != len(columns):
            raise CIPAError(
                f"{path} line {number}: has {len(values)} values, but there are {len(columns)} columns; give each "
                "column a value, or leave it empty between two separators"
            )
    return CsvTable(
        path, tuple(columns), {number: dict(zip(columns, values, strict=True)) for number, values in lines.items()}
    )


def _check_columns(path: Path, number: int, columns: list[str]) -> None:
    folded = [column.casefold() for column in columns]
    for column in columns:
        if not column:
            raise CIPAError(f"{path} line {number}: names {columns}, of which one is empty; name every column")
        if folded.count(column.casefold()) > 1:
            raise CIPAError(f"{path} line {number}: names the column {column!r} twice; keep one of them")
