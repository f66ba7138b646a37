"""The table of --suv-override, its cells and its bytes."""

import csv
import io

from nnunet_cipa.dicom.suv.override_file import read_overrides
from tests.fuzz.mutations import NAMES, choose, mutate_bytes

HEAD = [
    "patient_id",
    "study_uid",
    "weight_kg",
    "height_cm",
    "sex",
    "dose_mbq",
    "half_life_s",
    "injection_time",
    "scan_time",
]
ROWS = [
    ["P-017", "", "71.5", "175", "F", "", "", "", ""],
    ["P-018", "1.2.3", "", "", "", "312.4", "6586.2", "09:12:30", "2021-05-04 10:15:00"],
    ["P-018", "1.2.4", "80", "", "M", "300", "", "091200", ""],
]
CELLS = (
    "", " ", "nan", "inf", "-1", "1e3", "1e400", "0x10", "7_0", "70,5", "\u0667\u0660", "1", "399", "401", "M", "m",
    "X", "00:00:00", "24:00", "23:59:60", "9:5", "20210504101500", "2021-02-29 10:00", "091230", "=1+1", "P-017",
    "weight_kg", "comment", "dose_bq", "weight",
)  # fmt: skip


class SuvOverrideTable:
    """Cells, columns, rows, separators and bytes."""

    def __init__(self, folder):
        self.path = folder / "input" / "override.csv"

    def mutate(self, rng):
        rows = [list(HEAD), *(list(row) for row in ROWS)]
        for _ in range(int(rng.integers(4))):
            row = rows[int(rng.integers(len(rows)))]
            kind = rng.random()
            if kind < 0.7 and row:
                row[int(rng.integers(len(row)))] = choose(rng, (*CELLS, *NAMES, *HEAD))
            elif kind < 0.8 and row:
                row.pop(int(rng.integers(len(row))))
            elif kind < 0.9:
                rows.insert(int(rng.integers(len(rows) + 1)), list(row))
            else:
                row.append(choose(rng, CELLS))
        stream = io.StringIO()
        writer = csv.writer(
            stream, delimiter=choose(rng, (",", ";", "\t")), lineterminator=choose(rng, ("\n", "\r\n", "\r", "\n\n"))
        )
        writer.writerows(rows)
        data = stream.getvalue().encode("utf-8", "surrogateescape")
        self.path.write_bytes(mutate_bytes(data, rng) if rng.random() < 0.4 else data)

    def read(self):
        return read_overrides(self.path)

    def check(self, found):
        """Every row of the file is there, and its numbers are those written, in the units of what they replace."""
        text = self.path.read_bytes().decode("utf-8-sig")
        separator = max(",;\t", key=text.lstrip().split("\n", 1)[0].count)
        lines = [
            [cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        ]
        head, *rows = [row for row in lines if any(row)]
        columns = ["".join(c for c in name.casefold() if c.isascii() and c.isalnum()) for name in head]
        assert len(found.rows) == len(rows)
        scale = {"weightkg": ("weight_kg", 1), "heightcm": ("height_cm", 0.01), "dosembq": ("dose_mbq", 1e6)}
        for row in rows:
            cells = dict(zip(columns, row, strict=True))
            given = found.rows[cells["patientid"], cells.get("studyuid", "")].given
            assert len(given) == sum(bool(cells[c]) for c in columns if c not in {"patientid", "studyuid", "comment"})
            for column, (name, factor) in scale.items():
                if cells.get(column):
                    assert abs(given[name] / factor - float(cells[column])) < 1e-9 * given[name] / factor
            assert 2 <= given.get("weight_kg", 70) <= 400
