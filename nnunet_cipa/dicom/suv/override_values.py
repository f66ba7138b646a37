"""Values in a CSV file of --suv-override: numbers within limits, words and times, by the columns' names."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from nnunet_cipa.dicom.suv.body_size import BODY_SIZES, PLAUSIBLE_HEIGHT_M, PLAUSIBLE_WEIGHT_KG
from nnunet_cipa.dicom.suv.clock import Moment, parse_moment
from nnunet_cipa.dicom.suv.scale import PLAUSIBLE_DOSE_BQ, PLAUSIBLE_HALF_LIFE_S
from nnunet_cipa.errors import CIPAError

_TIME = re.compile(
    r"(?:(\d{4})-(\d\d)-(\d\d)[T ]|(\d{4})(\d\d)(\d\d)[T ]?)?(\d{1,2}:\d\d(?::\d\d(?:\.\d{1,6})?)?|\d{6})"
)


def parse_values(where: str, row: Mapping[str, str]) -> dict[str, Any]:
    """Read the values of a row.

    Parameters
    ----------
    where
        The row, for errors.
    row
        What was written, by column.

    Raises
    ------
    CIPAError
        If there is none, the dose is given twice, or one is not what its column has.
    """
    if not row:
        raise CIPAError(f"{where}: gives no value; enter one, or leave the patient out")
    if {"dose_bq", "dose_mbq"} <= row.keys():
        raise CIPAError(f"{where}: gives dose_bq and dose_mbq; give one of them")
    values = {}
    for column, cell in row.items():
        try:
            values[column] = _PARSERS[column](cell)
        except ValueError as error:
            raise CIPAError(f"{where}: {column} is {cell!r}; {error}") from error
    return values


def _number(limits: tuple[float, float], unit: str, scale: float = 1.0) -> Callable[[str], float]:
    low, high = (limit / scale for limit in limits)

    def parse(cell: str) -> float:
        try:
            value = float(cell) if re.fullmatch(r"[-+0-9.eE]+", cell) else math.nan
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"give a number of {unit} from {low:g} to {high:g}, with a decimal point")
        return value * scale

    return parse


def _word(known: tuple[str, ...]) -> Callable[[str], str]:
    def parse(cell: str) -> str:
        if cell.upper() not in known:
            raise ValueError(f"give one of {', '.join(known)}")
        return cell.upper()

    return parse


def _moment(cell: str) -> Moment:
    """Read a time of day, with or without a date before it."""
    found = _TIME.fullmatch(cell)
    if found is not None:
        *parts, clock = found.groups()
        given = [int(part) for part in parts if part is not None]
        moment = parse_moment(None, f"0{clock}" if clock[1] == ":" else clock)
        try:
            day = date(*given) if given else None
        except ValueError:
            moment = None
        if moment is not None:
            return Moment(day, moment.seconds)
    raise ValueError("give a time as HH:MM:SS, with or without a date before it as YYYY-MM-DD")


_PARSERS: dict[str, Callable[[str], Any]] = {
    "weight_kg": _number(PLAUSIBLE_WEIGHT_KG, "kg"),
    "height_cm": _number(PLAUSIBLE_HEIGHT_M, "cm", 0.01),
    "sex": _word(("M", "F", "O")),
    "suv_type": _word(("BW", *BODY_SIZES)),
    "dose_bq": _number(PLAUSIBLE_DOSE_BQ, "Bq"),
    "dose_mbq": _number(PLAUSIBLE_DOSE_BQ, "MBq", 1e6),
    "half_life_s": _number(PLAUSIBLE_HALF_LIFE_S, "s"),
    "injection_time": _moment,
    "scan_time": _moment,
}
