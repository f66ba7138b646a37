"""Table of lesions, for files and pages."""

import csv
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.evaluation.uptake import Uptake
from nnunet_cipa.files.atomic import write_text
from nnunet_cipa.pages.numbers import format_number
from nnunet_cipa.pages.tables import Table
from nnunet_cipa.predict.lesions.measured import PatientLesions

ALL = "all"


@dataclass(frozen=True)
class Column:
    """A column of the file.

    Attributes
    ----------
    name
        In the file, with its unit.
    value
        What it holds.
    title
        On pages; empty for what they leave out.
    digits
        On pages.
    """

    name: str
    value: Callable[[Uptake], float]
    title: str = ""
    digits: int = 0


COLUMNS = (
    Column("volume_ml", lambda of: of.volume_ml, "Volume (ml)", 2),
    Column("suv_max", lambda of: of.suv_max, "SUVmax", 2),
    Column("suv_mean", lambda of: of.suv_mean, "SUVmean", 2),
    Column("suv_peak", lambda of: of.suv_peak, "SUVpeak", 2),
    Column("tlg_g", lambda of: of.tlg, "TLG (g)", 1),
    Column("diameter_mm", lambda of: of.diameter_mm, "Diameter (mm)", 1),
    Column("centroid_x_mm", lambda of: of.centroid_mm[0]),
    Column("centroid_y_mm", lambda of: of.centroid_mm[1]),
    Column("centroid_z_mm", lambda of: of.centroid_mm[2]),
    Column("first_slice", lambda of: of.slices[0], "First slice"),
    Column("last_slice", lambda of: of.slices[1], "Last slice"),
    Column("in_pet", lambda of: of.in_pet, "In the PET", 2),
    Column("interpolated", lambda of: of.interpolated),
)
HEADER = ("patient", "label", "lesion", *(column.name for column in COLUMNS))
NOTE = (
    "Largest first, SUV by body weight. SUVpeak is the highest mean of a sphere of 1 ml, TLG is SUVmean times volume, "
    "slices are those of the mask from 1. In the PET: part of the lesion that the PET covers, whose uptake it is."
)


def write_lesions(lesions: PatientLesions, path: Path) -> None:
    """Write a line for each lesion and one for all of each label that has any; without a lesion the header alone."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for label, lesion, uptake in _rows(lesions):
        writer.writerow([lesions.name, label, lesion, *(_number(column.value(uptake)) for column in COLUMNS)])
    write_text(path, text.getvalue())


def lesion_table(lesions: PatientLesions) -> Table:
    """Return the same lines for a page, without the patient's name."""
    shown = [column for column in COLUMNS if column.title]
    rows = [
        (label, lesion, *(format_number(column.value(uptake), column.digits) for column in shown))
        for label, lesion, uptake in _rows(lesions)
    ]
    return Table("Lesions", ("Label", "Lesion", *(column.title for column in shown)), rows, NOTE)


def _rows(lesions: PatientLesions) -> Iterator[tuple[str, str, Uptake]]:
    for one in lesions.labels:
        for number, uptake in enumerate(one.uptake, 1):
            yield one.label, str(number), uptake
        if one.total is not None:
            yield one.label, ALL, one.total


def _number(value: float) -> str:
    """Write a number with six digits; nothing if it is not known."""
    return f"{value:.6g}" if math.isfinite(value) else ""
